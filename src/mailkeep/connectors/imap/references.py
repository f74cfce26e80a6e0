"""One FETCH response of a listing, as an `ItemRef`. Pure."""

from __future__ import annotations

from datetime import UTC, datetime

from mailkeep.connectors.imap import headers
from mailkeep.connectors.imap.checkpoint import item_id
from mailkeep.connectors.imap.command import flags_from
from mailkeep.connectors.imap.wire import Value, WireError, internal_date, number, text, words
from mailkeep.mail.items import ItemRef, Kind, Role, Sensitivity

PLAIN_ITEMS = b"UID FLAGS INTERNALDATE RFC822.SIZE"
ITEMS = PLAIN_ITEMS + b" BODY.PEEK[HEADER.FIELDS (" + headers.FIELDS + b")]"
_ANSWERED = b"BODY[HEADER.FIELDS (" + headers.FIELDS + b")]"

_UNDATED = datetime(
    1970, 1, 1, tzinfo=UTC
)  # for a server that gives no readable internal date: visibly wrong, and stable


def reference(told: dict[bytes, Value], validity: int, role: Role | None) -> ItemRef:
    """What a listing tells of a message. In a folder of sent mail its own time is the `Date:` field's."""
    fields = headers.fields(_header(told))
    received = _received(told)
    sent = headers.date(fields.get(b"date", b"")) if role is Role.SENT else None
    people = fields.get(b"to", b"")
    if b"cc" in fields:
        people = b", ".join(part for part in (people, fields[b"cc"]) if part)
    return ItemRef(
        id=item_id(validity, number(told.get(b"UID"))),
        kind=Kind.MAIL,
        message_class=headers.message_class(fields.get(b"content-type", b"")),
        size=number(told.get(b"RFC822.SIZE")),
        time=sent or received,
        received=received,
        stable_id=_stable_id(told),
        sensitivity=headers.sensitivity(fields[b"sensitivity"]) if b"sensitivity" in fields else Sensitivity.NORMAL,
        flags=flags_from(words(told.get(b"FLAGS") or [])),
        subject=headers.readable(fields.get(b"subject", b"")),
        sender=headers.readable(fields.get(b"from", b"")),
        recipients=headers.readable(people),
        message_id=headers.readable(fields.get(b"message-id", b"")),
    )


def _header(told: dict[bytes, Value]) -> bytes | bytearray:
    value = told.get(_ANSWERED)
    if value is None:  # a server may name the section in its own way
        value = next((value for name, value in told.items() if name.startswith(b"BODY[")), None)
    return value if isinstance(value, bytes | bytearray) else b""


def _received(told: dict[bytes, Value]) -> datetime:
    try:
        return internal_date(told.get(b"INTERNALDATE"))
    except WireError:
        return _UNDATED


def _stable_id(told: dict[bytes, Value]) -> str:
    value = told.get(b"EMAILID") or told.get(b"X-GUID")
    if isinstance(value, list):
        value = value[0] if value else None
    return text(value).decode("ascii", "replace") if value else ""
