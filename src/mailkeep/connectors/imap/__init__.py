"""IMAP4rev1 servers. Codec without I/O: `wire command names headers checkpoint`; the rest talks.

line        bytes on a socket → responses, literals straight into their own memory
session     commands in flight, answers handed to those who asked
opening     connect, TLS, sign in          refusals    what a server's NO means
folders     the hierarchy and its counts   listing     what changed in a folder
fetching    bytes of many items            creating    restores
connector   all of it as `connectors.base` wants it; provider, trial: sessions and the connection test
"""
