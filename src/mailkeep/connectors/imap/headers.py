"""What a listing's few header fields tell of an item: class, sensitivity, subject and people (SPEC A11). Pure.

multipart/report                                   REPORT.IPM.Note
text/calendar; method=REQUEST (REPLY, CANCEL…)     IPM.Schedule.Meeting.Request (.Resp, .Canceled…)
application/pkcs7-mime                             IPM.Note.SMIME
multipart/signed; protocol=…pkcs7-signature        IPM.Note.SMIME.MultipartSigned
anything else                                      IPM.Note
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.errors import HeaderParseError
from email.header import decode_header
from email.utils import parsedate_to_datetime

from mailkeep.mail.items import Sensitivity

FIELDS = b"SENSITIVITY CONTENT-TYPE SUBJECT FROM TO CC DATE MESSAGE-ID"
TEXT_CHARACTERS_MAX = 1000  # of a subject or a list of people: a listing is no place for 20,000 recipients

_PARAMETER = rb"""[;\s]%s\s*=\s*"?\s*([^\s";]+)"""
_ORDINARY = frozenset({b"", b"text/plain", b"text/html", b"multipart/alternative", b"multipart/mixed"})
_METHOD = re.compile(_PARAMETER % rb"method", re.IGNORECASE)
_PROTOCOL = re.compile(_PARAMETER % rb"protocol", re.IGNORECASE)
_MEETINGS = {"REPLY": "Resp", "CANCEL": "Canceled", "COUNTER": "Resp"}
_SENSITIVITIES = {
    b"personal": Sensitivity.PERSONAL,
    b"private": Sensitivity.PRIVATE,
    b"company-confidential": Sensitivity.CONFIDENTIAL,
    b"confidential": Sensitivity.CONFIDENTIAL,
}
_STRICTNESS = (Sensitivity.NORMAL, Sensitivity.PERSONAL, Sensitivity.PRIVATE, Sensitivity.CONFIDENTIAL)


def fields(block: bytes | bytearray) -> dict[bytes, bytes]:
    """Header fields by lower-case name, unfolded; of repeated ones the first, of `Sensitivity` the strictest."""
    raw = block.replace(b"\r\n", b"\n").replace(b"\n ", b" ").replace(b"\n\t", b" ")
    found: dict[bytes, bytes] = {}
    for line in raw.split(b"\n"):
        name, colon, value = line.partition(b":")
        if colon:
            name = bytes(name.strip().lower())
            if name not in found or (name == b"sensitivity" and _stricter(bytes(value), found[name])):
                found[name] = bytes(value.strip())
    return found


def sensitivity(value: bytes) -> Sensitivity:
    """Of a `Sensitivity:` field; anything unknown is normal."""
    return _SENSITIVITIES.get(value.strip().lower(), Sensitivity.NORMAL)


def _stricter(one: bytes, other: bytes) -> bool:
    return _STRICTNESS.index(sensitivity(one)) > _STRICTNESS.index(sensitivity(other))


def message_class(content_type: bytes) -> str:
    """The class that Exchange would give a message of this Content-Type."""
    kind = content_type.partition(b";")[0].strip().lower()
    if kind in _ORDINARY:
        return "IPM.Note"
    if kind == b"multipart/report":
        return "REPORT.IPM.Note"
    if kind in (b"application/pkcs7-mime", b"application/x-pkcs7-mime"):
        return "IPM.Note.SMIME"
    if kind == b"multipart/signed":
        protocol = _PROTOCOL.search(content_type)
        signed = protocol is not None and protocol.group(1).lower().endswith(b"pkcs7-signature")
        return "IPM.Note.SMIME.MultipartSigned" if signed else "IPM.Note"
    if kind == b"text/calendar":
        return _meeting_class(content_type)
    return "IPM.Note"


def _meeting_class(content_type: bytes) -> str:
    method = _METHOD.search(content_type)
    if method is None:
        return "IPM.Note"
    word = method.group(1).decode("ascii", "replace").upper()
    return f"IPM.Schedule.Meeting.{_MEETINGS.get(word) or word[:30].capitalize()}"


def readable(value: bytes) -> str:
    """A field's text as people read it: encoded words decoded, cut at the limit. Never raises."""
    if len(value) <= TEXT_CHARACTERS_MAX and value.isascii() and b"=?" not in value and b"\0" not in value:
        return value.decode("ascii")
    cut = value[: TEXT_CHARACTERS_MAX * 4]
    plain = cut.decode("utf-8", "replace")
    if "=?" in plain:
        plain = _decoded(plain)
    return plain[:TEXT_CHARACTERS_MAX].replace("\0", "\ufffd")


def _decoded(plain: str) -> str:
    try:
        pieces = decode_header(plain)
    except (HeaderParseError, ValueError):
        return plain
    return "".join(_piece(piece, charset) for piece, charset in pieces)


def _piece(piece: bytes | str, charset: str | None) -> str:
    if isinstance(piece, str):
        return piece
    try:
        return piece.decode(charset or "latin-1", "replace")
    except (LookupError, ValueError):
        return piece.decode("latin-1")


def date(value: bytes) -> datetime | None:
    """A `Date:` field in UTC, None where it can't be read."""
    try:
        moment = parsedate_to_datetime(value[:200].decode("ascii"))
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, OverflowError, UnicodeDecodeError):
        return None
