"""The stream of ExportItems: an item whole, in a form that only this simulator reads.

    8 bytes   01 00 00 00 4D 4B 53 01      kind of stream, "MKS", version 1
    32 bytes  BLAKE3 of the rest
    rest      MessagePack of `Exported`

Exchange's own is a FastTransfer stream, as opaque to clients. It holds everything a copy of the item needs, with stamps, read
state, search key, attachments and occurrences; ids it holds none, for they belong to a place in a mailbox.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

import msgspec
from blake3 import blake3

from mailkeep.simulator.exchange.rows import plain
from mailkeep.simulator.exchange.values import Attachment, Item, Occurrence

_HEAD = b"\x01\x00\x00\x00MKS\x01"
_HASH_BYTES = 32


class CorruptStream(Exception):
    """Not a stream of this form, or not as it was written."""


@dataclass(frozen=True, slots=True)
class Exported:
    item: Item
    attachments: list[Attachment]
    occurrences: list[Occurrence]
    deleted: list[datetime]


def written(whole: Exported) -> bytes:
    """The stream."""
    held = replace(
        whole,
        item=_without_place(whole.item),
        attachments=[_plain_attachment(each) for each in whole.attachments],
        occurrences=[_plain_occurrence(each) for each in whole.occurrences],
    )
    body = _ENCODER.encode(held)
    return b"".join((_HEAD, blake3(body).digest(), body))


def read(stream: bytes) -> Exported:
    """What the stream holds. Raises `CorruptStream`."""
    if not stream.startswith(_HEAD):
        raise CorruptStream("not a stream of this form")
    start = len(_HEAD) + _HASH_BYTES
    body = memoryview(stream)[start:]
    if blake3(body).digest() != stream[len(_HEAD) : start]:
        raise CorruptStream("the stream is not as it was written")
    try:
        return _DECODER.decode(body)
    except msgspec.MsgspecError as error:
        raise CorruptStream("the stream holds no item") from error


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Exported)


def _without_place(item: Item) -> Item:
    fields = {**plain(item), "id": 0, "mailbox": 0, "folder": 0, "change": 0, "read_change": 0}
    return Item(**fields, mime=item.mime)


def _plain_attachment(held: Attachment) -> Attachment:
    """With its content at hand, and no number."""
    return Attachment(
        name=held.name,
        content=held.content,
        content_type=held.content_type,
        content_id=held.content_id,
        inline=held.inline,
        item=None if held.item is None else _without_place(held.item),
        modified=held.modified,
        attachments=tuple(_plain_attachment(each) for each in held.attachments),
        contact_photo=held.contact_photo,
        content_location=held.content_location,
        part=held.part,
        size=held.size,
    )


def _plain_occurrence(changed: Occurrence) -> Occurrence:
    own = changed.attachments
    return replace(changed, attachments=None if own is None else tuple(_plain_attachment(each) for each in own))
