"""The attachments of a restored item that is no mail: its files, its picture, and items within it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lxml import etree

from mailkeep.connectors.ews.composing import Attached
from mailkeep.connectors.ews.patience import answer
from mailkeep.connectors.ews.session import Session
from mailkeep.connectors.ews.settable import creatable, in_order, settable, xml_of
from mailkeep.connectors.ews.wire import listing, writing
from mailkeep.connectors.ews.wire.envelope import Piece
from mailkeep.connectors.ews.wire.ids import Id
from mailkeep.connectors.ews.wire.listing import FoundAttachment
from mailkeep.connectors.ews.wire.names import T
from mailkeep.connectors.ews.wire.responses import parse_verbatim
from mailkeep.connectors.ews.wire.writing import FileToAttach, ItemToAttach

_WHAT = "restore an attachment"


def attach(
    session: Session, item_id: str, listed: Sequence[FoundAttachment], held: Mapping[int, Attached]
) -> list[str]:
    """Add the archived attachments one by one; returns those the server would not take, by number.

    `listed`: as the archived element lists them; `held` by number in that list.
    """
    return attach_these(session, item_id, list(enumerate(listed)), held)


def attach_these(
    session: Session, item_id: str, wanted: Sequence[tuple[int, FoundAttachment]], held: Mapping[int, Attached]
) -> list[str]:
    """Some of them, each with its number."""
    parent = Id(item_id)
    cannot = []
    for number, found in wanted:
        to_attach = _to_attach(found, held.get(number))
        change_key = _attached(session, parent, to_attach) if to_attach is not None else None
        if change_key is None:
            cannot.append(_named(number, found, held.get(number)))
        else:
            parent = Id(item_id, change_key)
    return cannot


def _named(number: int, found: FoundAttachment, held: Attached | None) -> str:
    """A link to a file elsewhere has no bytes: nothing but its element was archived, and no request makes one."""
    link = held is not None and held.file is None and not found.is_item
    return f"attachment {number + 1}" + (f" (a link: {found.name})" if link else "")


def _attached(session: Session, parent: Id, to_attach: FileToAttach | ItemToAttach) -> str | None:
    """The parent's new change key ("" where none is told), or None where the server refuses the attachment."""
    message = answer(session, writing.create_attachment(parent, [to_attach]), _WHAT)
    return None if message.response_class == "Error" else listing.new_attachment(message)[1]


def _to_attach(found: FoundAttachment, held: Attached | None) -> FileToAttach | ItemToAttach | None:
    if held is None:
        return None
    if not found.is_item:
        if held.file is None:
            return None
        return FileToAttach(
            found.name,
            held.file,
            content_type=found.content_type,
            content_id=found.content_id,
            inline=found.inline,
            contact_photo=found.contact_photo,
        )
    element = _attached_item(held)
    return ItemToAttach(found.name, element) if element is not None else None


def _attached_item(held: Attached) -> tuple[Piece, ...] | None:
    """Its element: the MIME where it has one, else its properties."""
    attachment = parse_verbatim(held.properties)
    inside = next((child for child in attachment if _is_item(child)), None) if attachment is not None else None
    if inside is None:
        return writing.item_element("Message", "", held.item) if held.item else None
    name = creatable(etree.QName(inside).localname)
    has_mime = inside.find(f"{T}MimeContent") is not None and held.item != held.properties
    if has_mime and name == "Message":
        return writing.item_element(name, "", held.item)
    properties = {etree.QName(child).localname: xml_of(child) for child in settable(inside)}
    return writing.item_element(name, in_order(name, properties))


def _is_item(child: etree._Element) -> bool:
    return any(etree.QName(part).localname in ("ItemId", "ItemClass", "MimeContent", "Subject") for part in child)
