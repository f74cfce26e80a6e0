"""Restores: folders and items put onto the server, and taken back as long as nobody changed them."""

from __future__ import annotations

import hashlib

from mailkeep.connectors.base import Created, NewItem
from mailkeep.connectors.imap.checkpoint import item_id, uid_of
from mailkeep.connectors.imap.command import Literal, date_time, flag_list, string
from mailkeep.connectors.imap.fetching import CONTENT
from mailkeep.connectors.imap.folders import Hierarchy
from mailkeep.connectors.imap.session import Session
from mailkeep.connectors.imap.wire import number
from mailkeep.errors import GiveUp
from mailkeep.mail import folder_names as names


def create_folder(session: Session, hierarchy: Hierarchy, path: tuple[str, ...]) -> bytes:
    """Make the folder with its parents, subscribed; returns its raw name. A delimiter inside a name becomes `_`."""
    delimiter = hierarchy.delimiter
    parts = [names.encode(name.replace(delimiter.decode("ascii", "replace"), "_") or "_") for name in path]
    prefix = hierarchy.prefix
    whole = b"INBOX" if path == ("INBOX",) else delimiter.join(parts)
    if prefix and not (whole + delimiter).upper().startswith(prefix.upper()):
        parts = [*prefix.rstrip(delimiter).split(delimiter), *parts]
    for depth in range(1, len(parts) + 1):
        _create(session, delimiter.join(parts[:depth]))
    return delimiter.join(parts)


def _create(session: Session, raw: bytes) -> None:
    if raw.upper() == b"INBOX":
        return
    what = f"create the folder {names.decode(raw)}"
    made = session.send(b"CREATE ", string(raw))
    for _ in session.responses(made):
        pass
    answer = made.completion
    if answer is not None and not answer.ok and not _exists(session, raw):
        session.accept(made, what)
    session.finish(session.send(b"SUBSCRIBE ", string(raw)), f"subscribe to the folder {names.decode(raw)}")


def _exists(session: Session, raw: bytes) -> bool:
    """For servers that refuse to create what is there without saying ALREADYEXISTS."""
    listed = session.run("look for the folder", b'LIST "" ', string(raw))
    return any(response.name == b"LIST" for response in listed)


def create(session: Session, raw: bytes, item: NewItem) -> Created:
    """APPEND. The id is empty where the server does not say it (no UIDPLUS)."""
    try:
        flags = flag_list(item.flags)
    except ValueError as error:
        raise GiveUp("cannot_create", f"the item cannot be created: {error}", "leave the keyword out") from error
    literal = Literal(bytes(item.content), binary=b"\0" in item.content and session.has("BINARY"))
    head = b" " + flags + b" " + date_time(item.received) + b" "
    pending = session.send(b"APPEND ", string(raw), head, literal)
    answer = session.finish(pending, f"add an item to {names.decode(raw)}")
    if answer.code != "APPENDUID":
        return Created("")
    validity, _, uid = answer.argument.partition(b" ")
    return Created(item_id(number(validity), number(uid)))


def remove_created(session: Session, raw: bytes, item: str, content_sha256: str) -> bool:
    """Remove exactly that item if its bytes are still those. GiveUp("unsupported") without UIDPLUS: it could hit others."""
    if not session.has("UIDPLUS"):
        message = "the server cannot remove a single message (no UIDPLUS)"
        raise GiveUp("unsupported", message, "remove the restored items by hand")
    session.settle()
    session.selected = None
    validity = 0
    for response in session.run(f"open the folder {names.decode(raw)}", b"SELECT ", string(raw)):
        if response.text[:17].upper() == b"* OK [UIDVALIDITY":
            validity = number(response.text[18:].partition(b"]")[0])
    uid = uid_of(item, validity)
    if uid is None or _hash(session, uid) != content_sha256:
        return False
    session.run("mark the item deleted", b"UID STORE %d +FLAGS.SILENT (\\Deleted)" % uid)
    session.run("remove the item", b"UID EXPUNGE %d" % uid)
    return True


def _hash(session: Session, uid: int) -> str:
    """SHA-256 of the item's bytes, "" where it is gone."""
    for response in session.run("read the item back", b"UID FETCH %d (UID %s)" % (uid, CONTENT)):
        content = response.told.get(b"BODY[]")
        if isinstance(content, bytes | bytearray):
            return hashlib.sha256(content).hexdigest()
    return ""
