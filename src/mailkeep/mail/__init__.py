"""The nouns of mail, and pure readings of it. Nothing here opens a socket, a file or a database."""
