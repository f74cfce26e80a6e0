"""One mailbox, brought into step: list, settle, fetch. No Django, no provider's name."""
