"""What the organisation refuses, by what was wrong. A face says it in its own words."""

from __future__ import annotations


class Refusal(Exception):
    """The organisation did not do it; nothing has changed."""


class NotFound(Refusal):
    """No such folder, item, attachment or occurrence; or no longer."""


class FolderExists(Refusal):
    """The parent has a folder of that name, whatever its case."""


class Distinguished(Refusal):
    """A well-known folder is neither deleted, renamed nor moved."""


class InvalidMove(Refusal):
    """A folder can't go into itself; a root can't go anywhere."""


class InvalidSyncState(Refusal):
    """A sync state that is not ours, not of this folder, or from before its synchronisation was reset."""


class MailboxUnavailable(Refusal):
    """The mailbox is disabled or on its way to another database: `reason` is "disabled" or "moving"."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class OccurrenceDeleted(Refusal):
    """The series has that occurrence no more."""


class OccurrenceOutOfRange(Refusal):
    """The series never had that many occurrences."""
