"""The command line: translates arguments into one operation each, and its answer into words or JSON."""
