"""The answers by which a server, or a box in front of it, refuses: SOAP faults as Exchange words them, and plain HTTP."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from xml.sax.saxutils import escape, quoteattr

from mailkeep.simulator.ews.reply import Reply

TYPES = "http://schemas.microsoft.com/exchange/services/2006/types"
ERRORS = "http://schemas.microsoft.com/exchange/services/2006/errors"

BUSY = "The server cannot service this request right now. Try again later."
TEXTS = {
    "ErrorServerBusy": BUSY,
    "ErrorExceededConnectionCount": (
        "You have exceeded the available concurrent connections for your account.  "
        "Try again once your other requests have completed."
    ),
    "ErrorImpersonateUserDenied": "The account does not have permission to impersonate the requested user.",
    "ErrorImpersonationFailed": "Impersonation failed.",
    "ErrorNonExistentMailbox": "The SMTP address has no mailbox associated with it.",
    "ErrorAccountDisabled": "Account is disabled.",
    "ErrorMailboxMoveInProgress": "Mailbox move in progress. Try again later.",
    "ErrorMailboxStoreUnavailable": "The mailbox database is temporarily unavailable.",
    "ErrorMailboxFailover": "The mailbox database is temporarily unavailable because it failed over to another server.",
    "ErrorInternalServerError": "An internal server error occurred. The operation failed.",
    "ErrorInternalServerTransientError": "An internal server error occurred. Try again later.",
    "ErrorInvalidServerVersion": "The specified server version is invalid.",
    "ErrorIncorrectSchemaVersion": "The request schema version is not supported by this server.",
    "ErrorInvalidUserPrincipalName": "The user principal name (UPN) is not valid.",
    "ErrorInvalidUserSid": "The user SID is not valid.",
    "ErrorInvalidRequest": "The request is invalid.",
    "ErrorInvalidExchangeImpersonationHeaderData": "ExchangeImpersonation SOAP header must be present for this type of OAuth token.",
    "ErrorMissingInformationEmailAddress": "The SMTP address has no mailbox associated with it.",
    "ErrorInvalidSyncStateData": "Synchronization state data is corrupt or otherwise invalid.",
    "ErrorItemCorrupt": "The item is corrupt.",
    "ErrorItemNotFound": "The specified object was not found in the store.",
    "ErrorMimeContentConversionFailed": "Unable to convert MIME content.",
    "ErrorMessageSizeExceeded": "The message exceeds the maximum supported size.",
    "ErrorAccessDenied": "Access is denied. Check credentials and try again.",
}


def soap_fault(code: str, text: str = "", values: dict[str, str] | None = None, *, extra: str = "") -> bytes:
    """A whole envelope. `values` become `t:Value` elements of MessageXml, `extra` is put there as it stands."""
    text = text or TEXTS[code]
    inner = extra + "".join(
        f"<t:Value Name={quoteattr(name)}>{escape(value)}</t:Value>" for name, value in (values or {}).items()
    )
    message_xml = f'<t:MessageXml xmlns:t="{TYPES}">{inner}</t:MessageXml>' if inner else ""
    return (
        '<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault>'
        f'<faultcode xmlns:a="{TYPES}">a:{code}</faultcode><faultstring xml:lang="en-US">{escape(text)}</faultstring><detail>'
        f'<e:ResponseCode xmlns:e="{ERRORS}">{code}</e:ResponseCode><e:Message xmlns:e="{ERRORS}">{escape(text)}</e:Message>'
        f"{message_xml}</detail></s:Fault></s:Body></s:Envelope>"
    ).encode()


def refused(code: str, text: str = "") -> Reply:
    """A SOAP fault, which Exchange sends with status 500."""
    return Reply(500, soap_fault(code, text))


def busy(back_off_ms: int | None) -> Reply:
    """ErrorServerBusy, with the time to stay away where Exchange names one."""
    values = {} if back_off_ms is None else {"BackOffMilliseconds": str(back_off_ms)}
    seconds = None if back_off_ms is None else back_off_ms / 1000
    return Reply(500, soap_fault("ErrorServerBusy", BUSY, values), back_off_seconds=seconds)


def schema_violation(text: str, line: int, position: int) -> Reply:
    """ErrorSchemaValidation, as for a request that is no XML or not of the schema."""
    extra = (
        f"<t:LineNumber>{line}</t:LineNumber><t:LinePosition>{position}</t:LinePosition>"
        f"<t:Violation>{escape(text)}</t:Violation>"
    )
    said = f"The request failed schema validation: {text}"
    return Reply(500, soap_fault("ErrorSchemaValidation", said, extra=extra))


def page(status: int, title: str, text: str = "") -> Reply:
    """What a proxy or IIS says in HTML."""
    body = f"<html><head><title>{escape(title)}</title></head><body><h1>{escape(title)}</h1><p>{escape(text)}</p></body></html>"
    return Reply(status, body.encode(), "text/html; charset=utf-8")


def turned_away(status: int, title: str, retry_after: str | None, seconds: float | None) -> Reply:
    """429 or 503. `retry_after`: the header's text, None for none; `seconds`: what it comes to."""
    reply = page(status, title)
    if retry_after is not None:
        reply.headers.append(("Retry-After", retry_after))
    reply.back_off_seconds = seconds
    return reply


def away_until(seconds: float) -> Reply:
    """429 with a date, by the real clock: the only one that an HTTP date can mean. Whole seconds, so it may be a bit less."""
    now = datetime.now(UTC)
    until = (now + timedelta(seconds=seconds)).replace(microsecond=0)
    return turned_away(
        429, "Too Many Requests", format_datetime(until, usegmt=True), max(0.0, (until - now).total_seconds())
    )


LOGIN_PAGE = (
    b'<!DOCTYPE html><html><head><title>Outlook</title></head><body><form action="/owa/auth.owa" method="POST" name="logonForm">'
    b'<input name="username"><input type="password" name="password"><input type="hidden" name="flags" value="4"></form></body></html>'
)


def login_page() -> Reply:
    """Forms-based sign-in in front of EWS: HTML, and yet status 200."""
    return Reply(200, LOGIN_PAGE, "text/html; charset=utf-8")
