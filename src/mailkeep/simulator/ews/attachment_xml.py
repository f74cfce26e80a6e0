"""Attachments as XML: what an item tells of them, one with its content, and what a client wants to attach."""

from __future__ import annotations

from lxml import etree
from pybase64 import b64decode

from mailkeep.simulator.ews.envelope import EwsError
from mailkeep.simulator.ews.markup import boolean, child_text, element, escape, stamp, true
from mailkeep.simulator.ews.view import View, attachment_id_xml
from mailkeep.simulator.exchange.values import Attachment


def attachment_info(view: View, held: Attachment) -> str:
    """As an item lists it: name, type, size, no content."""
    return element("FileAttachment" if held.item is None else "ItemAttachment", outline(view, held))


def outline(view: View, held: Attachment) -> str:
    """What stands before an attachment's content or item."""
    pieces = [attachment_id_xml(view.item, held), element("Name", escape(held.name))]
    if held.content_type:
        pieces.append(element("ContentType", escape(held.content_type)))
    if held.content_id:
        pieces.append(element("ContentId", escape(held.content_id)))
    if held.content_location:
        pieces.append(element("ContentLocation", escape(held.content_location)))
    pieces.append(element("Size", str(min(held.size, 0x7FFFFFFF))))
    if modified := held.modified or view.item.modified:
        pieces.append(element("LastModifiedTime", stamp(modified)))
    pieces.append(element("IsInline", boolean(held.inline)))
    if held.item is None and view.item.element == "Contact":
        pieces.append(element("IsContactPhoto", boolean(held.contact_photo)))
    return "".join(pieces)


def read_file(node: etree._Element) -> Attachment:
    """A FileAttachment that a client sends. Raises `EwsError` for content that is not base64."""
    text = child_text(node, "Content")
    try:
        content = b64decode("".join(text.split()), validate=True)
    except ValueError as error:
        raise EwsError("ErrorSchemaValidation", "The content of the attachment is not valid base64.") from error
    name = child_text(node, "Name")
    photo = true(child_text(node, "IsContactPhoto"))
    return Attachment(
        name=name,
        content=content,
        content_type=child_text(node, "ContentType"),
        content_id=child_text(node, "ContentId"),
        content_location=child_text(node, "ContentLocation"),
        inline=true(child_text(node, "IsInline")),
        contact_photo=photo,
        size=len(content),
    )
