"""The made-up house in a simulated Exchange: whole, the same out of the same seed, and consistent with itself."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import pytest
from lxml import etree

from mailkeep.simulator.everyday import EVERYDAY
from mailkeep.simulator.ews.item_schema import MESSAGES, TYPES, rank
from mailkeep.simulator.ews.markup import parsed, text_of
from mailkeep.simulator.exchange.calendar_items import Bundle
from mailkeep.simulator.exchange.mailbox import Mailbox
from mailkeep.simulator.exchange.organisation import Organisation
from mailkeep.simulator.exchange.values import Item
from mailkeep.simulator.inhabit_exchange import Where, contents, move_in
from mailkeep.simulator.letters import Volume
from mailkeep.simulator.life_exchange import Life
from mailkeep.simulator.people import COLLEAGUES, DEPARTMENTS, OUTSIDERS, SHARED, groups

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
LITTLE = Volume(threads=2, notices=1, invitations=0, newsletters=1, spam=1)


@pytest.fixture(scope="module")
def held() -> list[tuple[Where, Bundle]]:
    return list(contents(3, NOW))


@pytest.fixture(scope="module")
def house() -> Iterator[Organisation]:
    with Organisation(None, clock=lambda: NOW, seed=3) as organisation:
        move_in(organisation, 3, NOW)
        yield organisation


def digest(seed: int) -> str:
    hashed = hashlib.sha256()
    for where, bundle in contents(seed, NOW, LITTLE):
        hashed.update(repr((where, bundle)).encode())
    return hashed.hexdigest()


def items_of(house: Organisation) -> Iterator[tuple[Mailbox, Item]]:
    for mailbox in house.mailboxes():
        for folder in mailbox.folders():
            for item in mailbox.items(folder):
                yield mailbox, item


def test_same_seed_same_items() -> None:
    assert digest(3) == digest(3)
    assert digest(3) != digest(4)


def test_two_houses_of_one_seed_are_one(house: Organisation) -> None:
    with Organisation(None, clock=lambda: NOW, seed=3) as other:
        move_in(other, 3, NOW)
        assert [m.address for m in other.mailboxes()] == [m.address for m in house.mailboxes()]
        for ours, theirs in zip(house.mailboxes()[:5], other.mailboxes()[:5], strict=True):
            for one, two in zip(ours.folders(), theirs.folders(), strict=True):
                mine = [(i.id, i.search_key, i.size, i.properties) for i in ours.items(one)]
                assert mine == [(i.id, i.search_key, i.size, i.properties) for i in theirs.items(two)]


def test_forty_people_in_departments_offices_and_languages() -> None:
    assert len(COLLEAGUES) == 40
    assert len({person.address for person in COLLEAGUES}) == 40
    assert len(DEPARTMENTS) >= 8
    assert {person.languages[0] for person in COLLEAGUES} == set(EVERYDAY)
    addresses = {person.address for person in COLLEAGUES}
    for person in COLLEAGUES:
        assert person.phone
        assert person.job
        assert person.manager in addresses or person.job == "Managing Director"


def test_everybody_has_five_kinds(house: Organisation) -> None:
    for person in COLLEAGUES:
        mailbox = house.mailbox(person.address)
        assert mailbox is not None
        for folder in ("inbox", "sentitems", "calendar", "contacts", "tasks", "notes"):
            assert mailbox.count(mailbox.well_known(folder)) > 0, (person.address, folder)


def test_every_sort_of_item_is_there(house: Organisation) -> None:
    classes = Counter(item.item_class for _, item in items_of(house))
    assert {
        "IPM.Note",
        "IPM.Appointment",
        "IPM.Contact",
        "IPM.DistList",
        "IPM.Task",
        "IPM.StickyNote",
        "IPM.Post",
        "REPORT.IPM.Note.NDR",
        "IPM.Schedule.Meeting.Request",
        "IPM.Schedule.Meeting.Resp.Pos",
        "IPM.Schedule.Meeting.Resp.Tent",
        "IPM.Schedule.Meeting.Resp.Neg",
        "IPM.Schedule.Meeting.Canceled",
    } <= set(classes)
    assert 2000 < classes["IPM.Note"] < 4000


def test_marks_of_all_sorts(held: list[tuple[Where, Bundle]]) -> None:
    items = [bundle.item for _, bundle in held]
    for element in ("Message", "CalendarItem", "Contact", "Task"):
        said = {item.properties.get("Sensitivity", "Normal") for item in items if item.element == element}
        assert "Private" in said, element
    assert any(item.properties.get("Sensitivity") == "Confidential" for item in items)
    for name in ("Flag", "Categories", "JoinOnlineMeetingUrl", "Resources", "ReminderMinutesBeforeStart"):
        assert any(name in item.properties for item in items), name
    assert {item.properties.get("Importance") for item in items} >= {"Low", "Normal", "High"}
    notes = [item for item in items if item.item_class == "IPM.StickyNote"]
    colours = {value for note in notes for key, (_, value) in note.extended.items() if key.endswith(f"/{0x8B00}")}
    assert colours >= {"0", "1", "2", "3"}


def test_every_property_is_one_of_its_element_and_well_formed(held: list[tuple[Where, Bundle]]) -> None:
    for _, bundle in held:
        for name, inner in bundle.item.properties.items():
            assert name.partition("@")[0] in rank(bundle.item.element), (bundle.item.element, name)
            parsed(inner if "@" not in name else "")
        for occurrence in bundle.occurrences:
            assert set(map(str, occurrence.properties)) <= {*rank("CalendarItem"), "Body@BodyType"}


def test_every_item_is_valid_by_exchanges_own_schema(held: list[tuple[Where, Bundle]], corpus: Path) -> None:
    schema = etree.XMLSchema(etree.parse(corpus / "ews-xsd-ready" / "messages.xsd"))
    seen: Counter[str] = Counter()
    for _, bundle in held:
        if seen[bundle.item.item_class] < 150:
            seen[bundle.item.item_class] += 1
            node = etree.fromstring(as_xml(bundle.item))
            assert schema.validate(node), (schema.error_log.last_error, as_xml(bundle.item))


def as_xml(item: Item) -> str:
    """Its stored properties in order, as a client that creates it would send them."""
    said = item.properties
    names = sorted({name.partition("@")[0] for name in said}, key=rank(item.element).__getitem__)
    inner = "".join(
        f"<t:{name}{attributes(said, name)}>{said.get(name, '')}</t:{name}>"
        for name in names
        if not name.startswith("Preview")
    )
    return (
        f'<m:CreateItem xmlns:m="{MESSAGES}" xmlns:t="{TYPES}"><m:Items><t:{item.element}>{inner}</t:{item.element}>'
        "</m:Items></m:CreateItem>"
    )


def attributes(said: dict[str, str], name: str) -> str:
    return "".join(f' {key.partition("@")[2]}="{value}"' for key, value in said.items() if key.startswith(f"{name}@"))


@pytest.mark.parametrize("language", sorted(EVERYDAY))
def test_every_language_is_lived_in(held: list[tuple[Where, Bundle]], language: str) -> None:
    words = EVERYDAY[language]
    subjects = {text_of(bundle.item.properties.get("Subject", "")) for _, bundle in held}
    assert words.monthly.subject in subjects
    assert {title.partition("\n")[0] for title in words.notes if "{" not in title.partition("\n")[0]} & subjects
    assert words.posts[0].subject in subjects
    assert any(subject.startswith(words.accepted) for subject in subjects)


def test_patterns_are_filled_completely(held: list[tuple[Where, Bundle]]) -> None:
    for _, bundle in held:
        for name in ("Subject", "Body", "Location"):
            assert "{" not in bundle.item.properties.get(name, "").replace("{font", ""), bundle.item.properties[name]


def test_exceptions_stand_where_their_series_does(house: Organisation) -> None:
    changed_count = deleted_count = 0
    for mailbox, item in items_of(house):
        if "Recurrence" not in item.properties or item.element != "CalendarItem":
            continue
        changed, deleted = mailbox.occurrences(item)
        starts = [instance.original_start for instance in islice(mailbox.instances(item), 500)]
        assert starts == sorted(set(starts))
        assert {each.original_start for each in changed} <= set(starts), item.properties["Subject"]
        assert set(deleted) <= set(starts), item.properties["Subject"]
        assert not {each.original_start for each in changed} & set(deleted)
        for each in changed:
            assert each.properties.get("Start", "") <= each.properties.get("End", "")
        changed_count += len(changed)
        deleted_count += len(deleted)
    assert changed_count > 50
    assert deleted_count > 50


def test_a_meeting_stands_in_every_calendar_it_belongs_to(held: list[tuple[Where, Bundle]]) -> None:
    calendars: dict[str, dict[str, Item]] = defaultdict(dict)
    for (address, path), bundle in held:
        if path == ("calendar",):
            calendars[bundle.item.properties["UID"]][address] = bundle.item
    people = {person.address for person in (*COLLEAGUES, *OUTSIDERS)}
    for copies in calendars.values():
        organisers = [a for a, item in copies.items() if item.properties["MyResponseType"] == "Organizer"]
        assert len(organisers) == 1
        told = parsed(copies[organisers[0]].properties.get("RequiredAttendees", ""))
        for attendee in told:
            address = attendee.findtext("{*}Mailbox/{*}EmailAddress")
            answer = attendee.findtext("{*}ResponseType")
            assert address in people
            if address in copies:
                assert copies[address].properties["MyResponseType"] == answer
            elif address.endswith("@halden-moreau.example"):
                assert answer == "Decline"


def test_meeting_mail_is_about_meetings_that_are_there(held: list[tuple[Where, Bundle]]) -> None:
    known = {bundle.item.properties["UID"] for (_, path), bundle in held if path == ("calendar",)}
    mail = [bundle.item for _, bundle in held if bundle.item.item_class.startswith("IPM.Schedule")]
    assert mail
    assert {item.properties["UID"] for item in mail} <= known


def test_photos_and_agendas_are_what_they_say(held: list[tuple[Where, Bundle]]) -> None:
    photos = [a for _, bundle in held for a in bundle.attachments if a.contact_photo]
    assert len(photos) > 100
    assert len({photo.content for photo in photos}) > 40
    assert all(photo.content.startswith(b"\x89PNG") and photo.content_type == "image/png" for photo in photos)
    agendas = [a for _, bundle in held if bundle.item.element == "CalendarItem" for a in bundle.attachments]
    assert agendas
    assert all(agenda.content for agenda in agendas)


def test_the_directory_knows_people_and_groups(house: Organisation) -> None:
    everybody = next(group for group in groups() if group.name == "Everybody")
    expanded = house.expand(everybody.address)
    assert expanded is not None
    assert len(expanded) == 40
    [found] = house.resolve("köhler")
    assert found.details["Department"] == "Sales"
    assert found.details["Manager"] == "Ruth Adeyemi"
    for shared in SHARED:
        mailbox = house.mailbox(shared.address)
        assert mailbox is not None
        assert mailbox.count(mailbox.well_known("inbox")) > 3


def test_an_archive_holds_what_was_filed(house: Organisation) -> None:
    mailbox = house.mailbox("ingrid.halden@halden-moreau.example")
    assert mailbox is not None
    filed = [folder for folder in mailbox.folders() if mailbox.in_archive(folder) and mailbox.count(folder)]
    assert filed


def test_recoverable_items_hold_what_was_deleted_twice(house: Organisation) -> None:
    graves = [mailbox.well_known("recoverableitemsdeletions") for mailbox in house.mailboxes()]
    held = sum(mailbox.count(grave) for mailbox, grave in zip(house.mailboxes(), graves, strict=True))
    assert held > 20


def lived(steps: int) -> tuple[list[str], int]:
    with Organisation(None, clock=lambda: NOW, seed=5) as organisation:
        move_in(organisation, 5, NOW, LITTLE)
        before = organisation.change
        life = Life(organisation, 1)
        return [life.step() for _ in range(steps)], organisation.change - before


def test_life_goes_on_and_on_the_same_from_a_seed() -> None:
    happened, changes = lived(250)
    again, _ = lived(250)
    assert happened == again
    assert changes > 250
    said = " ".join(happened)
    for word in (
        " wrote to ",
        " read ",
        " filed ",
        " deleted ",
        " invited ",
        " answered ",
        " did ",
        " noted ",
        " moved ",
    ):
        assert word in said, word
    assert sum(not line for line in happened) < 60
