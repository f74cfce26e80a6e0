"""The console: pages that translate a request into one operation and its answer into HTML."""
