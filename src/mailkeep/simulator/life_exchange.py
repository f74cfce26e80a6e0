"""Life goes on in the simulated Exchange organisation: one small thing after another, at a pace one can watch.

    life = Life(organisation, seed)
    while not ended.wait(life.pause()):
        log.info(life.step())          # "Jonas Brandt accepted Design review: Calora 40"

Mail arrives, is read, filed and thrown away; people are invited, answer, and move what they agreed on; an occurrence of a series
changes; tasks get done, notes get written. What happens is drawn from the seed; when, the organisation's clock says.
"""

# ruff: noqa: S311  (a seeded generator is the point)

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from random import Random
from xml.sax.saxutils import unescape

from mailkeep.simulator.appointments import Appointment, Guest, draw_meeting
from mailkeep.simulator.exchange import elements
from mailkeep.simulator.exchange.calendar_items import bundle, meeting_mail
from mailkeep.simulator.exchange.errors import NotFound
from mailkeep.simulator.exchange.mailbox import Mailbox
from mailkeep.simulator.exchange.organisation import Organisation
from mailkeep.simulator.exchange.people_items import note
from mailkeep.simulator.exchange.values import Item, Occurrence
from mailkeep.simulator.inhabit_exchange import add, letter_bundle, letter_place, place
from mailkeep.simulator.letters import copies
from mailkeep.simulator.meetings import MeetingMail, answered, invited
from mailkeep.simulator.notes import draw_note
from mailkeep.simulator.people import COLLEAGUES, Person, is_inside
from mailkeep.simulator.threads import draw_thread

PAUSE_SECONDS = (3.0, 15.0)
_ADDRESS = re.compile(r"<t:EmailAddress>([^<]+)</t:EmailAddress>")
WATCHED = 60  # newest items of a folder that anything happens to


@dataclass(slots=True)
class _Open:
    """A meeting whose guests have not all answered."""

    appointment: Appointment
    waiting: list[Guest]


class Life:
    """Everything one after another, by one thread."""

    def __init__(self, organisation: Organisation, seed: int) -> None:
        self._organisation = organisation
        self._rng = Random(f"life {seed} {organisation.change}")  # begun again, it goes on with other things
        self._open: list[_Open] = []
        self._agreed: list[Appointment] = []

    def pause(self) -> float:
        """Seconds until the next thing."""
        return self._rng.uniform(*PAUSE_SECONDS)

    def step(self) -> str:
        """Do one thing and say what it was; "" where what was drawn had nothing to happen to."""
        doings: tuple[tuple[Callable[[], str], int], ...] = (
            (self._letter_arrives, 30),
            (self._is_read, 22),
            (self._is_filed, 10),
            (self._is_thrown_away, 6),
            (self._invites, 6),
            (self._answers, 12),
            (self._moves_a_meeting, 3),
            (self._changes_an_occurrence, 3),
            (self._does_a_task, 5),
            (self._writes_a_note, 3),
        )
        doing = self._rng.choices([each for each, _ in doings], [weight for _, weight in doings])[0]
        try:
            return doing()
        except NotFound:  # a client took it away in this moment
            return ""

    # --- mail ------------------------------------------------------------------------------------------------------

    def _letter_arrives(self) -> str:
        now = self._now()
        thread = draw_thread(self._rng, self._rng.choice(COLLEAGUES), now, begin=now)
        for letter in copies(self._rng, thread, now):
            mailbox = self._mailbox(letter.mailbox)
            add(mailbox, place(mailbox, letter_place(letter)), letter_bundle(letter))
        first = thread.letters[0]
        return f"{first.author.latin} wrote to {first.to[0].latin}: {first.subject}"

    def _is_read(self) -> str:
        mailbox = self._anybody()
        unread = [item for item in self._newest(mailbox, "inbox") if not item.read]
        if not unread:
            return ""
        item = self._rng.choice(unread)
        mailbox.mark_read(item, True)
        return f"{mailbox.name} read {_subject(item)}"

    def _is_filed(self) -> str:
        mailbox = self._anybody()
        read = [item for item in self._newest(mailbox, "inbox") if item.read]
        if not read:
            return ""
        item = self._rng.choice(read)
        year = str((item.received or self._now()).year)
        mailbox.move(item, place(mailbox, ("", "Archive", year)))
        return f"{mailbox.name} filed {_subject(item)} under Archive/{year}"

    def _is_thrown_away(self) -> str:
        mailbox = self._anybody()
        read = [
            item
            for item in self._newest(mailbox, self._rng.choice(["inbox", "junkemail", "deleteditems"]))
            if item.read
        ]
        if not read:
            return ""
        item = self._rng.choice(read)
        mailbox.delete(item, "trash")
        return f"{mailbox.name} deleted {_subject(item)}"

    # --- calendars -------------------------------------------------------------------------------------------------

    def _invites(self) -> str:
        now = self._now()
        organiser = self._rng.choice(COLLEAGUES)
        day = (now + timedelta(days=self._rng.randint(1, 20))).date()
        made = draw_meeting(self._rng, organiser, now, day)
        guests = tuple(replace(guest, answer="none", at=None) for guest in made.guests)
        made = replace(made, sent=now, guests=guests, cancelled=False)
        for person in (organiser, *(guest.person for guest in guests if is_inside(guest.person))):
            mailbox = self._mailbox(person.address)
            add(mailbox, mailbox.well_known("calendar"), bundle(made, person))
        for guest in guests:
            self._send(invited(made, guest))
        self._open.append(_Open(made, [guest for guest in guests if is_inside(guest.person)]))
        return f"{organiser.latin} invited {len(guests)} people: {made.subject}"

    def _answers(self) -> str:
        self._open = [each for each in self._open if each.waiting]
        if not self._open:
            return self._invites()
        meeting = self._rng.choice(self._open)
        before = meeting.waiting.pop(self._rng.randrange(len(meeting.waiting)))
        guest = replace(
            before, answer=self._rng.choices(["accept", "tentative", "decline"], (7, 2, 1))[0], at=self._now()
        )
        guests = tuple(guest if each.person is guest.person else each for each in meeting.appointment.guests)
        meeting.appointment = replace(meeting.appointment, guests=guests)
        self._send(answered(meeting.appointment, guest, self._now()))
        self._put(meeting.appointment, meeting.appointment.organiser)
        if guest.answer == "decline":
            self._take_away(meeting.appointment, guest.person)
        else:
            self._put(meeting.appointment, guest.person)
        if not meeting.waiting:
            self._agreed.append(meeting.appointment)
        return f"{guest.person.latin} answered {guest.answer}: {meeting.appointment.subject}"

    def _moves_a_meeting(self) -> str:
        if not self._agreed:
            return ""
        old = self._agreed.pop(self._rng.randrange(len(self._agreed)))
        moved = replace(old, start=old.start + timedelta(days=7 if old.start.weekday() == 4 else 1))
        for person in (moved.organiser, *(guest.person for guest in moved.guests)):
            if is_inside(person):
                self._put(moved, person)
        return f"{moved.organiser.latin} moved {moved.subject} to {moved.start:%d %B, %H:%M}"

    def _changes_an_occurrence(self) -> str:
        mailbox = self._anybody()
        series = [item for item in mailbox.items(mailbox.well_known("calendar")) if _is_ones_own_series(item)]
        if not series:
            return ""
        master = self._rng.choice(series)
        original = self._next_untouched(mailbox, master)
        if original is None:
            return ""
        later = original + timedelta(minutes=30)
        length = _moment(master.properties["End"]) - _moment(master.properties["Start"])
        changed = {"Start": elements.moment(later), "End": elements.moment(later + length)}
        mailbox.set_occurrence(master, Occurrence(original, changed))
        for guest in self._guests_of(master):
            held = _held(guest, master.properties["UID"])
            if held is not None:
                guest.set_occurrence(held, Occurrence(original, dict(changed)))
        return f"{mailbox.name} moved one {_subject(master)} to {later:%d %B, %H:%M} UTC"

    def _guests_of(self, master: Item) -> list[Mailbox]:
        said = master.properties.get("RequiredAttendees", "") + master.properties.get("OptionalAttendees", "")
        found = (self._organisation.mailbox(address) for address in _ADDRESS.findall(said))
        return [mailbox for mailbox in found if mailbox is not None]

    def _next_untouched(self, mailbox: Mailbox, master: Item) -> datetime | None:
        """The start of the next occurrence to come that nobody has changed or deleted yet."""
        changed, deleted = mailbox.occurrences(master)
        taken = {each.original_start for each in changed} | set(deleted)
        starts = (each.original_start for each in islice(mailbox.instances(master), 800))
        return next((start for start in starts if start > self._now() and start not in taken), None)

    def _put(self, appointment: Appointment, person: Person) -> None:
        """The person's copy of the appointment as it is now."""
        mailbox = self._mailbox(person.address)
        held = _held(mailbox, appointment.uid)
        if held is not None:
            held.properties = bundle(appointment, person).item.properties
            mailbox.save(held)

    def _take_away(self, appointment: Appointment, person: Person) -> None:
        mailbox = self._mailbox(person.address)
        held = _held(mailbox, appointment.uid)
        if held is not None:
            mailbox.delete(held, "trash")

    def _send(self, mail: MeetingMail) -> None:
        """Into the author's sent items, and the reader's inbox where they are of the house."""
        for person, folder, read in ((mail.author, "sentitems", True), (mail.reader, "inbox", False)):
            if is_inside(person) and (mail.first or not read):
                mailbox = self._mailbox(person.address)
                made = meeting_mail(mail)
                made.item.read = read
                add(mailbox, mailbox.well_known(folder), made)

    # --- tasks and notes -------------------------------------------------------------------------------------------

    def _does_a_task(self) -> str:
        mailbox = self._anybody()
        open_tasks = [
            item
            for item in mailbox.items(mailbox.well_known("tasks"))
            if item.properties.get("Status") != "Completed" and "Recurrence" not in item.properties
        ]
        if not open_tasks:
            return ""
        item = self._rng.choice(open_tasks)
        item.properties |= {"Status": "Completed", "PercentComplete": "100", "ReminderIsSet": "false"}
        item.properties["CompleteDate"] = elements.day(self._now().date())
        mailbox.save(item)
        return f"{mailbox.name} did {_subject(item)}"

    def _writes_a_note(self) -> str:
        person = self._rng.choice(COLLEAGUES)
        mailbox = self._mailbox(person.address)
        jotted = draw_note(self._rng, person, self._now())
        add(mailbox, mailbox.well_known("notes"), note(jotted))
        return f"{person.latin} noted {jotted.text.partition(chr(10))[0]}"

    # --- who and when ----------------------------------------------------------------------------------------------

    def _now(self) -> datetime:
        return self._organisation.clock().replace(microsecond=0)

    def _mailbox(self, address: str) -> Mailbox:
        found = self._organisation.mailbox(address)
        assert found is not None, address
        return found

    def _anybody(self) -> Mailbox:
        return self._mailbox(self._rng.choice(COLLEAGUES).address)

    def _newest(self, mailbox: Mailbox, folder: str) -> list[Item]:
        return list(mailbox.items(mailbox.well_known(folder), limit=WATCHED))


def _held(mailbox: Mailbox, uid: str) -> Item | None:
    """The copy in that calendar; None where somebody deleted it meanwhile."""
    calendar = mailbox.items(mailbox.well_known("calendar"))
    return next((item for item in calendar if item.properties.get("UID") == uid), None)


def _is_ones_own_series(item: Item) -> bool:
    said = item.properties
    return "Recurrence" in said and said["MyResponseType"] == "Organizer" and said["IsAllDayEvent"] == "false"


def _subject(item: Item) -> str:
    return unescape(item.properties.get("Subject", ""))


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
