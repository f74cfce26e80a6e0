"""Opening a folder for reading, and what the server says of it then."""

from __future__ import annotations

import re
from dataclasses import dataclass

from mailkeep.connectors.imap.command import string
from mailkeep.connectors.imap.session import Session
from mailkeep.connectors.imap.wire import WireError, number
from mailkeep.errors import RetryNow
from mailkeep.mail.folder_names import decode

_UIDS = 1 << 32  # there are no more (RFC 9051)
_TOLD = re.compile(rb"\* OK \[(UIDVALIDITY|UIDNEXT|HIGHESTMODSEQ) (\d{1,19})\]", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Opened:
    """A folder at the moment of its opening. `mod_sequence` 0: the server keeps none here."""

    raw: bytes
    validity: int
    uid_next: int
    count: int
    mod_sequence: int


def examine(session: Session, raw: bytes) -> Opened:
    """Open the folder read-only, even where it is open already: the answer is of now."""
    condstore = b" (CONDSTORE)" if session.has("CONDSTORE") and not session.enabled else b""
    session.settle()
    session.selected = None
    told: dict[bytes, int] = {}
    count = 0
    for response in session.run(f"open the folder {decode(raw)}", b"EXAMINE ", string(raw), condstore):
        match = _TOLD.match(response.text)
        if match:
            told[match.group(1).upper()] = number(match.group(2))
        if response.name == b"EXISTS":
            count = response.number
    validity = told.get(b"UIDVALIDITY")
    if validity is None:
        raise WireError("a folder without UIDVALIDITY")
    if told.get(b"UIDNEXT", 0) > _UIDS:
        raise WireError("a UIDNEXT beyond 32 bits")
    session.selected = (raw, validity)
    uid_next = told.get(b"UIDNEXT") or _uid_next(session, count)
    return Opened(raw, validity, uid_next, count, told.get(b"HIGHESTMODSEQ", 0))


def reopen(session: Session, raw: bytes, validity: int) -> None:
    """Make it the open folder again. RetryNow where its UIDs were all made new meanwhile."""
    if session.selected == (raw, validity):
        return
    if examine(session, raw).validity != validity:
        message = f"the server gave everything in {decode(raw)} new ids while it was being read"
        raise RetryNow("connection_lost", message, "nothing to do: the folder is listed again")


def leave(session: Session) -> None:
    """Open no folder: what STATUS says of an open one is as old as its opening. Read-only ones lose nothing by CLOSE."""
    if session.selected is not None:
        session.settle()
        session.selected = None
        session.send(b"UNSELECT" if session.has("UNSELECT") else b"CLOSE").abandoned = True


def _uid_next(session: Session, count: int) -> int:
    """For servers that don't say: one more than the last message's UID."""
    highest = 0
    if count:
        for response in session.run("find the last message", b"UID FETCH * (UID)"):
            if b"UID" in response.told:
                highest = max(highest, number(response.told[b"UID"]))
    return highest + 1
