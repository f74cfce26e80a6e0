"""How faults change a request just before it runs, and an answer just before it leaves."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from lxml import etree

from mailkeep.simulator.ews import refusals
from mailkeep.simulator.ews.faults import Order
from mailkeep.simulator.ews.ids import folder_at, item_at, item_id
from mailkeep.simulator.ews.reply import Asked, Reply

if TYPE_CHECKING:
    from mailkeep.simulator.exchange.mailbox import Mailbox
    from mailkeep.simulator.exchange.organisation import Organisation
    from mailkeep.simulator.exchange.values import Folder

MESSAGES = "http://schemas.microsoft.com/exchange/services/2006/messages"
_M, _T = f"{{{MESSAGES}}}", f"{{{refusals.TYPES}}}"
_LISTS = {  # what an answer holds even when it is an error, since its schema asks for it
    "GetItem": "Items", "CreateItem": "Items", "UpdateItem": "Items", "MoveItem": "Items", "CopyItem": "Items",
    "GetAttachment": "Attachments", "CreateAttachment": "Attachments",
}  # fmt: skip

_LAST = {"SyncFolderItems": "IncludesLastItemInRange", "SyncFolderHierarchy": "IncludesLastFolderInRange"}

After = Callable[[Order, Asked, etree._Element, "Organisation"], None]


# --- reading a request ---------------------------------------------------------------------------------------------


def has_sync_state(asked: Asked) -> bool:
    return bool(_sync_state(asked))


def names_a_folder_by_id(asked: Asked) -> bool:
    return asked.body.find(f".//{_T}FolderId") is not None


def asks_for_mime(asked: Asked) -> bool:
    found = asked.body.find(f".//{_T}IncludeMimeContent")
    return found is not None and (found.text or "").strip() in ("true", "1")


def _sync_state(asked: Asked) -> str:
    return asked.body.findtext(f"{_M}SyncState") or ""


def _item_ids(asked: Asked) -> list[str]:
    return [found.get("Id", "") for found in asked.body.iter(f"{_T}ItemId", f"{_T}ParentItemId", f"{_M}ParentItemId")]


def _victim(order: Order, ids: list[str]) -> str:
    """The one item this fault is about: named by the order, else drawn from the first batch it meets, then kept."""
    if order.fault.target:
        return order.fault.target
    if not order.victims and ids:
        order.victims.add(order.random.choice(ids))
    return next(iter(order.victims), "")


# --- before the operation runs -------------------------------------------------------------------------------------


def drop_sync_state(_order: Order, asked: Asked, _organisation: Organisation) -> None:
    found = asked.body.find(f"{_M}SyncState")
    if found is not None:
        asked.body.remove(found)


def delete_an_item(order: Order, asked: Asked, organisation: Organisation) -> None:
    """For good, and a different one each time the fault strikes."""
    ids = _item_ids(asked)
    if ids:
        mailbox, item = item_at(organisation, order.fault.target or order.random.choice(ids))
        mailbox.delete(item, "hard")


def delete_the_folder(_order: Order, asked: Asked, organisation: Organisation) -> None:
    """Unless it is one of those that every mailbox has."""
    found = asked.body.find(f".//{_T}FolderId")
    if found is not None:
        mailbox, folder = folder_at(organisation, found.get("Id", ""))
        if not folder.distinguished:
            mailbox.delete_folder(folder, "hard")


def poisoned(order: Order, _seconds: float, asked: Asked) -> Reply | None:
    ids = _item_ids(asked)
    if _victim(order, ids) in ids:
        return refusals.refused("ErrorInternalServerError")
    return None


def poisoned_page(order: Order, _seconds: float, asked: Asked) -> Reply | None:
    ids = _item_ids(asked)
    return refusals.page(500, "Runtime Error") if _victim(order, ids) in ids else None


# --- after it ran --------------------------------------------------------------------------------------------------


def refuse_one(code: str) -> After:
    """The message of one item of the batch becomes an error."""

    def after(order: Order, asked: Asked, answer: etree._Element, _organisation: Organisation) -> None:
        ids = _item_ids(asked)
        victim = _victim(order, ids) if ids else ""
        for number, message in enumerate(_messages(answer)):
            if not ids or (number < len(ids) and ids[number] == victim):
                make_error(message, code)
                if not ids:  # a creation has no id yet: its first item
                    return

    return after


def take_content(_order: Order, _asked: Asked, answer: etree._Element, _organisation: Organisation) -> None:
    for message in _messages(answer):
        for content in tuple(message.iter(f"{_T}Content")):
            parent = content.getparent()
            if parent is not None:
                parent.remove(content)


def shorten(_order: Order, _asked: Asked, answer: etree._Element, _organisation: Organisation) -> None:
    for message in _messages(answer)[-1:]:
        parent = message.getparent()
        if parent is not None:
            parent.remove(message)


def refuse_all(code: str) -> After:
    def after(_order: Order, _asked: Asked, answer: etree._Element, _organisation: Organisation) -> None:
        for message in _messages(answer):
            make_error(message, code)

    return after


def busy_from_the_middle(order: Order, _asked: Asked, answer: etree._Element, _organisation: Organisation) -> None:
    messages = list(_messages(answer))
    for message in messages[order.random.randint(0, len(messages) // 2) :]:
        make_error(message, "ErrorServerBusy")


def refuse_sync_state(order: Order, asked: Asked, answer: etree._Element, organisation: Organisation) -> None:
    refuse_all("ErrorInvalidSyncStateData")(order, asked, answer, organisation)


def refuse_known_states(order: Order, asked: Asked, answer: etree._Element, organisation: Organisation) -> None:
    """States handed out since the order count; all others are of another server."""
    given = _sync_state(asked)
    if given and given not in order.victims:
        refuse_sync_state(order, asked, answer, organisation)
        return
    order.victims.update(found.text or "" for found in answer.iter(f"{_M}SyncState"))


def duplicate_changes(_order: Order, _asked: Asked, answer: etree._Element, _organisation: Organisation) -> None:
    for changes in answer.iter(f"{_M}Changes"):
        for change in tuple(changes):
            changes.append(copy.deepcopy(change))


def shuffle_changes(order: Order, _asked: Asked, answer: etree._Element, _organisation: Organisation) -> None:
    for changes in answer.iter(f"{_M}Changes"):
        mixed = list(changes)
        order.random.shuffle(mixed)
        changes[:] = mixed


def return_sync_state(_order: Order, asked: Asked, answer: etree._Element, _organisation: Organisation) -> None:
    for state in answer.iter(f"{_M}SyncState"):
        state.text = _sync_state(asked)


def empty_folder(_order: Order, asked: Asked, answer: etree._Element, organisation: Organisation) -> None:
    """Nothing there for who asks for the first time; everything deleted for who knows the folder."""
    for message in _messages(answer):
        changes, state = message.find(f"{_M}Changes"), message.find(f"{_M}SyncState")
        if changes is None or state is None:
            continue
        changes[:] = []
        if _sync_state(asked):
            changes.extend(_deletions(asked, organisation))
        state.text = "AAAA"
        last = message.find(f"{_M}IncludesLastItemInRange")
        if last is not None:
            last.text = "true"


def _deletions(asked: Asked, organisation: Organisation) -> Iterator[etree._Element]:
    place = _synced_folder(asked, organisation)
    if place is None:
        return
    mailbox, folder = place
    for item in mailbox.items(folder):
        identity, key = item_id(item)
        deletion = etree.Element(f"{_T}Delete")
        etree.SubElement(deletion, f"{_T}ItemId", Id=identity, ChangeKey=key)
        yield deletion


def _synced_folder(asked: Asked, organisation: Organisation) -> tuple[Mailbox, Folder] | None:
    named = asked.body.find(f"{_M}SyncFolderId/*")
    if named is None:
        return None
    if named.tag == f"{_T}FolderId":
        return folder_at(organisation, named.get("Id", ""))
    mailbox = organisation.mailbox(named.findtext(f"{_T}Mailbox/{_T}EmailAddress") or asked.mailbox)
    folder = None if mailbox is None else mailbox.distinguished(named.get("Id", ""))
    return None if mailbox is None or folder is None else (mailbox, folder)


def stamp_moved(_order: Order, _asked: Asked, answer: etree._Element, organisation: Organisation) -> None:
    """The items just moved count as modified just now."""
    for moved in answer.iter(f"{_T}ItemId"):
        mailbox, item = item_at(organisation, moved.get("Id", ""))
        item.modified = organisation.clock()
        mailbox.save(item)


def make_error(message: etree._Element, code: str) -> None:
    """Turn a response message into an error of this code; its name stays."""
    operation = etree.QName(message).localname.removesuffix("ResponseMessage")
    for child in tuple(message):
        message.remove(child)
    message.set("ResponseClass", "Error")
    etree.SubElement(message, f"{_M}MessageText").text = refusals.TEXTS[code]
    etree.SubElement(message, f"{_M}ResponseCode").text = code
    etree.SubElement(message, f"{_M}DescriptiveLinkKey").text = "0"
    if operation in _LAST:
        etree.SubElement(message, f"{_M}SyncState")
        etree.SubElement(message, f"{_M}{_LAST[operation]}").text = "true"
    if operation in _LISTS:
        etree.SubElement(message, f"{_M}{_LISTS[operation]}")


def _messages(answer: etree._Element) -> list[etree._Element]:
    return [message for place in answer.iter(f"{_M}ResponseMessages") for message in place]


# --- the bytes -----------------------------------------------------------------------------------------------------

_SUBJECT = re.compile(rb"(<(?:\w+:)?Subject>)")
_DECLARATION = re.compile(rb"^\s*<\?xml[^>]*\?>")


def with_doctype(body: bytes) -> bytes:
    start = _DECLARATION.match(body)
    end = start.end() if start else 0
    return body[:end] + b'<!DOCTYPE Envelope [<!ENTITY a "b">]>' + body[end:]


def with_invalid_characters(body: bytes) -> bytes:
    """References to U+0001 and U+FFFE at the start of each subject, as Exchange sends what a subject holds."""
    return _SUBJECT.sub(rb"\1&#x1;&#xFFFE;", body)
