"""What a response code means for us: an error of `mailkeep.errors`, a problem of one item, or a reason to ask otherwise.

    ErrorServerBusy ─▶ error_of ─▶ RetryLater("throttled", wait_seconds=BackOffMilliseconds / 1000)
    ErrorItemNotFound ─▶ item_problem ─▶ ("vanished", "the item was removed while it was being fetched")

Which code belongs to which group says `code_table`; here stands what each group asks for. A code that no schema knows (a
newer Exchange, another server) is refused in the server's own words, by name.
"""

from __future__ import annotations

from mailkeep.connectors.ews.wire.code_table import GROUPS, Group
from mailkeep.connectors.ews.wire.responses import TOO_LARGE, UNREADABLE, ResponseMessage
from mailkeep.errors import GiveUp, MailkeepError, RetryLater, RetryNow

_AGAIN = "nothing to do: it is tried again"

# group → code of SPEC C7, what happened ({mailbox} and {what} are put in), what to do
_FINAL: dict[Group, tuple[str, str, str]] = {
    Group.IMPERSONATION: (
        "impersonation_denied",
        "the service account may not act for {mailbox}",
        "give it the management role ApplicationImpersonation, with a scope that includes this mailbox",
    ),
    Group.NO_MAILBOX: (
        "mailbox_not_found",
        "the server has no mailbox {mailbox}",
        "check that it is the mailbox's primary SMTP address and that the mailbox is on this server",
    ),
    Group.DISABLED: (
        "account_disabled",
        "the account of {mailbox} is disabled",
        "enable it in Active Directory, or take the mailbox out of the task; what is archived stays",
    ),
    Group.SIGN_IN: (
        "auth_failed",
        "the server no longer takes the sign-in that {mailbox} is opened with",
        "check the service account's password, and whether it has expired, in the connection",
    ),
    Group.ACCESS: (
        "access_denied",
        "the account may not {what} in {mailbox}",
        "grant it full access to the mailbox, or ApplicationImpersonation",
    ),
    Group.VERSION: (
        "refused_by_server",
        "the server, or the one that {mailbox} is on, is older than Exchange 2013 SP1; could not {what}",
        "Mailkeep reads Exchange 2013 SP1 and later: update the server, or move the mailbox to a newer one",
    ),
    Group.QUOTA: ("over_quota", "{mailbox} is full", "make room in the mailbox, or raise its quota"),
    Group.NO_FOLDER: (
        "folder_not_found",
        "the folder is no longer there; could not {what}",
        "it was removed or renamed meanwhile: synchronise again",
    ),
}

_OF_THE_ITEM: dict[Group, tuple[str, str]] = {
    Group.NO_ITEM: ("vanished", "the item was removed while it was being fetched"),
    Group.TOO_LARGE: ("item_too_large", "the item is larger than the server gives out"),
    Group.UNREADABLE: ("unreadable", "the server cannot read the item"),
}
_OWN = {TOO_LARGE: Group.TOO_LARGE, UNREADABLE: Group.UNREADABLE}
_MAYBE_ONE_ITEM = frozenset(
    {"ErrorInternalServerError", "ErrorTimeoutExpired", "ErrorInternalServerTransientError", "ErrorDataSourceOperation"}
)
_OFTEN_ONE_ITEM = frozenset(
    {"ErrorInternalServerError", "ErrorDataSourceOperation"}
)  # Exchange's word for a poisoned one
_NO_CONVERSION = frozenset(
    {
        "ErrorItemCorrupt",
        "ErrorCorruptData",
        "ErrorContentConversionFailed",
        "ErrorMimeContentConversionFailed",
        "ErrorMimeContentInvalid",
        "ErrorMimeContentInvalidBase64String",
        "ErrorUnsupportedMimeConversion",
        "ErrorUnsupportedTypeForConversion",
    }
)
_UNKNOWN_OPERATION = frozenset({"ErrorInvalidOperation", "ErrorSchemaValidation", "ErrorInvalidRequest"})


def group_of(code: str) -> Group | None:
    """The code's group; None for a code that no schema of ours has."""
    return _OWN.get(code) or GROUPS.get(code)


def error_of(message: ResponseMessage, what: str, mailbox: str = "", *, writing: bool = False) -> MailkeepError:
    """The error that a refused request means. `what`: what was tried, as in "list the folder Sent".

    `writing`: an item that the server will not take is `cannot_create`, so that a restore goes on with the others.
    """
    group = group_of(message.code)
    said = _said(message)
    whose = mailbox or "the mailbox"
    passing = _passing(group, message, whose, what)
    if passing is not None:
        return passing
    if group in _FINAL:
        code, sentence, hint = _FINAL[group]
        return GiveUp(code, f"{sentence.format(mailbox=whose, what=what)} ({said})", hint)
    if group in _OF_THE_ITEM:
        code, sentence = _OF_THE_ITEM[group]
        if writing and group is not Group.TOO_LARGE:
            return GiveUp(
                "cannot_create", f"the server does not take the item: {said}", "see the report of the restore"
            )
        return GiveUp(
            code, f"could not {what}: {sentence} ({said})", "the others go on; it is tried again on later runs"
        )
    return GiveUp(
        "cannot_create" if writing else "refused_by_server",
        f"the server would not {what}: {said}",
        "look into the server's EWS log; if the server is no Exchange, it may not know the request",
    )


def _passing(group: Group | None, message: ResponseMessage, whose: str, what: str) -> MailkeepError | None:
    """The errors that pass by themselves. Any answer with a back-off is one of them, whatever its code."""
    wait, said = message.back_off_seconds, _said(message)
    if group is Group.BUSY or (wait is not None and group is not Group.MOVING):
        return RetryLater("throttled", f"the server asks to be left alone for a while ({said})", _AGAIN, wait)
    if group is Group.MOVING:
        moved = f"{whose} is being moved to another database ({said})"
        return RetryLater("mailbox_moving", moved, "nothing to do: it is tried again when the move is over", wait)
    if group is Group.FALTERED:
        return RetryNow("connection_lost", f"the server faltered: could not {what} ({said})", _AGAIN)
    if group is Group.NO_STATE:
        return RetryNow("state_lost", f"the server no longer knows what was listed before ({said})", _AGAIN)
    if group is Group.STORE:
        offline = f"on the mail server, the database that holds {whose} is not mounted or cannot be reached ({said})"
        return RetryLater("store_offline", offline, "mount the mailbox database on the server; it is tried again", wait)
    if group is Group.AWAY:
        hint = "it is tried again; if it lasts, look at the server's own services and its event log"
        return RetryLater("unreachable", f"the server cannot reach {whose} just now ({said})", hint, wait)
    return None


def item_problem(message: ResponseMessage) -> tuple[str, str] | None:
    """(code, sentence) where the answer concerns this item alone, as in `Unfetched`: vanished, unreadable, item_too_large.

    None: it is no error, or it concerns the mailbox or the server (then `error_of`).
    """
    if message.response_class != "Error":
        return None
    group = group_of(message.code)
    if group in _OF_THE_ITEM and message.back_off_seconds is None:
        code, sentence = _OF_THE_ITEM[group]
        return code, f"{sentence} ({_said(message)})"
    if message.code in _OFTEN_ONE_ITEM and message.back_off_seconds is None:
        return "unreadable", f"the server fails over the item ({_said(message)})"
    if group is Group.ACCESS:
        return "unreadable", f"the server denies access to the item ({_said(message)})"
    return None


def is_server_trouble(code: str) -> bool:
    """Exchange's word for an item it fails over, and for being out of order itself."""
    return code in _OFTEN_ONE_ITEM


def is_no_conversion(code: str) -> bool:
    """The item is there, but the server cannot make MIME of it."""
    return code in _NO_CONVERSION


def is_lost_state(code: str) -> bool:
    """SyncState no longer honoured: list from the start."""
    return group_of(code) is Group.NO_STATE


def is_lost_folder(code: str) -> bool:
    """The folder vanished meanwhile, or the mailbox never had it (no in-place archive)."""
    return group_of(code) is Group.NO_FOLDER


def is_missing_operation(code: str) -> bool:
    """The server does not know the operation, or not in this form (ExportItems elsewhere than Exchange)."""
    return code in _UNKNOWN_OPERATION or group_of(code) is Group.OPERATION or not code.startswith("Error")


def splits(code: str) -> bool:
    """The whole batch failed, and one item of it may be why: ask again in halves.

    A fault without a code of EWS (`Client`, `Server`) is what servers other than Exchange answer for it.
    """
    known = code in _MAYBE_ONE_ITEM or group_of(code) in _OF_THE_ITEM or code in _UNKNOWN_OPERATION
    return known or not code.startswith("Error")


def _said(message: ResponseMessage) -> str:
    text = " ".join(message.text.split())[:300]
    return f"{message.code}: {text}" if text else message.code
