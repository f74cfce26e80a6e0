"""Mailkeep archives an organisation's mailboxes and recovers them. ARCHITECTURE.md is the map."""

__version__ = "0.1.0"
