"""ExportItems and UploadItems: out and in again, an item is the same but for its ids; what is broken on the way is refused."""

from __future__ import annotations

import resource
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from pybase64 import b64decode, b64encode

from mailkeep.simulator.crowd import crowd
from mailkeep.simulator.ews import export_form
from mailkeep.simulator.ews.envelope import M, SoapFault
from mailkeep.simulator.ews.export_form import CorruptStream, Exported
from mailkeep.simulator.ews.ids import item_id
from mailkeep.simulator.ews.shapes import render_item
from mailkeep.simulator.ews.view import Shape
from mailkeep.simulator.exchange.organisation import Organisation
from mailkeep.simulator.exchange.values import Item
from tests.simulator.exchange_world import codes_of, folder_xml, mailbox_of
from tests.simulator.items_world import MIME, READ_MAIL, WHOLE, Bob, Shown, set_field

_WEEKLY = (
    "<t:Recurrence><t:WeeklyRecurrence><t:Interval>1</t:Interval><t:DaysOfWeek>Monday</t:DaysOfWeek></t:WeeklyRecurrence>"
    "<t:NumberedRecurrence><t:StartDate>2026-03-02</t:StartDate><t:NumberOfOccurrences>4</t:NumberOfOccurrences>"
    "</t:NumberedRecurrence></t:Recurrence>"
)
_KINDS = {
    "inbox": f"<t:Message><t:Subject>Hi</t:Subject><t:Categories><t:String>Red</t:String></t:Categories>{READ_MAIL}</t:Message>",
    "calendar": "<t:CalendarItem><t:Subject>Series</t:Subject><t:Start>2026-03-02T09:00:00Z</t:Start><t:End>2026-03-02T10:00:00Z"
    f"</t:End>{_WEEKLY}</t:CalendarItem>",
    "contacts": "<t:Contact><t:GivenName>Tanja</t:GivenName><t:PhoneNumbers><t:Entry Key='Pager'>1</t:Entry></t:PhoneNumbers>"
    "</t:Contact>",
    "tasks": "<t:Task><t:Subject>Do</t:Subject><t:Status>Completed</t:Status></t:Task>",
    "notes": "<t:Item><t:ItemClass>IPM.StickyNote</t:ItemClass><t:Body BodyType='Text'>Milk</t:Body></t:Item>",
}
_FILE = "<t:FileAttachment><t:Name>a.bin</t:Name><t:Content>AAEC</t:Content></t:FileAttachment>"
_NESTED = (
    "<t:ItemAttachment><t:Name>n</t:Name><t:Message><t:Subject>in it</t:Subject><t:Attachments><t:FileAttachment><t:Name>b"
    "</t:Name><t:Content>Ag==</t:Content></t:FileAttachment></t:Attachments></t:Message></t:ItemAttachment>"
)


def _export(bob: Bob, *items: Shown) -> etree._Element:
    named = "".join(f'<t:ItemId Id="{item.id}"/>' for item in items)
    return bob.asker.ask(f"<m:ExportItems><m:ItemIds>{named}</m:ItemIds></m:ExportItems>")


def _stream(bob: Bob, item: Shown) -> bytes:
    return b64decode(_export(bob, item).findtext(f".//{M}Data") or "")


def _upload(bob: Bob, folder: str, stream: bytes, action: str = "CreateNew", over: str = "") -> etree._Element:
    box = bob.asker.call.mailbox
    assert box is not None
    place = folder_xml(box.well_known(folder), "ParentFolderId")
    named = f'<t:ItemId Id="{over}"/>' if over else ""
    return bob.asker.ask(
        f'<m:UploadItems><m:Items><t:Item CreateAction="{action}">{place}{named}<t:Data>{b64encode(stream).decode()}</t:Data>'
        "</t:Item></m:Items></m:UploadItems>"
    )


def _uploaded(answer: etree._Element) -> str:
    assert codes_of(answer) == ["NoError"]
    return next(answer.iter(f"{M}ItemId")).get("Id", "")


def _without_ids(item: Shown) -> str:
    """The item as text, all but ids."""
    node = etree.fromstring(etree.tostring(item.node))
    for each in node.iter():
        for name in ("Id", "ChangeKey", "RootItemId"):
            each.attrib.pop(name, None)
    for name in ("WebClientReadFormQueryString", "WebClientEditFormQueryString", "Size"):
        for each in list(node.iter(f"{{*}}{name}")):
            each.text = ""
    return etree.tostring(node).decode()


@pytest.mark.parametrize("folder", _KINDS)
def test_what_is_uploaded_is_what_was_exported(bob: Bob, folder: str) -> None:
    made = bob.make(_KINDS[folder], folder)
    bob.attach(made, _FILE)
    bob.attach(made, _NESTED)
    if folder == "calendar":
        second = f'<t:OccurrenceItemId RecurringMasterId="{made.id}" InstanceIndex="2"/>'
        bob.change(second, set_field("item:Subject", "CalendarItem", "<t:Subject>Elsewhere</t:Subject>"))
    bob.asker.call.organisation.clock.forward(days=3)  # type: ignore[attr-defined]
    stream = _stream(bob, made)
    again = _uploaded(_upload(bob, folder, stream))
    assert again != made.id
    shape = WHOLE + "<t:IncludeMimeContent>true</t:IncludeMimeContent>"
    first, second_copy = bob.see(made, shape), bob.see(again, shape)
    assert _without_ids(second_copy) == _without_ids(first)
    assert second_copy["LastModifiedTime"] == first["LastModifiedTime"]
    assert _stream(bob, second_copy) == stream
    assert not stream.lstrip().startswith(b"<")


def test_a_message_with_mime_is_exact_after_its_journey(bob: Bob) -> None:
    raw = b"Subject: x\r\nX-Odd:   spaces\r\n\r\nbody\n.\r\n"
    made = bob.letter(raw)
    again = _uploaded(_upload(bob, "junkemail", _stream(bob, made)))
    assert bob.see(again, MIME).mime == raw


def test_update_and_update_or_create(bob: Bob) -> None:
    made = bob.make(_KINDS["tasks"], "tasks")
    stream = _stream(bob, made)
    bob.change(made, set_field("item:Subject", "Task", "<t:Subject>Other</t:Subject>"))
    assert _uploaded(_upload(bob, "tasks", stream, "Update", made.id)) == made.id
    assert bob.see(made)["Subject"] == "Do"
    bob.asker.ask(
        '<m:DeleteItem DeleteType="HardDelete" AffectedTaskOccurrences="AllOccurrences"><m:ItemIds>'
        f'<t:ItemId Id="{made.id}"/></m:ItemIds></m:DeleteItem>'
    )
    assert codes_of(_upload(bob, "tasks", stream, "Update", made.id)) == ["ErrorItemNotFound"]
    again = _uploaded(_upload(bob, "tasks", stream, "UpdateOrCreate", made.id))
    assert bob.see(again)["Subject"] == "Do"


def test_a_broken_stream_is_refused_and_nothing_is_made(bob: Bob, organisation: Organisation) -> None:
    stream = bytearray(_stream(bob, bob.make(_KINDS["notes"], "notes")))
    stream[-1] ^= 1
    assert codes_of(_upload(bob, "notes", bytes(stream))) == ["ErrorCorruptData"]
    assert codes_of(_upload(bob, "notes", b"<xml/>")) == ["ErrorCorruptData"]
    box = mailbox_of(organisation, "bob")
    assert box.count(box.well_known("notes")) == 1


def test_a_server_without_the_operations_faults(bob: Bob) -> None:
    made = bob.make(_KINDS["notes"], "notes")
    bob.asker.call.face.native_export = False
    with pytest.raises(SoapFault):
        _export(bob, made)


@given(st.binary(max_size=200), st.integers(0, 400), st.integers(0, 255))
def test_no_byte_of_a_stream_may_change(content: bytes, at: int, value: int) -> None:
    whole = Exported(Item("IPM.Note", "Message", {"Subject": "x"}, mime=content, search_key=b"k"), [], [], [])
    stream = export_form.written(whole)
    assert export_form.read(stream) == whole
    at %= len(stream)
    broken = stream[:at] + bytes([value]) + stream[at + 1 :]
    if broken == stream:
        return
    with pytest.raises(CorruptStream):
        export_form.read(broken)


def test_a_large_message_takes_few_copies(organisation: Organisation, bob: Bob) -> None:
    """40 MB of MIME go out within 400 MB; the process's peak is all that can be measured from within."""
    raw = b"Subject: large\r\nContent-Type: application/octet-stream\r\n\r\n" + b"x" * (40 << 20)
    box = mailbox_of(organisation, "bob")
    item = box.add(box.well_known("inbox"), Item("IPM.Note", "Message", {"Subject": "large"}, mime=raw))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    written = etree.tostring(render_item(bob.asker.call, item, Shape(mime=True)))
    assert len(written) > 53 << 20
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024 < 400


def test_a_crowd_of_all_kinds_is_shown_by_the_schema_and_travels_whole(bob: Bob) -> None:
    box = bob.asker.call.mailbox
    assert box is not None
    kinds = set()
    for folder, bundle in crowd(3, 120, datetime(2026, 3, 2, tzinfo=UTC), size_max=40_000):
        made = box.add(box.well_known(folder), bundle.item, bundle.attachments, bundle.occurrences, bundle.deleted)
        shape = WHOLE + "<t:IncludeMimeContent>true</t:IncludeMimeContent>"
        seen = bob.see(item_id(made)[0], shape)
        kinds.add(seen.kind)
        again = bob.see(_uploaded(_upload(bob, folder, _stream(bob, seen))), shape)
        assert _without_ids(again) == _without_ids(seen)
    assert kinds >= {"Message", "CalendarItem", "Contact", "Task"}
