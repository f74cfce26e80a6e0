"""Restores step by step: what is composed of an archived item, and what becomes of it when the server falters in between."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from ews_world import EwsWorld, Mailbox, Simulated
from lxml import etree
from worlds import closed_after

from mailkeep.connectors.base import Connector, Listed, NewItem
from mailkeep.connectors.ews import series
from mailkeep.connectors.ews.composing import MARK, form_of, has_details, pieces
from mailkeep.connectors.ews.wire.names import MESSAGES, TYPES
from mailkeep.errors import MailkeepError, RetryLater
from mailkeep.mail.items import Folder, Kind, NativePart
from mailkeep.simulator.ews.faults import Fault

RECEIVED = datetime(2021, 3, 4, 5, 6, 7, tzinfo=UTC)
EVENT = (
    "<t:Subject>Visit</t:Subject><t:Start>2026-03-02T09:00:00Z</t:Start><t:End>2026-03-02T10:00:00Z</t:End>"
    "<t:LegacyFreeBusyStatus>Busy</t:LegacyFreeBusyStatus><t:Attachments>{attachments}</t:Attachments>"
)
FILE = '<t:FileAttachment><t:AttachmentId Id="a"/><t:Name>plan.txt</t:Name></t:FileAttachment>'
LINK = '<t:ReferenceAttachment><t:AttachmentId Id="b"/><t:Name>shared.docx</t:Name></t:ReferenceAttachment>'


def element(name: str, inner: str) -> bytes:
    """As `ResponseMessage.verbatim` gives it."""
    scope = f'<m:Items xmlns:m="{MESSAGES}" xmlns:t="{TYPES}">'
    return f"{scope}<t:{name}>{inner}</t:{name}></m:Items>".encode()


def event(attachments: str, *parts: NativePart) -> NewItem:
    held = NativePart("ews.properties", element("CalendarItem", EVENT.format(attachments=attachments)))
    return NewItem(Kind.EVENT, b"", frozenset({"seen"}), RECEIVED, (held, *parts), "IPM.Appointment")


WITH_FILE = event(FILE, NativePart("ews.attachment.0", b"the plan"))


@pytest.fixture
def exchange(exchanges: dict[str, Simulated]) -> Iterator[Simulated]:
    """One without streams."""
    found = exchanges["exchange-plain"]
    standing = found.server.server.faults.waiting()
    yield found
    found.server.server.faults.clear()
    for fault in standing:
        found.server.server.faults.add(fault)


@pytest.fixture
def target(exchange: Simulated, request: pytest.FixtureRequest) -> Iterator[tuple[Connector, Folder]]:
    mailbox = Mailbox(exchange.endpoint(), exchange.new_mailbox())
    world = closed_after(EwsWorld(mailbox, exact=False, stable_ids=True, many=10), request)
    connector = world.connect()
    yield connector, connector.create_folder(("Target",), Kind.EVENT)
    world.session._rests._until.clear()  # the long waits of these tests end with them


def there(connector: Connector, folder: Folder) -> list[str]:
    return [change.ref.id for change in connector.changes(folder, None) if isinstance(change, Listed)]


@pytest.mark.parametrize("kind", ["bad_gateway", "dropped", "busy_long", "store_unavailable"])
def test_half_an_item_is_not_left_behind(exchange: Simulated, target: tuple[Connector, Folder], kind: str) -> None:
    """Cut between the item and its file: what was made goes, or, where that must wait too, it is told with what it lacks."""
    connector, folder = target
    exchange.server.server.faults.add(Fault(kind, operation="CreateAttachment", times=1, seconds=60.0))
    try:
        created = connector.create(folder, WITH_FILE)
    except MailkeepError:
        assert there(connector, folder) == []
    else:
        assert kind == "busy_long", "no request may go out"
        assert created.cannot[0].startswith("not finished: ")


def test_an_item_whose_making_was_not_answered_is_found(exchange: Simulated, target: tuple[Connector, Folder]) -> None:
    connector, folder = target
    exchange.server.server.faults.add(Fault("dropped", operation="CreateItem", times=1))
    created = connector.create(folder, WITH_FILE)
    assert created.cannot == ()
    assert there(connector, folder) == [created.id]


@pytest.mark.parametrize("kind", ["internal_fault", "busy_short"])
def test_a_bad_moment_makes_no_poorer_item(exchange: Simulated, target: tuple[Connector, Folder], kind: str) -> None:
    connector, folder = target
    exchange.server.server.faults.add(Fault(kind, operation="CreateItem", times=1))
    assert connector.create(folder, WITH_FILE).cannot == ()


@pytest.mark.parametrize("kind", ["transient_fault", "store_unavailable"])
def test_a_server_that_is_away_is_said_to_be(exchange: Simulated, target: tuple[Connector, Folder], kind: str) -> None:
    connector, folder = target
    exchange.server.server.faults.add(Fault(kind, operation="CreateItem", times=1))
    with pytest.raises(MailkeepError) as caught:
        connector.create(folder, WITH_FILE)
    assert caught.value.code in ("connection_lost", "store_offline")
    assert there(connector, folder) == []


def test_an_item_that_the_server_fails_over_is_refused_by_itself(
    exchange: Simulated, target: tuple[Connector, Folder]
) -> None:
    connector, folder = target
    exchange.server.server.faults.add(Fault("internal_fault", operation="CreateItem", times=0))
    with pytest.raises(MailkeepError) as caught:
        connector.create(folder, WITH_FILE)
    assert (caught.value.code, isinstance(caught.value, RetryLater)) == ("cannot_create", False)


def test_a_link_to_a_file_elsewhere_is_named(exchange: Simulated, target: tuple[Connector, Folder]) -> None:
    del exchange
    connector, folder = target
    link = NativePart("ews.attachment.1.properties", element("ReferenceAttachment", "<t:Name>shared.docx</t:Name>"))
    item = event(FILE + LINK, NativePart("ews.attachment.0", b"the plan"), link)
    created = connector.create(folder, item)
    assert created.cannot == ("attachment 2 (a link: shared.docx)",)


def test_parts_of_a_changed_occurrence() -> None:
    inner = element("CalendarItem", "<t:OriginalStart>2026-03-17T08:00:00Z</t:OriginalStart>")
    parts = (
        NativePart("ews.occurrence.0", inner),
        NativePart("ews.occurrence.0.attachment.1", b"a file"),
        NativePart("ews.occurrence.0.attachment.2.item", b"mime"),
        NativePart("ews.occurrence.0.attachment.2.properties", b"<x/>"),
    )
    (occurrence,) = form_of(event("", *parts)).occurrences
    assert occurrence.attachments[1].file == b"a file"
    assert (occurrence.attachments[2].item, occurrence.attachments[2].properties) == (b"mime", b"<x/>")


def test_what_an_occurrence_has_not_is_cleared() -> None:
    master = element(
        "CalendarItem",
        "<t:Subject>S</t:Subject><t:Sensitivity>Private</t:Sensitivity>"
        "<t:Categories><t:String>Red</t:String></t:Categories><t:Location>Room 1</t:Location>",
    )
    occurrence = element("CalendarItem", "<t:Subject>T</t:Subject>")
    changes = series._changes(etree.fromstring(occurrence)[0], etree.fromstring(master)[0])
    assert [change.field for change in changes] == ["item:Subject", "item:Categories", "calendar:Location"]
    assert [type(change).__name__ for change in changes] == ["SetField", "DeleteField", "DeleteField"]


def test_only_what_takes_several_requests_is_marked() -> None:
    assert has_details(form_of(WITH_FILE))
    assert not has_details(form_of(event("")))
    assert not has_details(form_of(NewItem(Kind.MAIL, b"x", frozenset(), RECEIVED)))
    plain = b"".join(piece for piece in pieces(form_of(WITH_FILE)) if isinstance(piece, bytes))
    assert MARK.name.encode() not in plain
