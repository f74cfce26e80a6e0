"""A mailbox as full as one wants it, for benchmarks and tests: mixed items, bodies from 1 KB to 5 MB, out of a seed.

    for folder, bundle in crowd(seed=1, count=20_000, now=clock()):      # "inbox", "calendar", …
        inhabit_exchange.add(mailbox, mailbox.well_known(folder), bundle)

Of a hundred items 78 are mail, 12 events, 5 contacts, 4 tasks, 1 a note; one event in `SERIES_EVERY` is a series with occurrences
moved and taken away, and files on it and on an occurrence. Sizes of mail are spread evenly over their logarithm up to
256 KB, which is what mailboxes look like; one in `LARGE_EVERY` is as large as `size_max` allows. Bytes are drawn, so they neither
compress nor repeat more than base64 does.
"""

# ruff: noqa: S311  (a seeded generator is the point)

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random

from mailkeep.simulator import compose
from mailkeep.simulator.appointments import Change, draw_meeting
from mailkeep.simulator.attachments import Attachment
from mailkeep.simulator.contacts import Card, draw_contacts
from mailkeep.simulator.ews.messages import message_from_mime
from mailkeep.simulator.exchange.calendar_items import Bundle, bundle, file_attachment
from mailkeep.simulator.exchange.people_items import card, circle, note, task
from mailkeep.simulator.notes import draw_notes
from mailkeep.simulator.people import COLLEAGUES, Person
from mailkeep.simulator.series import Repeats
from mailkeep.simulator.tasks import draw_tasks

SIZE_MIN, SIZE_USUAL_MAX, SIZE_MAX = 1 << 10, 256 << 10, 5 << 20  # bytes
LARGE_EVERY = 400
SERIES_EVERY = 20  # events
MIX = (
    ("inbox", 60),
    ("sentitems", 12),
    ("deleteditems", 6),
    ("calendar", 12),
    ("contacts", 5),
    ("tasks", 4),
    ("notes", 1),
)


def crowd(seed: int, count: int, now: datetime, *, size_max: int = SIZE_MAX) -> Iterator[tuple[str, Bundle]]:
    """`count` items with the distinguished name of the folder each belongs to."""
    rng = Random(f"crowd {seed}")
    now = now.replace(microsecond=0)
    others = _Others(rng, now)
    folders, weights = zip(*MIX, strict=True)
    for number in range(count):
        folder = rng.choices(folders, weights)[0]
        made = now - timedelta(minutes=9 * (count - number))
        if folder in ("inbox", "sentitems", "deleteditems"):
            large = number % LARGE_EVERY == LARGE_EVERY // 2
            yield folder, _message(rng, number, made, size_max if large else min(size_max, _usual(rng)))
        else:
            yield folder, others.next(folder)


def _usual(rng: Random) -> int:
    return int(SIZE_MIN * (SIZE_USUAL_MAX / SIZE_MIN) ** rng.random())


def _message(rng: Random, number: int, sent: datetime, size: int) -> Bundle:
    author, reader = rng.sample(COLLEAGUES, 2)
    subject = f"{rng.choice(['Readings', 'Minutes', 'Quotation', 'Re: site visit', 'Fwd: certificate'])} {number}"
    headers = [
        ("From", compose.mailbox(author.latin, author.address)),
        ("To", compose.mailbox(reader.latin, reader.address)),
        ("Subject", subject),
        ("Date", compose.date(sent)),
        ("Message-ID", f"<{number}.{rng.getrandbits(64):016x}@{author.address.partition('@')[2]}>"),
    ]
    words = base64.encodebytes(rng.randbytes(max(1, min(size, 48 << 10) * 3 // 4 - 300))).decode()
    part = compose.text(words, transfer="7bit")
    if size > 64 << 10:
        file = Attachment(
            f"readings-{number}.bin", "application/octet-stream", rng.randbytes((size - (48 << 10)) * 3 // 4)
        )
        part = compose.multi("mixed", f"_{number}_", [part, compose.attached(file)])
    item, attachments = message_from_mime(compose.compose(headers, part))
    item.received = item.created = item.modified = item.sent = sent
    item.read = rng.random() < 0.8
    return Bundle(item, tuple(attachments))


def draw_series(rng: Random, person: Person, now: datetime) -> Bundle:
    """A weekly meeting of the person's: two occurrences changed, the second with a file of its own, one taken away."""
    first = (now - timedelta(days=rng.randint(20, 300))).date()
    drawn = draw_meeting(rng, person, now, first)
    moved, renamed, gone = (first + timedelta(weeks=week) for week in sorted(rng.sample(range(1, 12), 3)))
    start = drawn.start.replace(year=moved.year, month=moved.month, day=moved.day)
    series = replace(
        drawn,
        repeats=Repeats("week", weekdays=(first.weekday(),), count=12),
        changed=(
            Change(moved, start=start.replace(hour=start.hour + 1), text=f"an hour later: {rng.random()}"),
            Change(renamed, subject=f"{drawn.subject} – elsewhere", location=f"Room {rng.randrange(100)}"),
        ),
        deleted=(gone,),
        attachments=tuple(_file(rng, name) for name in ("agenda.bin", "figures.bin")),
    )
    made = bundle(series, person)
    last = replace(made.occurrences[-1], attachments=(file_attachment(_file(rng, "elsewhere.bin"), series.sent),))
    return replace(made, occurrences=(*made.occurrences[:-1], last))


def _file(rng: Random, name: str) -> Attachment:
    return Attachment(name, "application/octet-stream", rng.randbytes(rng.randint(1, 4) << 10))


class _Others:
    """What is no mail: drawn as the house's own, again and again."""

    def __init__(self, rng: Random, now: datetime) -> None:
        self._rng, self._now = rng, now
        self._events = 0
        self._held: dict[str, list[Bundle]] = {"contacts": [], "tasks": [], "notes": []}

    def next(self, folder: str) -> Bundle:
        if folder == "calendar":
            person = self._rng.choice(COLLEAGUES)
            self._events += 1
            if self._events % SERIES_EVERY == SERIES_EVERY // 2:
                return draw_series(self._rng, person, self._now)
            return self._meeting(person)
        held = self._held[folder]
        if not held:
            held.extend(self._more(folder))
        return held.pop()

    def _meeting(self, person: Person) -> Bundle:
        day = (self._now + timedelta(days=self._rng.randint(-700, 60))).date()
        return bundle(draw_meeting(self._rng, person, self._now, day), person)

    def _more(self, folder: str) -> list[Bundle]:
        if folder == "contacts":
            drawn = draw_contacts(self._rng)
            return [card(one, self._now) if isinstance(one, Card) else circle(one, self._now) for one in drawn]
        if folder == "tasks":
            return [task(one) for one in draw_tasks(self._rng, self._now)]
        return [note(one) for one in draw_notes(self._rng, self._now)]
