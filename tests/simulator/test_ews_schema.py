"""Everything that passes is of Microsoft's schema.

`running` (tests/servers/exchange.py) holds every answer of the simulator to it in every test that uses real operations, and
every request where the client is ours. Here: that this watch sees what is wrong, and that the simulator answers each request
of Microsoft's own documents within the schema, whatever it is about.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from lxml import etree

from mailkeep.simulator.exchange.values import Attachment, Item
from tests.servers.exchange import World, running
from tests.servers.peers import own_account, trusting
from tests.servers.schema import SchemaWatch
from tests.simulator.test_ews_server import code_of, post

SOAP = "{http://schemas.xmlsoap.org/soap/envelope/}"
TYPES = "{http://schemas.microsoft.com/exchange/services/2006/types}"
MESSAGES = "{http://schemas.microsoft.com/exchange/services/2006/messages}"


@pytest.fixture(scope="module")
def schema(corpus: Path) -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(corpus / "ews-xsd-ready/messages.xsd"))


@pytest.fixture
def world(tmp_path: Path, schema: etree.XMLSchema) -> Iterator[World]:
    with running(tmp_path, ours=False) as made:
        watch = SchemaWatch(schema)
        made.server.recorder.listeners.append(watch)
        made.schema = watch
        yield made
        assert watch.responses == []


def test_the_watch_sees_what_breaks_the_schema(schema: etree.XMLSchema) -> None:
    watch = SchemaWatch(schema)
    body = (
        '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
        '<m:GetItem xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages"><m:Tea/></m:GetItem>'
        "</s:Body></s:Envelope>"
    )
    watch("request", "GetItem", body.encode())
    assert watch.responses == []
    assert len(watch.requests) == 1
    assert "Tea" in watch.requests[0]


def samples(corpus: Path, schema: etree.XMLSchema) -> Iterator[tuple[str, bytes]]:
    """Name and envelope of each request in the documents that is of the schema itself; many are not."""
    for folder in ("ews-docs-reference/request", "ews-viewpoint/soap_data"):
        for path in sorted((corpus / folder).rglob("*.xml")):
            try:
                root = etree.parse(path).getroot()
            except etree.XMLSyntaxError:
                continue
            body = root.find(f"{SOAP}Body")
            if (
                body is not None
                and len(body) == 1
                and not body[0].tag.endswith("Response")
                and schema.validate(body[0])
            ):
                yield path.name, etree.tostring(root)


def test_the_documents_own_requests_are_answered_within_the_schema(
    world: World, corpus: Path, schema: etree.XMLSchema
) -> None:
    codes = {each.get("value") for each in etree.parse(corpus / "ews-xsd-ready/messages.xsd").iter("{*}enumeration")}
    answered = refused = 0
    for name, envelope in samples(corpus, schema):
        answer = post(world, envelope)
        assert world.server.recorder.errors == [], name
        if answer.status_code == 200:
            answered += 1
        else:
            assert (answer.status_code, code_of(answer) in codes) == (500, True), name
            refused += 1
    assert answered >= 60, (answered, refused)


def test_answers_full_of_all_there_is(world: World) -> None:
    """Every kind of item, with every property, in each shape, by a client that asks for all of them."""
    alice = world.mailbox("alice")
    for item, attachments in _items():
        place = {"Contact": "contacts", "CalendarItem": "calendar", "Task": "tasks"}.get(item.element, "inbox")
        alice.add(alice.well_known(place), item, attachments)
    world.deliver("alice", "inbox", subject="A <b> & \u0001 c")
    with trusting(world):
        account = own_account(world, "alice")
        for folder in (account.inbox, account.calendar, account.contacts, account.tasks, account.notes):
            for found in folder.all():
                assert found.item_class
                for attachment in found.attachments or ():
                    assert attachment.name
            list(folder.sync_items())
        assert len(list(account.root.walk())) > 10
    assert world.schema is not None
    assert world.schema.checked > 20


def _items() -> Iterator[tuple[Item, tuple[Attachment, ...]]]:
    file = Attachment("a.txt", b"text", "text/plain")
    nested = Attachment("Inner", item=Item("IPM.Note", "Message", {"Subject": "Inner"}))
    yield Item("IPM.Note", "Message", {"Subject": "Both"}), (file, nested)
    yield Item("IPM.Note.SMIME.MultipartSigned", "Message", {"Subject": "Signed"}), ()
    yield Item("IPM.Post", "PostItem", {"Subject": "Posted"}), ()
    yield Item("REPORT.IPM.Note.NDR", "Message", {"Subject": "Undeliverable"}), ()
    yield Item("IPM.Schedule.Meeting.Request", "MeetingRequest", {"Subject": "Come"}), ()
    yield Item("IPM.Schedule.Meeting.Resp.Pos", "MeetingResponse", {"Subject": "Yes"}), ()
    yield Item("IPM.Schedule.Meeting.Canceled", "MeetingCancellation", {"Subject": "No more"}), ()
    yield Item("IPM.Task", "Task", {"Subject": "Do", "Status": "InProgress"}), (file,)
    yield Item("IPM.Contact", "Contact", {"DisplayName": "Bo", "Surname": "B"}), ()
    times = {"Start": "2026-11-24T09:00:00Z", "End": "2026-11-24T10:00:00Z"}
    yield Item("IPM.Appointment", "CalendarItem", {"Subject": "Meet", **times}), (file,)
    yield Item("IPM.Activity", "Item", {"Subject": "Journal"}), ()
