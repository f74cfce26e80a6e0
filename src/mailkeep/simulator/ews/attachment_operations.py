"""GetAttachment, CreateAttachment, DeleteAttachment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from lxml import etree
from pybase64 import b64encode

from mailkeep.simulator.ews.attachment_xml import outline
from mailkeep.simulator.ews.envelope import Answer, Call, EwsError, Handler, M, answer, attempt, each, m, t
from mailkeep.simulator.ews.ids import attachment_id, item_id
from mailkeep.simulator.ews.item_reading import read_attachment
from mailkeep.simulator.ews.item_updates import drop_mime
from mailkeep.simulator.ews.lookup import attachment_named, ids_in, item_named
from mailkeep.simulator.ews.markup import elements, parsed
from mailkeep.simulator.ews.messages import attachment_content
from mailkeep.simulator.ews.shapes import ALL_PROPERTIES, ID_ONLY, read_shape, render_item
from mailkeep.simulator.ews.view import Shape, View, has_mime
from mailkeep.simulator.exchange.values import Attachment, Item

_PHOTO = "ContactPicture.jpg"  # a contact's attachment of that name is its picture


def get_attachment(call: Call, request: etree._Element) -> Answer:
    """Contents are set as text, so that a large one is copied as seldom as can be."""
    asked = request.find(f"{M}AttachmentShape")

    def one(named: etree._Element) -> Sequence[etree._Element]:
        _, owner, held = attachment_named(call, named)
        shape = ALL_PROPERTIES if asked is None else read_shape(asked)
        return [m("Attachments", None, _whole(call, owner, held, shape))]

    return each("GetAttachment", ids_in(request, "AttachmentIds"), one, empty="Attachments")


def _whole(call: Call, owner: Item, held: Attachment, shape: Shape) -> etree._Element:
    node = t("FileAttachment" if held.item is None else "ItemAttachment")
    node.extend(list(parsed(outline(View(call, owner, ID_ONLY), held))))
    if held.item is not None:
        # The schema knows no list within an attachment: it is shown as any item.
        listed = held.item.element == "DistributionList"
        node.append(render_item(call, replace(held.item, element="Item") if listed else held.item, shape))
        return node
    content = attachment_content(owner.mime, held) if held.part else held.content
    node.append(t("Content", b64encode(content).decode("ascii")))
    return node


def create_attachment(call: Call, request: etree._Element) -> Answer:
    """One message for each attachment, with the parent's new change key in its id."""
    parent, given = request.find(f"{M}ParentItemId"), request.find(f"{M}Attachments")
    if parent is None or given is None:
        raise EwsError("ErrorInvalidRequest", "The request is invalid.")

    def one(node: etree._Element) -> Sequence[etree._Element]:
        with call.organisation.writing():
            return [m("Attachments", None, _added(call, parent, node))]

    nodes = elements(given)
    return answer(
        "CreateAttachment", (attempt("CreateAttachment", partial(one, node), empty="Attachments") for node in nodes)
    )


def _added(call: Call, parent: etree._Element, node: etree._Element) -> etree._Element:
    mailbox, item = item_named(call, parent)
    attachment = read_attachment(call, node)
    if attachment.size > call.face.item_bytes_max:
        raise EwsError("ErrorAttachmentSizeLimitExceeded", "The attachment exceeds the maximum supported size.")
    if item.element == "Contact" and attachment.name == _PHOTO:
        attachment.contact_photo = True
    if has_mime(item):
        drop_mime(mailbox, item)
    added = mailbox.add_attachment(item, attachment)
    number, key = item_id(item)
    identity = t("AttachmentId", Id=attachment_id(item, added), RootItemId=number, RootItemChangeKey=key)
    return t("FileAttachment" if added.item is None else "ItemAttachment", None, identity)


def delete_attachment(call: Call, request: etree._Element) -> Answer:
    def one(named: etree._Element) -> Sequence[etree._Element]:
        with call.organisation.writing():
            mailbox, item, held = attachment_named(call, named)
            if has_mime(item):
                place = [each.id for each in mailbox.attachments(item)].index(held.id)
                drop_mime(mailbox, item)
                held = mailbox.attachments(item)[place]
            mailbox.remove_attachment(item, held.id)
            number, key = item_id(item)
            return [m("RootItemId", RootItemId=number, RootItemChangeKey=key)]

    return each("DeleteAttachment", ids_in(request, "AttachmentIds"), one)


HANDLERS: dict[str, Handler] = {
    "GetAttachment": get_attachment,
    "CreateAttachment": create_attachment,
    "DeleteAttachment": delete_attachment,
}
