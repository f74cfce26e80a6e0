"""MoveItem, CopyItem, DeleteItem: items change their place or go."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lxml import etree

from mailkeep.simulator.ews.envelope import Answer, Call, EwsError, Handler, M, each, m
from mailkeep.simulator.ews.folder_operations import delete_kind
from mailkeep.simulator.ews.lookup import folder_in, ids_in, item_named
from mailkeep.simulator.ews.shapes import ID_ONLY, render_item
from mailkeep.simulator.exchange.mailbox import Mailbox
from mailkeep.simulator.exchange.values import Folder, Item

Placing = Callable[[Mailbox, Item, Folder], Item]


def move_item(call: Call, request: etree._Element) -> Answer:
    return _placed(call, request, "MoveItem", lambda mailbox, item, folder: mailbox.move(item, folder))


def copy_item(call: Call, request: etree._Element) -> Answer:
    return _placed(call, request, "CopyItem", lambda mailbox, item, folder: mailbox.copy(item, folder))


def _placed(call: Call, request: etree._Element, operation: str, place: Placing) -> Answer:
    """The new ids come back, but not from another mailbox, where Exchange doesn't tell them."""

    def one(wanted: etree._Element) -> Sequence[etree._Element]:
        target_mailbox, folder = folder_in(call, request, "ToFolderId", "ErrorToFolderNotFound")
        mailbox, item = item_named(call, wanted)
        if item.occurrence is not None:
            raise EwsError("ErrorCalendarCannotMoveOrCopyOccurrence")
        placed = place(mailbox, item, folder)
        told = target_mailbox.id == mailbox.id and request.findtext(f"{M}ReturnNewItemIds") not in ("false", "0")
        return [m("Items", None, *([render_item(call, placed, ID_ONLY)] if told else []))]

    return each(operation, ids_in(request, "ItemIds"), one, empty="Items")


def delete_item(call: Call, request: etree._Element) -> Answer:
    kind = delete_kind(request)

    def one(wanted: etree._Element) -> Sequence[etree._Element]:
        mailbox, item = item_named(call, wanted)
        _refuse_unsaid(request, item)
        if item.occurrence is not None:
            mailbox.delete_occurrence(item, item.occurrence)
        else:
            mailbox.delete(item, kind)
        return []

    return each("DeleteItem", ids_in(request, "ItemIds"), one)


def _refuse_unsaid(request: etree._Element, item: Item) -> None:
    """What Exchange wants said of an event or a task before it deletes one."""
    if item.element == "CalendarItem" and request.get("SendMeetingCancellations") is None:
        raise EwsError(
            "ErrorSendMeetingCancellationsRequired",
            "SendMeetingCancellations attribute is required for Calendar items.",
        )
    if item.element == "Task" and request.get("AffectedTaskOccurrences") is None:
        raise EwsError(
            "ErrorAffectedTaskOccurrencesRequired", "AffectedTaskOccurrences attribute is required for Task items."
        )


HANDLERS: dict[str, Handler] = {"MoveItem": move_item, "CopyItem": copy_item, "DeleteItem": delete_item}
