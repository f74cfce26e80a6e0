"""SIGNATURES; being built."""

from __future__ import annotations

from mailkeep.connectors.ews.wire.responses import ResponseMessage
from mailkeep.errors import MailkeepError


def error_of(message: ResponseMessage, what: str, mailbox: str = "") -> MailkeepError:
    """The error a refused request means. `what`: what was tried, as in "list the folder Sent"."""
    ...  # type: ignore[empty-body]


def item_problem(message: ResponseMessage) -> tuple[str, str] | None:
    """(code, sentence) where the answer concerns this item alone, as in `Unfetched`: vanished, unreadable, item_too_large.

    None: it concerns the mailbox or the server (then `error_of`).
    """
    ...


def is_lost_state(code: str) -> bool:
    """SyncState no longer honoured: list from the start."""
    ...  # type: ignore[empty-body]


def is_lost_folder(code: str) -> bool:
    """The folder vanished meanwhile."""
    ...  # type: ignore[empty-body]


def is_missing_operation(code: str) -> bool:
    """The server does not know the operation, or not in this form (ExportItems elsewhere than Exchange)."""
    ...  # type: ignore[empty-body]


def splits(code: str) -> bool:
    """The whole batch failed, and one item of it may be why: ask again in halves."""
    ...  # type: ignore[empty-body]
