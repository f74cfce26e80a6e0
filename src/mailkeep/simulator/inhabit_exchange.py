"""The made-up house moves into a simulated Exchange organisation: its people and directory, then all they hold.

    found(organisation)                              mailboxes, rooms, groups, shared mailboxes: the directory
    move_in(organisation, seed=1, now=clock())       that, and five kinds of item in every mailbox; how many items

The same seed and `now` give the same items.
"""

# ruff: noqa: S311  (a seeded generator is the point)

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from zlib import crc32

from mailkeep.simulator.appointments import draw_appointments
from mailkeep.simulator.contacts import Card, draw_contacts
from mailkeep.simulator.ews.messages import message_from_mime
from mailkeep.simulator.exchange.calendar_items import Bundle, copies, meeting_mail
from mailkeep.simulator.exchange.mailbox import Mailbox
from mailkeep.simulator.exchange.organisation import Organisation
from mailkeep.simulator.exchange.people_items import card, circle, note, post, task
from mailkeep.simulator.exchange.values import Folder
from mailkeep.simulator.letters import INBOX, RECENT_DAYS, Letter, Volume, generate
from mailkeep.simulator.letters import copies as letters_of
from mailkeep.simulator.meetings import MeetingMail, mail_about
from mailkeep.simulator.notes import draw_notes, draw_posts
from mailkeep.simulator.offices import OFFICES, ROOMS
from mailkeep.simulator.people import COLLEAGUES, OUTSIDERS, SHARED, Person, colleague, groups, room_address
from mailkeep.simulator.tasks import draw_tasks
from mailkeep.simulator.threads import draw_thread

Where = tuple[str, tuple[str, ...]]  # mailbox, and the folder as `place` understands it

LETTER_FOLDERS: dict[tuple[str, ...], str] = {
    INBOX: "inbox",
    ("Sent",): "sentitems",
    ("Drafts",): "drafts",
    ("Junk",): "junkemail",
    ("Trash",): "deleteditems",
}
WITH_ARCHIVE = ("Management", "Legal")  # departments whose people have an in-place archive; what they filed lies there
SHARED_THREADS = 20  # conversations in each shared mailbox
REPLIED, FORWARDED = "102", "104"  # PidTagLastVerbExecuted
LAST_VERB = "0x1081"


def move_in(organisation: Organisation, seed: int, now: datetime, volume: Volume | None = None) -> int:
    """Found the house and fill its mailboxes. How many items there are then."""
    found(organisation)
    count = 0
    places: dict[Where, Folder] = {}
    with organisation.writing():
        for (address, path), bundle in contents(seed, now, volume):
            mailbox = organisation.mailbox(address)
            assert mailbox is not None, address
            folder = places.get((address, path)) or place(mailbox, path)
            places[address, path] = folder
            add(mailbox, folder, bundle)
            count += 1
    return count


def found(organisation: Organisation) -> None:
    """The directory: people with their mailboxes, shared mailboxes, rooms, distribution groups, people outside."""
    for person in COLLEAGUES:
        archive = person.department in WITH_ARCHIVE
        organisation.add_mailbox(person.address, person.latin, language=person.languages[0], archive=archive)
        organisation.describe(person.address, **_details(person))
    for shared in SHARED:
        organisation.add_mailbox(shared.address, shared.name)
    for room in ROOMS:
        organisation.add_mailbox(room_address(room), room.name)
        organisation.describe(room_address(room), City=room.city)
    for group in groups():
        organisation.add_distribution_list(group.address, group.name, group.members)
    for person in OUTSIDERS:
        organisation.add_contact(person.address, person.latin, CompanyName=person.company)


def _details(person: Person) -> dict[str, str]:
    office = OFFICES[person.city]
    manager = colleague(person.manager).latin if person.manager else ""
    details = {
        "GivenName": person.given,
        "Surname": person.family,
        "JobTitle": person.job,
        "Department": person.department,
        "CompanyName": person.company,
        "OfficeLocation": person.city,
        "BusinessPhone": person.phone,
        "Manager": manager,
        "City": office.city,
        "CountryOrRegion": office.country,
        "Street": office.street,
        "PostalCode": office.postcode,
    }
    return {name: text for name, text in details.items() if text}


def contents(seed: int, now: datetime, volume: Volume | None = None) -> Iterator[tuple[Where, Bundle]]:
    """Everything that lies in the house's mailboxes, kind by kind, and within a kind person by person."""
    now = now.replace(microsecond=0)
    for letter in generate(seed, now, volume or Volume(invitations=0)):
        yield (letter.mailbox, _emptied(letter, letter_place(letter))), letter_bundle(letter)
    yield from _shared_letters(Random(f"shared {seed}"), now)
    yield from _calendars(Random(f"calendars {seed}"), now)
    rng = Random(f"cards {seed}")
    for held in draw_contacts(rng):
        made = (now - timedelta(days=rng.randint(20, 420), minutes=rng.randint(0, 600))).replace(microsecond=0)
        yield (held.mailbox, ("contacts",)), card(held, made) if isinstance(held, Card) else circle(held, made)
    for meant in draw_tasks(Random(f"tasks {seed}"), now):
        yield (meant.owner.address, ("tasks",)), task(meant)
    for jotted in draw_notes(Random(f"notes {seed}"), now):
        yield (jotted.owner.address, ("notes",)), note(jotted)
    for pinned in draw_posts(Random(f"posts {seed}"), now):
        yield (pinned.keeper.address, ("", pinned.board)), post(pinned)


def _shared_letters(rng: Random, now: datetime) -> Iterator[tuple[Where, Bundle]]:
    for shared in SHARED:
        for _ in range(SHARED_THREADS):
            thread = draw_thread(rng, shared.person, now)
            for letter in letters_of(rng, thread, now):
                yield (letter.mailbox, letter_place(letter)), letter_bundle(letter)


def _calendars(rng: Random, now: datetime) -> Iterator[tuple[Where, Bundle]]:
    for appointment in draw_appointments(rng, now):
        for address, bundle in copies(appointment):
            yield (address, ("calendar",)), bundle
        for mail in mail_about(appointment, now):
            yield from meeting_copies(rng, mail, now)


def meeting_copies(rng: Random, mail: MeetingMail, now: datetime) -> Iterator[tuple[Where, Bundle]]:
    """In the author's sent items, and with the reader: who has answered throws the request away."""
    if mail.first:
        sent = meeting_mail(mail)
        sent.item.read = True
        yield (mail.author.address, ("sentitems",)), sent
    arrived = meeting_mail(mail)
    arrived.item.read = mail.sent < now - timedelta(days=4) or mail.guest.at is not None
    done = mail.kind == "request" and mail.guest.at is not None and rng.random() < 0.5
    old = mail.sent < now - timedelta(days=RECENT_DAYS)
    yield (mail.reader.address, ("deleteditems" if done or old else "inbox",)), arrived


def letter_bundle(letter: Letter) -> Bundle:
    """A letter as Exchange keeps it: its MIME, and what that says."""
    item, attachments = message_from_mime(letter.content)
    item.received = item.created = item.modified = letter.received
    item.sent = item.sent or letter.received
    item.read, item.draft = "seen" in letter.flags, "draft" in letter.flags
    if "flagged" in letter.flags:
        item.properties["Flag"] = "<t:FlagStatus>Flagged</t:FlagStatus>"
    if "answered" in letter.flags:
        item.extended[LAST_VERB] = ("Integer", REPLIED)
    elif "$forwarded" in letter.flags:
        item.extended[LAST_VERB] = ("Integer", FORWARDED)
    return Bundle(item, tuple(attachments))


def letter_place(letter: Letter) -> tuple[str, ...]:
    """Where a letter lies, as `place` understands it."""
    known = LETTER_FOLDERS.get(letter.folder)
    return (known,) if known else ("", *letter.folder)


def _emptied(letter: Letter, path: tuple[str, ...]) -> tuple[str, ...]:
    """Every third deleted letter was deleted from Deleted Items too, and waits in Recoverable Items."""
    emptied = path == ("deleteditems",) and crc32(letter.message_id.encode()) % 3 == 0
    return ("recoverableitemsdeletions",) if emptied else path


def place(mailbox: Mailbox, path: tuple[str, ...]) -> Folder:
    """The folder a path means: a well-known one by its one word, or, after "", names below the top, made where missing."""
    if path[0]:
        return mailbox.well_known(path[0])
    archived = path[1] == "Archive" and mailbox.has_archive
    folder = mailbox.well_known("archivemsgfolderroot" if archived else "msgfolderroot")
    for name in path[1:]:
        known = {child.name: child for child in mailbox.children(folder)}
        folder = known.get(name) or mailbox.add_folder(folder, name)
    return folder


def add(mailbox: Mailbox, folder: Folder, bundle: Bundle) -> None:
    mailbox.add(folder, bundle.item, bundle.attachments, bundle.occurrences, bundle.deleted)
