"""GetItem, SendItem, MarkAllItemsAsRead; CreateItem and UpdateItem stand in files of their own."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from lxml import etree

from mailkeep.simulator.ews.envelope import Answer, Call, EwsError, Handler, M, each, m
from mailkeep.simulator.ews.item_creation import create_item
from mailkeep.simulator.ews.item_updates import update_item
from mailkeep.simulator.ews.lookup import folder_named, ids_in, item_named
from mailkeep.simulator.ews.markup import true
from mailkeep.simulator.ews.shapes import read_shape, render_item
from mailkeep.simulator.ews.view import Shape


def get_item(call: Call, request: etree._Element) -> Answer:
    """The items in the order asked for, each with its own error where there is one."""

    @cache
    def shape() -> Shape:
        return read_shape(request.find(f"{M}ItemShape"))

    def one(named: etree._Element) -> Sequence[etree._Element]:
        _, item = item_named(call, named)
        return [m("Items", None, render_item(call, item, shape()))]

    return each("GetItem", ids_in(request, "ItemIds"), one, empty="Items")


def send_item(call: Call, request: etree._Element) -> Answer:
    """Nothing leaves the simulator."""

    def one(named: etree._Element) -> Sequence[etree._Element]:
        item_named(call, named)
        raise EwsError("ErrorSendAsDenied", "Nothing is sent from this organisation.")

    return each("SendItem", ids_in(request, "ItemIds"), one)


def mark_all_items_as_read(call: Call, request: etree._Element) -> Answer:
    on = true(request.findtext(f"{M}ReadFlag"))

    def one(named: etree._Element) -> Sequence[etree._Element]:
        mailbox, folder = folder_named(call, named)
        with call.organisation.writing():
            for item in mailbox.items(folder):
                mailbox.mark_read(item, on)
        return []

    return each("MarkAllItemsAsRead", ids_in(request, "FolderIds"), one)


HANDLERS: dict[str, Handler] = {
    "GetItem": get_item,
    "CreateItem": create_item,
    "UpdateItem": update_item,
    "SendItem": send_item,
    "MarkAllItemsAsRead": mark_all_items_as_read,
}
