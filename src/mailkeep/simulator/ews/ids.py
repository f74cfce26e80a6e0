"""Ids as they go over the wire: opaque, long, case-sensitive base64 that looks like Exchange's and tells as much.

    AAMkADAw…  =  00 03 · 24 00 + mailbox (36 characters) · form · length + entry id [· what the form adds]

An entry id has 46 bytes for a folder and 70 for an item, as MAPI's have: provider, kind, folder, item. An item's id holds
its folder and begins anew with each move. It also holds four bytes of its search key, so that the same number of another
organisation is not found. A change key is `kind · 16 00 00 00 · guid · change`.
"""

from __future__ import annotations

import base64
import binascii
import struct
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from mailkeep.simulator.ews.envelope import EwsError
from mailkeep.simulator.exchange.mailbox import Mailbox
from mailkeep.simulator.exchange.organisation import Organisation
from mailkeep.simulator.exchange.store import stamp, unstamp
from mailkeep.simulator.exchange.values import Attachment, Folder, Item

_HEAD = b"\x00\x03\x24\x00"
_PLAIN, _OCCURRENCE, _ATTACHMENT = 0, 1, 2
_FOLDER_BYTES, _ITEM_BYTES = 46, 70
_PROVIDER = bytes.fromhex("5194a4bd1e52c94f8a3c7d2f60b9e815")
_CHANGE_KINDS = {"CalendarItem": 13, "Contact": 17, "DistributionList": 18, "Task": 19}  # all else: 9, folders: 1


@dataclass(frozen=True, slots=True)
class Key:
    """What an id says. `item` 0: a folder's. `occurrence`: the original start; `attachment` 0: not an attachment's."""

    mailbox: int
    folder: int
    item: int = 0
    proof: bytes = b""
    occurrence: datetime | None = None
    attachment: int = 0


def folder_id(folder: Folder) -> tuple[str, str]:
    """Id and ChangeKey."""
    entry = _entry(1, folder.mailbox, folder.id)
    return _written(folder.mailbox, _PLAIN, entry), _change_key(1, folder.change)


def item_id(item: Item) -> tuple[str, str]:
    """Id and ChangeKey; of an occurrence, the occurrence's own id."""
    key = _change_key(_CHANGE_KINDS.get(item.element, 9), max(item.change, item.read_change))
    if item.occurrence is None:
        return _written(item.mailbox, _PLAIN, _item_entry(item)), key
    tail = struct.pack(">q", stamp(item.occurrence))
    return _written(item.mailbox, _OCCURRENCE, _item_entry(item), tail), key


def master_id(item: Item) -> tuple[str, str]:
    """Of the recurring item that an occurrence belongs to."""
    return _written(item.mailbox, _PLAIN, _item_entry(item)), item_id(item)[1]


def gone_item_id(mailbox: int, folder: int, item: int, proof: bytes) -> str:
    """The id that an item had which is there no more."""
    return _written(mailbox, _PLAIN, _entry(7, mailbox, folder, item, proof))


def attachment_id(item: Item, attachment: Attachment) -> str:
    """It holds its item's, as Exchange's do: an item that moves takes its attachments to new ids."""
    return _written(item.mailbox, _ATTACHMENT, _item_entry(item), struct.pack(">BHQ", 1, 16, attachment.id) + bytes(8))


def item_id_xml(item: Item) -> str:
    """`<t:ItemId Id="…" ChangeKey="…"/>`; base64 needs no escaping."""
    return _xml("ItemId", *item_id(item))


def occurrence_id_xml(master: Item, original_start: datetime) -> str:
    """The ItemId of one occurrence of a recurring item."""
    text = _written(master.mailbox, _OCCURRENCE, _item_entry(master), struct.pack(">q", stamp(original_start)))
    return _xml("ItemId", text, item_id(master)[1])


def folder_id_xml(mailbox: Mailbox, folder: int, name: str = "ParentFolderId") -> str:
    """The id of one of the mailbox's folders as an element; "" where it is gone."""
    found = mailbox.folder(folder)
    return "" if found is None else _xml(name, *folder_id(found))


def attachment_id_xml(item: Item, attachment: Attachment) -> str:
    """`<t:AttachmentId Id="…"/>`."""
    return f'<t:AttachmentId Id="{attachment_id(item, attachment)}"/>'


def _xml(name: str, text: str, change_key: str) -> str:
    return f'<t:{name} Id="{text}" ChangeKey="{change_key}"/>'


def read_item_id(text: str) -> Key:
    """Raises EwsError for what is no item's id."""
    key = _read(text)
    if not key.item:
        raise EwsError("ErrorCannotUseFolderIdForItemId")
    if key.attachment:
        raise EwsError("ErrorInvalidIdMalformed")
    return key


def read_folder_id(text: str) -> Key:
    """Raises EwsError for what is no folder's id."""
    key = _read(text)
    if key.item:
        raise EwsError("ErrorCannotUseItemIdForFolderId")
    return key


def read_attachment_id(text: str) -> Key:
    """Raises EwsError for what is no attachment's id."""
    try:
        key = _read(text)
    except EwsError as error:
        raise EwsError("ErrorInvalidAttachmentId", "The attachment Id is invalid.") from error
    if not key.attachment:
        raise EwsError("ErrorInvalidAttachmentId", "The attachment Id is invalid.")
    return key


def read_change_key(text: str) -> int:
    """The change that a ChangeKey stands for. Raises EwsError."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise EwsError("ErrorInvalidChangeKey", "The change key is invalid.") from error
    if len(raw) != 30:
        raise EwsError("ErrorInvalidChangeKey", "The change key is invalid.")
    return int.from_bytes(raw[24:], "big")


def item_at(organisation: Organisation, text: str) -> tuple[Mailbox, Item]:
    """Whoever asks. Raises EwsError; of an occurrence's id, gives the occurrence."""
    key = read_item_id(text)
    mailbox = _mailbox(organisation, key)
    item = mailbox.item(key.item)
    if item is None or item.folder != key.folder or item.search_key[:4] != key.proof:
        raise EwsError("ErrorItemNotFound")
    return mailbox, item if key.occurrence is None else mailbox.instance(item, key.occurrence)


def folder_at(organisation: Organisation, text: str) -> tuple[Mailbox, Folder]:
    """Whoever asks. Raises EwsError."""
    key = read_folder_id(text)
    mailbox = _mailbox(organisation, key)
    folder = mailbox.folder(key.folder)
    if folder is None:
        raise EwsError("ErrorFolderNotFound")
    return mailbox, folder


def attachment_at(organisation: Organisation, text: str) -> tuple[Mailbox, Item, Attachment]:
    """Whoever asks: the attachment, and the item that holds it. Raises EwsError."""
    key = read_attachment_id(text)
    mailbox = _mailbox(organisation, key)
    found = mailbox.attachment(key.attachment)
    if found is None or found[0].id != key.item:
        raise EwsError("ErrorItemNotFound")
    return mailbox, *found


def mailbox_at(organisation: Organisation, text: str) -> Mailbox | None:
    """Whose id it is; None for a mailbox that is not there. Raises EwsError for what is no id of a folder or an item."""
    return organisation.mailbox_by_id(_read(text).mailbox)


def entry_of(text: str) -> bytes:
    """The MAPI entry id in an id. Raises EwsError."""
    _read(text)
    raw = base64.b64decode(text)
    return raw[43 : 43 + int.from_bytes(raw[41:43], "little")]


def of_entry(entry: bytes) -> str:
    """The id of a folder's or an item's MAPI entry id. Raises EwsError."""
    mailbox = _number(entry[4:20]) if len(entry) in (_FOLDER_BYTES, _ITEM_BYTES) else None
    if mailbox is None:
        raise EwsError("ErrorInvalidIdMalformed")
    return _written(mailbox, _PLAIN, entry)


def _number(guid: bytes) -> int | None:
    """What `_guid` made that of; None for any other sixteen bytes."""
    number = int.from_bytes(bytes(a ^ b for a, b in zip(_PROVIDER[:8], guid[:8], strict=True)), "big")
    return number if _guid(number) == guid else None


def _mailbox(organisation: Organisation, key: Key) -> Mailbox:
    mailbox = organisation.mailbox_by_id(key.mailbox)
    if mailbox is None:
        raise EwsError("ErrorNonExistentMailbox", "No mailbox with such guid.")
    return mailbox


def _item_entry(item: Item) -> bytes:
    return _entry(7, item.mailbox, item.folder, item.id, item.search_key[:4])


def _entry(kind: int, mailbox: int, folder: int, item: int = 0, proof: bytes = b"") -> bytes:
    entry = bytes(4) + _guid(mailbox) + bytes([kind, 0]) + _guid(mailbox + 1) + folder.to_bytes(6, "big") + bytes(2)
    if item:
        entry += proof.ljust(4, b"\0") + _guid(folder)[4:] + item.to_bytes(6, "big") + bytes(2)
    return entry


@lru_cache(maxsize=4096)
def _guid(number: int) -> bytes:
    """Sixteen bytes that look like one, different for each number."""
    low = number.to_bytes(8, "big")
    return bytes(a ^ b for a, b in zip(_PROVIDER, low + low[::-1], strict=True))


def _written(mailbox: int, form: int, entry: bytes, tail: bytes = b"") -> str:
    place = f"{mailbox:08x}-4d6b-4e3a-9c51-{mailbox:012x}".encode()
    return base64.b64encode(_HEAD + place + struct.pack("<BH", form, len(entry)) + entry + tail).decode()


def _change_key(kind: int, change: int) -> str:
    return base64.b64encode(bytes([kind, 0, 0, 0, 0x16, 0, 0, 0]) + _PROVIDER + change.to_bytes(6, "big")).decode()


def _read(text: str) -> Key:
    if not text:
        raise EwsError("ErrorInvalidIdEmpty")
    try:
        raw = base64.b64decode(text, validate=True)
        form, length = struct.unpack_from("<BH", raw, 40)
        entry, tail = raw[43 : 43 + length], raw[43 + length :]
        key = Key(int(raw[4:12], 16), int.from_bytes(entry[38:44], "big"))
        if not raw.startswith(_HEAD) or len(entry) != length or length not in (_FOLDER_BYTES, _ITEM_BYTES):
            raise EwsError("ErrorInvalidIdMalformed")
        if length == _FOLDER_BYTES:
            return key
        item, proof = int.from_bytes(entry[62:68], "big"), entry[46:50]
        if form == _ATTACHMENT:
            return Key(key.mailbox, key.folder, item, proof, attachment=struct.unpack_from(">BHQ", tail)[2])
        start = unstamp(struct.unpack_from(">q", tail)[0]) if form == _OCCURRENCE else None
        return Key(key.mailbox, key.folder, item, proof, start)
    except (binascii.Error, ValueError, struct.error, OverflowError) as error:
        raise EwsError("ErrorInvalidIdMalformed") from error
