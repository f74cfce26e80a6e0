"""Restores into a server in trouble: each request that writes is struck once, by each kind of trouble.

Whatever happens, the restore asked for again goes on; in the end each item is there exactly once and whole, no half-made one
beside it, and undoing takes everything back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from mailkeep.connectors.ews.connector import EwsConnector
from mailkeep.connectors.ews.provider import EwsProvider
from mailkeep.connectors.ews.series import OccurrenceId
from mailkeep.connectors.ews.wire import listing, writing
from mailkeep.connectors.ews.wire.ids import Id
from mailkeep.connectors.ews.wire.writing import DeleteField, FileToAttach, SetField
from mailkeep.connectors.throttle import Throttled
from mailkeep.errors import MailkeepError
from mailkeep.mail.items import Kind, Role
from mailkeep.recover.run import Restored, run_restore
from mailkeep.recover.undo import undo_restore
from mailkeep.simulator.crowd import crowd
from mailkeep.simulator.ews.faults import Fault
from mailkeep.simulator.inhabit_exchange import add
from tests.recover.memory import MemoryJournal, MemorySource
from tests.recover.test_exchange import NOW, Office
from tests.servers.exchange import running

ALICE = "alice@firma.example"
ATTEMPTS_MAX = 6
# what refuses a request, and what does it and then loses the answer
TROUBLES = (
    "busy_short",
    "internal_fault",
    "transient_fault",
    "store_unavailable",
    "internal_error",
    "bad_gateway",
    "dropped",
)
# by properties: whose mailbox an occurrence stands in is its organiser, whoever that was before
UNAVOIDABLE = {"Occurrences/2026-03-17T08:00:00Z/Organizer"}
STRIKES = [(operation, trouble) for operation in ("CreateItem", "CreateAttachment") for trouble in TROUBLES]
STRIKES += [
    (operation, trouble) for operation in ("UpdateItem", "DeleteItem") for trouble in (TROUBLES[0], TROUBLES[-1])
]
ORGANIZER = (
    "<t:Mailbox><t:Name>Alice Ott</t:Name><t:EmailAddress>alice@firma.example</t:EmailAddress>"
    "<t:RoutingType>SMTP</t:RoutingType></t:Mailbox>"
)
SERIES = """<t:Subject>Jour fixe</t:Subject><t:Body BodyType="Text">Every Tuesday.</t:Body><t:Categories><t:String>Red</t:String>
</t:Categories><t:Start>2026-03-03T08:00:00Z</t:Start><t:End>2026-03-03T09:00:00Z</t:End>
<t:LegacyFreeBusyStatus>Busy</t:LegacyFreeBusyStatus><t:Location>Room 1</t:Location><t:Recurrence><t:WeeklyRecurrence>
<t:Interval>1</t:Interval><t:DaysOfWeek>Tuesday</t:DaysOfWeek></t:WeeklyRecurrence><t:NumberedRecurrence>
<t:StartDate>2026-03-03</t:StartDate><t:NumberOfOccurrences>8</t:NumberOfOccurrences></t:NumberedRecurrence></t:Recurrence>
""".replace("\n", "")


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with running(tmp_path_factory.mktemp("faults")) as server:
        mailbox = server.mailbox("alice")
        office = Office(server, EwsProvider())
        put_series(office)
        (series,) = mailbox.items(mailbox.well_known("calendar"))
        series.properties["Organizer"] = ORGANIZER  # as Exchange does, and streams keep it
        series.properties["MyResponseType"] = "Organizer"
        mailbox.save(series)
        taken: Counter[str] = Counter()
        for name, bundle in crowd(1, 200, NOW, size_max=20_000):
            if (name != "calendar" or bundle.attachments) and taken[name] < 1:
                taken[name] += 1
                add(mailbox, mailbox.well_known(name), bundle)
        yield office


def put_series(office: Office) -> None:
    """With a file; its third occurrence moved, without place and category, with a file of its own; its fifth deleted."""
    connector = office.open(ALICE)
    assert isinstance(connector, EwsConnector)
    session = connector._session
    calendar = next(folder for folder in connector.folders() if folder.role is Role.CALENDAR)
    element = writing.item_element("CalendarItem", SERIES)
    made = session.one(writing.create_item(calendar.id, [element], meetings=True), "put a series")
    series = listing.new_ids(made)[0][0]
    session.one(writing.create_attachment(Id(series), [FileToAttach("agenda.txt", b"agenda\r\n")]), "attach")
    third = OccurrenceId(series, 3)
    changes = [
        SetField("item:Subject", "CalendarItem", "<t:Subject>Jour fixe, moved</t:Subject>"),
        SetField("calendar:Start", "CalendarItem", "<t:Start>2026-03-17T12:00:00Z</t:Start>"),
        SetField("calendar:End", "CalendarItem", "<t:End>2026-03-17T13:00:00Z</t:End>"),
        DeleteField("calendar:Location"),
        DeleteField("item:Categories"),
    ]
    changed = session.one(writing.update_item(third, changes, meetings=True, conflict="AlwaysOverwrite"), "change one")
    occurrence = listing.new_ids(changed)[0][0]
    session.one(writing.create_attachment(Id(occurrence), [FileToAttach("moved.txt", b"why\r\n")]), "attach to one")
    session.one(writing.delete_item([OccurrenceId(series, 5)]), "delete one")
    connector.close()


@pytest.fixture(scope="module")
def streams(office: Office) -> MemorySource:
    """What was archived with the server's own streams."""
    found = office.archived(ALICE)
    assert {item.kind for item in found.held} == set(Kind)
    return found


@pytest.fixture(scope="module")
def plain(streams: MemorySource) -> MemorySource:
    """The same, by properties alone."""
    without = {
        number: tuple(part for part in parts if part.name != "ews.export") for number, parts in streams.native.items()
    }
    return MemorySource(streams.contents, streams.held, streams.more_folders, native=without)


def restored(office: Office, source: MemorySource, address: str, journal: MemoryJournal) -> tuple[Restored, list[str]]:
    """Asked for again until it is through; and the errors on the way."""
    errors = []
    for _ in range(ATTEMPTS_MAX):
        try:
            done = run_restore(source, lambda: Throttled(lambda: office.open(address)), journal, (), office.ways())
        except MailkeepError as error:
            errors.append(error.code)
        else:
            return done, errors
    raise AssertionError(errors)


def strike(office: Office, source: MemorySource, fault: Fault) -> None:
    """One restore under the fault, checked to the end."""
    server, address, journal = office.server.server, office.empty(), MemoryJournal()
    server.faults.clear()
    server.faults.add(fault)
    before = len(server.faults.struck)
    done, errors = restored(office, source, address, journal)
    assert len(server.faults.struck) > before, "the fault has met its request"
    server.faults.clear()
    assert {one.property for _, one in done.differences} <= UNAVOIDABLE, (errors, done.differences)
    assert (done.create, done.skip, done.cannot) == (len(source.held), 0, [])
    back = office.archived(address)
    assert Counter(item.subject for item in back.held) == Counter(item.subject for item in source.held)
    undone = undo_restore(source, office.open(address), journal, (), office.ways())
    assert (undone.removed, undone.kept) == (len(source.held), 0)
    assert office.archived(address).held == []


@pytest.mark.parametrize(("operation", "trouble"), STRIKES)
def test_a_restore_by_properties_goes_on(office: Office, plain: MemorySource, operation: str, trouble: str) -> None:
    after = 1 if operation == "CreateAttachment" else 0  # the second is of a changed occurrence
    strike(office, plain, Fault(trouble, operation=operation, times=1, after=after))


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_restore_by_streams_goes_on(office: Office, streams: MemorySource, trouble: str) -> None:
    uploads = office.server.server.recorder.counts().get("UploadItems", 0)
    strike(office, streams, Fault(trouble, operation="UploadItems", times=1))
    assert office.server.server.recorder.counts()["UploadItems"] >= uploads + len(streams.held), "none was made without"


def test_what_the_series_has_and_the_occurrence_has_not(office: Office, plain: MemorySource) -> None:
    """Cleared properties stay cleared, and each has its own files."""
    office.server.server.faults.clear()
    address = office.empty()
    run_restore(plain, lambda: office.open(address), MemoryJournal(), (), office.ways())
    mailbox = office.server.mailbox(address)
    master = next(item for item in mailbox.items(mailbox.well_known("calendar")) if item.properties.get("Recurrence"))
    (changed,), deleted = mailbox.occurrences(master)
    assert len(deleted) == 1
    occurrence = mailbox.instance(master, changed.original_start)
    assert [one.name for one in mailbox.attachments(master)] == ["agenda.txt"]
    assert "moved.txt" in [one.name for one in mailbox.attachments(occurrence)]
    assert not occurrence.properties.get("Location")
    assert not occurrence.properties.get("Categories")
    assert occurrence.properties["Subject"] == "Jour fixe, moved"


def test_what_the_server_would_not_take_is_in_the_report(office: Office, plain: MemorySource) -> None:
    """A file that is too large for the target: the item comes back without it, and the report names it."""
    server, address = office.server.server, office.empty()
    server.faults.clear()
    server.faults.add(Fault("item_too_large", operation="CreateAttachment"))
    journal = MemoryJournal()
    done = run_restore(plain, lambda: office.open(address), journal, (), office.ways())
    server.faults.clear()
    assert done.create == len(plain.held)
    assert any(one.property.startswith("attachment 1") for _, one in done.differences)
    undone = undo_restore(plain, office.open(address), journal, (), office.ways())
    assert undone.kept == 0
