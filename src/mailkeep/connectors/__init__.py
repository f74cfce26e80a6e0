"""One folder per kind of server, all of it inside; `base` is the protocol they keep and all that anybody else sees."""
