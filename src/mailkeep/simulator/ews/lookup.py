"""From the id elements of a request to what they mean, for who asks: rights, then the mailbox's state, then the thing.

<t:DistinguishedFolderId Id="inbox"><t:Mailbox><t:EmailAddress>anna@…</…>   → (Anna's mailbox, her Inbox)
<t:ItemId Id="AAMk…" ChangeKey="CQAA…"/>                                    → (mailbox, item)
<t:OccurrenceItemId RecurringMasterId="AAMk…" InstanceIndex="3"/>           → (mailbox, the third occurrence)
"""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree

from mailkeep.simulator.ews import ids
from mailkeep.simulator.ews.envelope import Call, EwsError, M, T
from mailkeep.simulator.ews.markup import local_name
from mailkeep.simulator.exchange.errors import MailboxUnavailable
from mailkeep.simulator.exchange.mailbox import Mailbox
from mailkeep.simulator.exchange.series import occurrence_item
from mailkeep.simulator.exchange.values import Attachment, Folder, Item


def opened(call: Call, mailbox: Mailbox) -> Mailbox:
    """The mailbox, if who asks may open it and it is being served. Raises EwsError, MailboxUnavailable."""
    if mailbox.disabled:
        raise MailboxUnavailable("disabled")
    if not call.may_open(mailbox):
        raise EwsError("ErrorAccessDenied")
    if mailbox.moving:
        raise MailboxUnavailable("moving")
    return mailbox


def ids_in(request: etree._Element, name: str) -> Iterator[etree._Element]:
    """The id elements in `m:name` of a request (`FolderIds`, `ItemIds`, `ToFolderId` …)."""
    place = request.find(M + name)
    if place is not None:
        yield from (each for each in place if isinstance(each.tag, str))


def folder_in(
    call: Call, request: etree._Element, name: str, missing: str = "ErrorFolderNotFound"
) -> tuple[Mailbox, Folder]:
    """The one folder that `m:name` of a request means; `missing`: the code for one that is not there."""
    found = next(ids_in(request, name), None)
    if found is None:
        raise EwsError("ErrorInvalidRequest")
    try:
        return folder_named(call, found)
    except EwsError as error:
        if error.code == "ErrorFolderNotFound":
            raise EwsError(missing) from error
        raise


def folder_named(call: Call, element: etree._Element) -> tuple[Mailbox, Folder]:
    """By FolderId or DistinguishedFolderId. Raises EwsError, MailboxUnavailable."""
    if local_name(element) == "DistinguishedFolderId":
        return _distinguished(call, element)
    mailbox, folder = ids.folder_at(call.organisation, element.get("Id", ""))
    return opened(call, mailbox), folder


def _distinguished(call: Call, element: etree._Element) -> tuple[Mailbox, Folder]:
    address = element.findtext(f"{T}Mailbox/{T}EmailAddress")
    mailbox = call.organisation.mailbox(address.strip()) if address else call.mailbox
    if mailbox is None:
        raise EwsError("ErrorNonExistentMailbox" if address else "ErrorMissingInformationEmailAddress")
    name = element.get("Id", "")
    folder = opened(call, mailbox).distinguished(name)
    if folder is None:  # also where the mailbox has no in-place archive
        raise EwsError("ErrorFolderNotFound")
    return mailbox, folder


def item_named(call: Call, element: etree._Element) -> tuple[Mailbox, Item]:
    """By ItemId, OccurrenceItemId, RecurringMasterItemId. Raises EwsError and what the organisation refuses."""
    match local_name(element):
        case "OccurrenceItemId":
            mailbox, master = _found(call, element.get("RecurringMasterId", ""))
            return mailbox, _occurrence(mailbox, master, int(element.get("InstanceIndex", "0")))
        case "RecurringMasterItemId":
            mailbox, occurrence = _found(call, element.get("OccurrenceId", ""))
            return mailbox, _master(mailbox, occurrence)
    return _found(call, element.get("Id", ""))


def _found(call: Call, text: str) -> tuple[Mailbox, Item]:
    mailbox, item = ids.item_at(call.organisation, text)
    return opened(call, mailbox), item


def _occurrence(mailbox: Mailbox, master: Item, index: int) -> Item:
    if not master.properties.get("Recurrence"):
        raise EwsError("ErrorCalendarCannotUseIdForRecurringMasterId")
    for instance in mailbox.instances(master):
        if instance.index == index:
            if instance.deleted:
                raise EwsError("ErrorCalendarOccurrenceIsDeletedFromRecurrence")
            return occurrence_item(master, instance)
        if instance.index > index:
            break
    raise EwsError("ErrorCalendarOccurrenceIndexIsOutOfRecurrenceRange")


def _master(mailbox: Mailbox, occurrence: Item) -> Item:
    if occurrence.occurrence is None:
        raise EwsError("ErrorCalendarCannotUseIdForOccurrenceId")
    master = mailbox.item(occurrence.id)
    if master is None:
        raise EwsError("ErrorItemNotFound")
    return master


def attachment_named(call: Call, element: etree._Element) -> tuple[Mailbox, Item, Attachment]:
    """By AttachmentId: with the item that holds it."""
    mailbox, item, attachment = ids.attachment_at(call.organisation, element.get("Id", ""))
    return opened(call, mailbox), item, attachment
