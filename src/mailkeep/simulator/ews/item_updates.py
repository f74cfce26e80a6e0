"""UpdateItem: properties set, appended to or deleted, one by one.

    SetItemField · FieldURI "item:Subject" · <t:Message><t:Subject>new</t:Subject></t:Message>
    SetItemField · IndexedFieldURI "contacts:PhoneNumber" "MobilePhone" · the Contact with that one Entry
    DeleteItemField · ExtendedFieldURI 0x1090

A change of the read state alone is no change of the item. A message that changes in what its MIME says keeps its MIME no
longer: it is composed anew when somebody asks. Of a series, a change of one occurrence is kept as that occurrence's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from lxml import etree

from mailkeep.simulator.ews.envelope import Answer, Call, EwsError, M, T, answer, attempt, m, t
from mailkeep.simulator.ews.ids import read_change_key
from mailkeep.simulator.ews.item_creation import check_event, complete_task
from mailkeep.simulator.ews.item_reading import READ_ONLY, drop_property, put_extended, put_property
from mailkeep.simulator.ews.item_schema import property_name, rank, words
from mailkeep.simulator.ews.lookup import item_named
from mailkeep.simulator.ews.mapi import drop_extended
from mailkeep.simulator.ews.markup import (
    attributes_of,
    child,
    element,
    elements,
    inner_xml,
    local_name,
    outer_xml,
    parsed,
    true,
)
from mailkeep.simulator.ews.messages import LAZY, body_properties, materialised
from mailkeep.simulator.ews.shapes import DICTIONARIES, ID_ONLY, read_extended_uri, render_item
from mailkeep.simulator.ews.view import has_mime
from mailkeep.simulator.exchange.mailbox import Mailbox
from mailkeep.simulator.exchange.values import Item, Occurrence

# What may change without the MIME saying something else than the item.
_BESIDE_MIME = words("""
    IsRead Flag Categories ReminderIsSet ReminderDueBy ReminderMinutesBeforeStart Culture ItemClass Preview
""")


def update_item(call: Call, request: etree._Element) -> Answer:
    """Each item by itself."""
    changes = request.find(f"{M}ItemChanges")
    nodes = [] if changes is None else list(elements(changes))

    def one(change: etree._Element) -> Sequence[etree._Element]:
        with call.organisation.writing():
            item = _updated(call, request, change)
            results = m("ConflictResults", None, t("Count", "0"))
            return [m("Items", None, render_item(call, item, ID_ONLY)), results]

    return answer("UpdateItem", (attempt("UpdateItem", partial(one, node), empty="Items") for node in nodes))


def _updated(call: Call, request: etree._Element, change: etree._Element) -> Item:
    named = next(elements(change))
    mailbox, item = item_named(call, named)
    _refuse_unsaid(request, item)
    _refuse_conflict(request, named, item)
    updates = change.find(f"{T}Updates")
    before = _state(item)
    for update in [] if updates is None else elements(updates):
        _apply(call, item, update)
    _settle(call, item)
    return _kept(mailbox, item, before)


def _refuse_unsaid(request: etree._Element, item: Item) -> None:
    if item.element == "CalendarItem":
        how = request.get("SendMeetingInvitationsOrCancellations")
        if how is None:
            raise EwsError(
                "ErrorSendMeetingInvitationsOrCancellationsRequired",
                "SendMeetingInvitationsOrCancellations attribute is required for calendar items.",
            )
    elif item.element == "Message" and request.get("MessageDisposition") is None:
        raise EwsError("ErrorMessageDispositionRequired", "Message disposition is required.")
    if request.get("MessageDisposition", "SaveOnly") != "SaveOnly":
        raise EwsError("ErrorSendAsDenied", "Nothing is sent from this organisation.")


def _refuse_conflict(request: etree._Element, named: etree._Element, item: Item) -> None:
    how, key = request.get("ConflictResolution", "AutoResolve"), named.get("ChangeKey")
    if how == "AlwaysOverwrite":
        return
    if not key:
        raise EwsError("ErrorChangeKeyRequiredForWriteOperations", "A change key is required for this operation.")
    if how == "NeverOverwrite" and read_change_key(key) < item.change:
        raise EwsError(
            "ErrorIrresolvableConflict",
            "The send or update operation could not be performed because the change key is stale.",
        )


def _state(item: Item) -> Item:
    """What the item was, to tell later what changed."""
    return replace(item, mime=b"", properties=dict(item.properties), extended=dict(item.extended))


def _apply(call: Call, item: Item, update: etree._Element) -> None:
    path, value = next(elements(update)), _value(update)
    kind, way = local_name(path), local_name(update)
    if kind == "ExtendedFieldURI":
        _extended(item, path, value)
    elif kind == "IndexedFieldURI":
        _indexed(item, path.get("FieldURI", ""), path.get("FieldIndex", ""), value)
    else:
        name = property_name(path.get("FieldURI", ""))
        if name in READ_ONLY or name not in rank(item.element):
            raise EwsError(
                "ErrorInvalidPropertySet", "Set action is invalid for property.", FieldURI=path.get("FieldURI", "")
            )
        if way == "AppendToItemField":
            _append(call, item, name, value)
        else:
            _set(call, item, name, value)


def _value(update: etree._Element) -> etree._Element | None:
    """The one property in the item that a SetItemField carries; None for DeleteItemField."""
    carried = list(elements(update))[1:]
    return next(elements(carried[0]), None) if carried else None


def _set(call: Call, item: Item, name: str, value: etree._Element | None) -> None:
    if name == "IsRead":
        item.read = value is not None and true(value.text)
    elif name == "ItemClass" and value is not None:
        item.item_class = value.text or item.item_class
    elif value is None:
        drop_property(item.properties, name)
    else:
        put_property(call, item.properties, item.element, value)


def _append(call: Call, item: Item, name: str, value: etree._Element | None) -> None:
    if value is None:
        return
    before = item.properties.get(name, "")
    if name in LAZY and not before and has_mime(item):
        before = body_properties(item.mime)[name]
    put_property(call, item.properties, item.element, value)
    item.properties[name] = before + item.properties[name]


def _extended(item: Item, path: etree._Element, value: etree._Element | None) -> None:
    if value is None:
        drop_extended(item, read_extended_uri(path)[0])
    else:
        put_extended(item, value)


def _indexed(item: Item, uri: str, index: str, value: etree._Element | None) -> None:
    """One entry of a dictionary, or one field of an address in it."""
    name = DICTIONARIES.get(uri)
    if name is None or name == "InternetMessageHeaders":
        raise EwsError("ErrorInvalidPropertySet", "Set action is invalid for property.", FieldURI=uri)
    entries = {node.get("Key", ""): node for node in parsed(item.properties.get(name, ""))}
    new = None if value is None else next((each for each in elements(value) if each.get("Key") == index), None)
    if uri.startswith("contacts:PhysicalAddress:"):
        entries = _with_field(entries, index, uri.rpartition(":")[2], new)
    elif new is None:
        entries.pop(index, None)
    else:
        entries[index] = new
    inner = "".join(outer_xml(node) if name == "Members" else _entry(node) for node in entries.values())
    if inner:
        item.properties[name] = inner
    else:
        item.properties.pop(name, None)


def _entry(node: etree._Element) -> str:
    return element("Entry", inner_xml(node), attributes_of(node))


_FIELDS = ("Street", "City", "State", "CountryOrRegion", "PostalCode")


def _with_field(
    entries: dict[str, etree._Element], index: str, field: str, new: etree._Element | None
) -> dict[str, etree._Element]:
    """An address with one of its fields in place of the old one, in the schema's order."""
    old = entries.get(index)
    fields = {} if old is None else {local_name(each): outer_xml(each) for each in elements(old)}
    given = None if new is None else child(new, field)
    fields.pop(field, None)
    if given is not None:
        fields[field] = outer_xml(given)
    inner = "".join(fields[name] for name in _FIELDS if name in fields)
    kept = {key: node for key, node in entries.items() if key != index}
    return kept | ({index: parsed(element("Entry", inner, f' Key="{index}"'))[0]} if inner else {})


def _settle(call: Call, item: Item) -> None:
    if item.element == "CalendarItem":
        check_event(item)
    elif item.element == "Task":
        complete_task(call, item)


def _kept(mailbox: Mailbox, item: Item, before: Item) -> Item:
    now = _state(item)
    if item.occurrence is not None:
        return _kept_occurrence(mailbox, item, before)
    if now.read != before.read:
        mailbox.mark_read(item, _read_back(item, before))
    if replace(now, read=before.read, read_change=before.read_change) == replace(
        before, read_change=before.read_change
    ):
        return item
    if has_mime(item) and _differs_in_mime(now, before):
        drop_mime(mailbox, item)
    return mailbox.save(item)


def _read_back(item: Item, before: Item) -> bool:
    """The new read state; the item shows the old one until the store has it."""
    wanted = item.read
    item.read = before.read
    return wanted


def _differs_in_mime(now: Item, before: Item) -> bool:
    names = {name.partition("@")[0] for name in now.properties.keys() | before.properties.keys()}
    return any(
        now.properties.get(key) != before.properties.get(key)
        for key in now.properties.keys() | before.properties.keys()
        if key.partition("@")[0] in names - _BESIDE_MIME
    )


def drop_mime(mailbox: Mailbox, item: Item) -> None:
    """The properties hold all of the message from now on, its attachments their own content."""
    held = mailbox.attachments(item)
    whole = materialised(item, held)
    mailbox.save(item)
    if any(each.part for each in held):
        for old in held:
            mailbox.remove_attachment(item, old.id)
        for new in whole:
            mailbox.add_attachment(item, replace(new, id=0))


def _kept_occurrence(mailbox: Mailbox, item: Item, before: Item) -> Item:
    """What differs now belongs to this occurrence; what differed before still does."""
    start = item.occurrence
    master = mailbox.item(item.id)
    if master is None or start is None:
        raise EwsError("ErrorItemNotFound")
    kept = next((each for each in mailbox.occurrences(master)[0] if each.original_start == start), Occurrence(start))
    names = ("CalendarItemType", "OriginalStart", "RecurrenceId")
    changed = {name for name, value in item.properties.items() if before.properties.get(name) != value}
    if changed & {"Start", "End"}:
        changed |= {"Start", "End"}  # one without the other would be reckoned from the series
    kept.properties |= {name: item.properties[name] for name in changed.difference(names)}
    for name in before.properties.keys() - item.properties.keys():
        kept.properties[name] = ""
    for key, entry in item.extended.items():
        if before.extended.get(key) != entry:
            kept.extended[key] = entry
    mailbox.set_occurrence(master, kept)
    return mailbox.instance(master, start)
