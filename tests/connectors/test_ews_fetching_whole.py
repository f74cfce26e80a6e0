"""An item is fetched whole or not at all: what becomes of its body, attachments, occurrences and stream under faults."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from http_peer import Asked, Said
from test_ews_other_servers import bad, good, operation_of, said, server

from mailkeep.connectors.base import Endpoint, Fetched, Listed, Unfetched
from mailkeep.connectors.ews.backoff import BackOff
from mailkeep.connectors.ews.connector import EwsConnector
from mailkeep.connectors.ews.opening import Opening
from mailkeep.connectors.ews.provider import EwsProvider
from mailkeep.connectors.ews.wire.describe import describe
from mailkeep.connectors.ews.wire.properties import properties
from mailkeep.connectors.throttle import Throttled
from mailkeep.errors import RetryLater, RetryNow
from mailkeep.mail.items import Folder, ItemRef, Kind, Role
from mailkeep.simulator.crowd import crowd
from mailkeep.simulator.ews.faults import Fault
from mailkeep.simulator.ews.operations import OPERATIONS
from mailkeep.simulator.exchange.values import Attachment
from mailkeep.simulator.inhabit_exchange import add
from tests.servers.exchange import PASSWORD, SERVICE, World, address, running

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
MIME = (
    b"From: a@x.example\r\nTo: b@x.example\r\nSubject: Contract\r\nMessage-ID: <1@x>\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: multipart/mixed; boundary=q\r\n\r\n--q\r\nContent-Type: text/plain\r\n\r\nTHE-BODY-WORDS\r\n--q\r\n"
    b"Content-Type: application/pdf; name=a.pdf\r\nContent-Disposition: attachment; filename=a.pdf\r\n"
    b"Content-Transfer-Encoding: base64\r\n\r\nUERGLUJZVEVT\r\n--q--\r\n"
)
PASSING = ("internal_fault", "internal_error", "transient_fault")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Alice has mail, and a calendar with a changed occurrence that has an attachment of its own."""
    hollow = dict(OPERATIONS)  # a copy: some of these faults break the schema, and are meant to
    with running(Path(tmp_path_factory.mktemp("whole")), operations=hollow) as made:
        for number in range(6):
            made.deliver("alice", "inbox", subject=f"n{number}", body=f"words {number}")
        made.deliver("alice", "inbox", subject="Contract", mime=MIME)
        mailbox = made.mailbox("alice")
        for name, bundle in crowd(1, 200, NOW, size_max=20_000):
            if name == "calendar":
                add(mailbox, mailbox.well_known(name), bundle)
        for item in mailbox.items(mailbox.well_known("calendar")):
            changed, _ = mailbox.occurrences(item)
            if changed:
                extra = Attachment(name="only-here.txt", content=b"ONLY-IN-OCCURRENCE")
                mailbox.set_occurrence(item, replace(changed[0], attachments=(extra,)))
        yield made


@pytest.fixture(autouse=True)
def well_again(world: World) -> Iterator[None]:
    yield
    world.server.faults.clear()
    world.server.watch.forget()


def opened(world: World) -> EwsConnector:
    endpoint = Endpoint(
        "exchange", "localhost", world.server.port, ca_pem=world.ca.read_text(), user=SERVICE, password=PASSWORD,
        impersonate=True,
    )  # fmt: skip
    return EwsProvider(Opening(BackOff())).open(endpoint, address("alice"))


def listed(connector: EwsConnector, role: Role) -> tuple[Folder, list[ItemRef]]:
    folder = next(one for one in connector.folders() if one.role is role)
    return folder, [change.ref for change in connector.changes(folder, None) if isinstance(change, Listed)]


def only(connector: EwsConnector, role: Role, subject: str) -> tuple[Folder, list[ItemRef]]:
    folder, refs = listed(connector, role)
    return folder, [ref for ref in refs if ref.subject == subject]


def waiting(world: World) -> Throttled:
    return Throttled(lambda: opened(world), sleep=lambda _: None)


def names(result: Fetched | Unfetched) -> list[str]:
    assert isinstance(result, Fetched), result
    return [part.name for part in result.parts]


# --- mail -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [*PASSING, "mime_conversion_failed"])
def test_a_passing_error_costs_a_message_nothing(world: World, kind: str) -> None:
    """Finding 1: it came as its header's properties alone, and was counted."""
    folder, refs = only(opened(world), Role.INBOX, "Contract")
    world.server.faults.add(Fault(kind, operation="GetItem", times=1))
    (result,) = waiting(world).fetch(folder, iter(refs))
    assert isinstance(result, Fetched)
    assert bytes(result.content) == MIME
    assert names(result) == ["ews.properties", "ews.export"]


def test_mail_without_mime_comes_with_body_and_attachments(world: World) -> None:
    folder, refs = only(opened(world), Role.INBOX, "Contract")
    world.server.faults.add(Fault("no_export"))
    world.server.faults.add(Fault("mime_conversion_failed", target=refs[0].id))
    (result,) = opened(world).fetch(folder, iter(refs))
    assert isinstance(result, Fetched)
    assert b"THE-BODY-WORDS" in bytes(result.content)
    assert {part.name: bytes(part.content) for part in result.parts}["ews.attachment.0"] == b"PDF-BYTES"
    described = describe(result.parts)
    assert described is not None
    assert "THE-BODY-WORDS" in described.text
    assert [one.name for one in described.files] == ["a.pdf"]


@pytest.mark.parametrize("kind", ["internal_fault", "internal_error"])
def test_a_server_that_fails_over_everything_is_not_believed(world: World, kind: str) -> None:
    folder, refs = listed(opened(world), Role.INBOX)
    world.server.faults.add(Fault(kind, operation="GetItem", times=10_000))
    with pytest.raises(RetryLater) as raised:
        list(opened(world).fetch(folder, iter(refs)))
    assert raised.value.code == "unreachable"


@pytest.mark.parametrize("kind", ["poisoned_item", "poisoned_page"])
def test_one_poisoned_item_is_left_out_alone(world: World, kind: str) -> None:
    """Finding 14: a page of HTTP 500 ended the run of the whole mailbox."""
    folder, refs = listed(opened(world), Role.INBOX)
    world.server.faults.add(Fault(kind, target=refs[0].id))
    results = list(opened(world).fetch(folder, iter(refs)))
    assert [one.ref.id for one in results if isinstance(one, Unfetched)] == [refs[0].id]
    assert len(results) == len(refs)
    (alone,) = opened(world).fetch(folder, iter(refs[:1]))
    assert isinstance(alone, Unfetched)
    assert alone.code == "unreadable"


# --- streams ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [*PASSING, "store_unavailable", "failed_over", "busy_bare", "connections_exceeded"])
def test_a_passing_error_of_the_first_export_loses_no_stream(world: World, kind: str) -> None:
    """Finding 4: it switched streams off for the whole session."""
    connector = opened(world)
    folder, refs = listed(connector, Role.INBOX)
    world.server.faults.add(Fault(kind, operation="ExportItems", times=1))
    come: list[Fetched | Unfetched] = []
    for _ in range(2):
        left = [ref for ref in refs if ref.id not in {one.ref.id for one in come}]
        with suppress(RetryLater, RetryNow):
            come += connector.fetch(folder, iter(left))
    assert len(come) == len(refs)
    assert all("ews.export" in names(one) for one in come)


# --- details ----------------------------------------------------------------------------------------------------------


def test_attachments_of_an_occurrence_come_and_are_compared(world: World) -> None:
    """Finding 3."""
    connector = opened(world)
    folder, refs = listed(connector, Role.CALENDAR)
    series = [one for one in connector.fetch(folder, iter(refs)) if "ews.occurrence.0.attachment.0" in names(one)]
    assert series
    for one in series:
        assert isinstance(one, Fetched)
        held = {part.name: bytes(part.content) for part in one.parts}
        assert held["ews.occurrence.0.attachment.0"] == b"ONLY-IN-OCCURRENCE"
        told = [value for name, value in properties(one.parts).items() if name.endswith("/Attachments/only-here.txt")]
        assert "18 bytes, sha256" in told[0]
        described = describe(one.parts)
        assert described is not None
        assert "only-here.txt" in [each.name for each in described.files]


@pytest.mark.parametrize(
    ("kind", "operation", "after"),
    [
        *((kind, "GetAttachment", 0) for kind in (*PASSING, "answer_short")),
        *((kind, "GetItem", 1) for kind in (*PASSING, "answer_short")),
    ],
)
def test_a_passing_error_of_a_detail_loses_none(world: World, kind: str, operation: str, after: int) -> None:
    """Finding 2: attachments and occurrences were dropped, and the item was counted."""
    connector = opened(world)
    folder, refs = listed(connector, Role.CALENDAR)
    whole = {one.ref.id: names(one) for one in connector.fetch(folder, iter(refs))}
    wanted = next(ref for ref in refs if "ews.occurrence.0.attachment.0" in whole[ref.id])
    world.server.faults.add(Fault(kind, operation=operation, after=after, times=1))
    (again,) = waiting(world).fetch(folder, iter([wanted]))
    assert names(again) == whole[wanted.id]
    assert world.server.faults.waiting() == []


@pytest.mark.parametrize("kind", ["internal_fault", "internal_error", "attachment_hollow", "answer_short"])
def test_a_lasting_error_of_a_detail_makes_the_item_unfetched(world: World, kind: str) -> None:
    connector = opened(world)
    folder, refs = listed(connector, Role.CALENDAR)
    whole = {one.ref.id: names(one) for one in connector.fetch(folder, iter(refs))}
    wanted = next(ref for ref in refs if "ews.occurrence.0.attachment.0" in whole[ref.id])
    world.server.faults.add(Fault(kind, operation="GetAttachment", times=10_000))
    (result,) = opened(world).fetch(folder, iter([wanted]))
    assert isinstance(result, Unfetched)
    assert result.code == "unreadable"


EVENT = ItemRef("event", Kind.EVENT, "IPM.Appointment", 100, NOW, NOW)
LINK = (
    '<t:ReferenceAttachment><t:AttachmentId Id="link"/><t:Name>plan.docx</t:Name><t:Size>400</t:Size>'
    "<t:AttachLongPathName>https://files.example/plan.docx</t:AttachLongPathName></t:ReferenceAttachment>"
)
FILE = '<t:FileAttachment><t:AttachmentId Id="file"/><t:Name>a.txt</t:Name><t:Size>3</t:Size></t:FileAttachment>'


def event(attachments: str) -> Said:
    held = f'<t:CalendarItem><t:ItemId Id="event"/><t:Attachments>{attachments}</t:Attachments></t:CalendarItem>'
    return said("GetItem", good("GetItem", f"<m:Items>{held}</m:Items>"))


def test_a_link_is_kept_as_its_element() -> None:
    """Finding 24: it was stored as an empty file."""
    content = FILE.replace("</t:FileAttachment>", "<t:Content>YWJj</t:Content></t:FileAttachment>")

    def attachment(asked: Asked) -> Said:
        assert b'"link"' not in asked.body
        return said("GetAttachment", good("GetAttachment", f"<m:Attachments>{content}</m:Attachments>"))

    with server(GetItem=lambda _: event(LINK + FILE), GetAttachment=attachment) as (connector, _):
        (result,) = connector.fetch(Folder("calendar", ("Calendar",)), iter([EVENT]))
    assert isinstance(result, Fetched)
    held = {part.name: bytes(part.content) for part in result.parts}
    assert sorted(held) == ["ews.attachment.0.properties", "ews.attachment.1", "ews.properties"]
    assert b"https://files.example/plan.docx" in held["ews.attachment.0.properties"]
    assert held["ews.attachment.1"] == b"abc"
    assert properties(result.parts)["Attachments/plan.docx"] == "link"


def _always(answer: Said, _: Asked) -> Said:
    return answer


def test_an_attachment_that_went_meanwhile_is_not_missed() -> None:
    """The item is read again; while it still lists what is not there, it is not whole."""
    for after_that, expected in (("", Fetched), (FILE, Unfetched)):
        answers = iter((event(FILE), event(after_that)))

        def item(_: Asked, these: Iterator[Said] = answers) -> Said:
            return next(these)

        gone = said("GetAttachment", bad("GetAttachment", "ErrorInvalidAttachmentId"))
        with server(GetItem=item, GetAttachment=partial(_always, gone)) as (
            connector,
            running_,
        ):
            (result,) = connector.fetch(Folder("calendar", ("Calendar",)), iter([EVENT]))
            assert [operation_of(asked) for asked in running_.asked].count("GetItem") == 2
        assert isinstance(result, expected)
