"""CreateItem, and what an item gets when it is saved for the first time.

Nothing leaves the simulator: an item is saved, or refused where the client wants it sent. A message that is only saved is a
draft unless its flags (0x0E07) say otherwise, as with Exchange; that is how a restore makes it mail again.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from hashlib import blake2b

from lxml import etree

from mailkeep.simulator.ews.envelope import Answer, Call, EwsError, M, answer, attempt, m
from mailkeep.simulator.ews.item_reading import Draft, person_xml, read_item
from mailkeep.simulator.ews.lookup import folder_in, opened
from mailkeep.simulator.ews.markup import child, elements, escape, moment, stamp, text_of
from mailkeep.simulator.ews.shapes import ID_ONLY, render_item
from mailkeep.simulator.exchange.mailbox import Mailbox
from mailkeep.simulator.exchange.series import starts
from mailkeep.simulator.exchange.values import Folder, Item

_MAIL = frozenset({"Message", "MeetingMessage", "MeetingRequest", "MeetingResponse", "MeetingCancellation"})
_HOMES = {
    "CalendarItem": "calendar",
    "Contact": "contacts",
    "DistributionList": "contacts",
    "Task": "tasks",
    "PostItem": "inbox",
}
# What a folder must be for an item of that element: its class, and the error for another.
_FOLDERS = {
    "CalendarItem": ("IPF.Appointment", "ErrorCannotCreateCalendarItemInNonCalendarFolder"),
    "Contact": ("IPF.Contact", "ErrorCannotCreateContactInNonContactFolder"),
    "DistributionList": ("IPF.Contact", "ErrorCannotCreateContactInNonContactFolder"),
    "Task": ("IPF.Task", "ErrorCannotCreateTaskInNonTaskFolder"),
}


def create_item(call: Call, request: etree._Element) -> Answer:
    """Each item by itself: one that is refused does not keep the others from being saved."""
    items = request.find(f"{M}Items")
    nodes = [] if items is None else list(elements(items))

    def one(node: etree._Element) -> Sequence[etree._Element]:
        with call.organisation.writing():
            return [m("Items", None, render_item(call, _created(call, request, node), ID_ONLY))]

    return answer("CreateItem", (attempt("CreateItem", partial(one, node), empty="Items") for node in nodes))


def _created(call: Call, request: etree._Element, node: etree._Element) -> Item:
    draft = read_item(call, node)
    _refuse_sending(request, draft.item)
    mailbox, folder = _target(call, request, draft.item)
    _refuse_folder(draft.item, folder)
    if len(draft.item.mime) + sum(each.size for each in draft.attachments if not each.part) > call.face.item_bytes_max:
        raise EwsError("ErrorMessageSizeExceeded", "The message exceeds the maximum supported size.")
    read_said = child(node, "IsRead") is not None or "0x0e07" in draft.item.extended
    complete(call, mailbox, draft, read_said=read_said)
    return mailbox.add(folder, draft.item, draft.attachments, draft.occurrences, draft.deleted)


def _refuse_sending(request: etree._Element, item: Item) -> None:
    if item.element == "CalendarItem":
        how = request.get("SendMeetingInvitations")
        if how is None:
            raise EwsError(
                "ErrorSendMeetingInvitationsRequired",
                "SendMeetingInvitations attribute is required for Calendar items.",
            )
        if how != "SendToNone" and (
            item.properties.get("RequiredAttendees") or item.properties.get("OptionalAttendees")
        ):
            raise EwsError("ErrorSendAsDenied", "Nothing is sent from this organisation: invitations neither.")
    elif item.element in _MAIL:
        how = request.get("MessageDisposition")
        if how is None:
            raise EwsError("ErrorMessageDispositionRequired", "Message disposition is required.")
        if how != "SaveOnly":
            raise EwsError("ErrorSendAsDenied", "Nothing is sent from this organisation.")


def _target(call: Call, request: etree._Element, item: Item) -> tuple[Mailbox, Folder]:
    if request.find(f"{M}SavedItemFolderId") is not None:
        return folder_in(call, request, "SavedItemFolderId")
    if call.mailbox is None:
        raise EwsError("ErrorMissingInformationEmailAddress")
    return opened(call, call.mailbox), call.mailbox.well_known(_HOMES.get(item.element, "drafts"))


def _refuse_folder(item: Item, folder: Folder) -> None:
    wanted = _FOLDERS.get(item.element)
    if wanted is not None and not folder.folder_class.startswith(wanted[0]):
        raise EwsError(wanted[1], "The item cannot be created in a folder of another kind.")


def complete(call: Call, mailbox: Mailbox, draft: Draft, *, read_said: bool) -> None:
    """What Exchange adds to an item that a client saves for the first time."""
    item = draft.item
    if item.element in _MAIL or item.element == "PostItem":
        _complete_message(call, mailbox, item)
        if item.element in _MAIL and "0x0e07" not in item.extended:
            item.draft = True
    if not read_said:
        item.read = True
    if item.element == "CalendarItem":
        _complete_event(call, item)
    elif item.element in ("Contact", "DistributionList"):
        _complete_contact(item)
    elif item.element == "Task":
        complete_task(call, item)
        item.properties.setdefault("Owner", escape(mailbox.name))


def _complete_message(call: Call, mailbox: Mailbox, item: Item) -> None:
    owner = person_xml(call, escape(mailbox.name), escape(mailbox.address), "", "Mailbox")
    author = item.properties.setdefault("From", owner)
    item.properties.setdefault("Sender", author)
    item.properties.setdefault("ConversationTopic", item.properties.get("Subject", ""))
    if "InternetMessageId" not in item.properties:
        digest = blake2b(f"{call.organisation.seed}:{call.organisation.change}".encode(), digest_size=16).hexdigest()
        item.properties["InternetMessageId"] = escape(f"<{digest}@{mailbox.address.partition('@')[2]}>")


def _complete_event(call: Call, item: Item) -> None:
    properties = item.properties
    now = call.organisation.clock()
    start = moment(properties["Start"]) if properties.get("Start") else now.replace(minute=0, second=0, microsecond=0)
    properties["Start"] = stamp(start)
    properties.setdefault("End", stamp(start + timedelta(minutes=30)))
    check_event(item)
    if not properties.get("UID"):
        seed = f"{call.organisation.seed}:{call.organisation.change}".encode()
        properties["UID"] = "040000008200E00074C5B7101A82E008" + blake2b(seed, digest_size=20).hexdigest().upper()
    properties.setdefault("DateTimeStamp", stamp(now))
    if "ReminderIsSet" not in properties:
        properties["ReminderIsSet"] = "true"
        properties.setdefault("ReminderMinutesBeforeStart", "15")


def check_event(item: Item) -> None:
    """Raises `EwsError` for times or a recurrence that cannot be."""
    properties = item.properties
    if moment(properties["End"]) < moment(properties["Start"]):
        raise EwsError("ErrorCalendarEndDateIsEarlierThanStartDate", "EndDate is earlier than StartDate.")
    if not properties.get("Recurrence"):
        return
    try:
        first = next(starts(item), None)
    except (ValueError, KeyError) as error:
        raise EwsError("ErrorCalendarInvalidRecurrence", "The recurrence is invalid.") from error
    if first is None:
        raise EwsError("ErrorRecurrenceHasNoOccurrence", "The recurrence has no occurrence.")


def _complete_contact(item: Item) -> None:
    properties = item.properties
    names = [text_of(properties.get(name, "")) for name in ("GivenName", "MiddleName", "Surname")]
    shown = escape(" ".join(name for name in names if name)) or properties.get("CompanyName", "")
    display = properties.setdefault("DisplayName", shown or properties.get("FileAs", ""))
    properties.setdefault("FileAs", display)
    properties.setdefault("Subject", display)


def complete_task(call: Call, item: Item) -> None:
    """Status, percent and the day it was completed follow one another."""
    properties = item.properties
    if properties.get("Status") == "Completed":
        properties["PercentComplete"] = "100"
    elif float(properties.get("PercentComplete") or 0) >= 100:
        properties["Status"] = "Completed"
    if properties.get("Status") == "Completed":
        properties.setdefault("CompleteDate", stamp(call.organisation.clock().replace(hour=0, minute=0, second=0)))
    else:
        properties.pop("CompleteDate", None)
