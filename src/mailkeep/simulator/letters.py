"""A year of mail in forty mailboxes, out of a seed.

    for letter in generate(seed=1, now=clock()):
        put(letter.mailbox, letter.folder, letter.content, letter.flags, letter.received)

The same seed and the same `now` give the same bytes. What one person sends lies in their *Sent*, and in each
colleague's mailbox as it arrived there; older letters are filed by project, the newest are unread.
"""

# ruff: noqa: S311  (a seeded generator is the point)

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from mailkeep.simulator import compose, occasions
from mailkeep.simulator.mailers import Written, as_received, as_sent
from mailkeep.simulator.people import COLLEAGUES, DOMAIN, Person, Project, colleague
from mailkeep.simulator.threads import SPAN_DAYS, Thread, draw_message_id, draw_moment, draw_thread

RECENT_DAYS = 40  # younger letters still lie in the inbox

INBOX = ("INBOX",)
PROJECTS_FOLDER = {
    "en": "Projects",
    "de": "Projekte",
    "fr": "Projets",
    "es": "Proyectos",
    "uk": "Проєкти",
    "ja": "案件",
    "ar": "المشاريع",
    "he": "פרויקטים",
}
READING_FOLDER = {
    "en": "Reading",
    "de": "Rundbriefe",
    "fr": "À lire",
    "es": "Boletines",
    "uk": "Розсилки",
    "ja": "メールマガジン",
    "ar": "نشرات",
    "he": "ניוזלטרים",
}


@dataclass(frozen=True, slots=True)
class Letter:
    """One message in one mailbox's folder. `flags` as in `mailkeep.mail.items`; `received` is the internal date."""

    mailbox: str
    folder: tuple[str, ...]
    content: bytes
    flags: frozenset[str]
    received: datetime
    message_id: str


@dataclass(frozen=True, slots=True)
class Volume:
    """How much there is: `notices` to all in the whole house, the rest for each person."""

    threads: int = 12
    notices: int = 6
    invitations: int = 1  # as letters; 0 where a calendar makes them
    newsletters: int = 5
    spam: int = 2


def generate(seed: int, now: datetime, volume: Volume | None = None) -> Iterator[Letter]:
    """Every letter of the organisation up to `now`, person by person and not in order of time."""
    rng = Random(seed)
    volume = volume or Volume()
    now = now.replace(microsecond=0)
    for person in COLLEAGUES:
        yield from _of_one(rng, person, now, volume)
    for number in range(volume.notices):
        sent = _spread(rng, now, number, volume.notices)
        yield from copies(rng, Thread((occasions.notice(rng, sent),), None), now)
    yield _hostile(now)


def _of_one(rng: Random, person: Person, now: datetime, volume: Volume) -> Iterator[Letter]:
    for _ in range(volume.threads):
        thread = draw_thread(rng, person, now)
        yield from copies(rng, thread, now)
        if thread.letters[0].author is person and rng.random() < 0.03:
            yield _bounce(rng, thread.letters[0])
    for _ in range(volume.invitations):
        yield from copies(rng, Thread((occasions.invitation(rng, person, draw_moment(rng, now)),), None), now)
    for number in range(volume.newsletters):
        yield _newsletter(rng, person, _spread(rng, now, number, volume.newsletters), now)
    for number in range(volume.spam):
        sent = _spread(rng, now, number, volume.spam * 8)
        message_id, content = occasions.spam(rng, person, sent)
        yield Letter(person.address, ("Junk",), content, frozenset(), sent, message_id)
    yield _draft(rng, person, now)


def _spread(rng: Random, now: datetime, number: int, count: int) -> datetime:
    """Moment `number` of `count` evenly strewn ones, counted back from now."""
    back = SPAN_DAYS * (number + rng.random()) / count
    return (now - timedelta(days=back, hours=1)).replace(microsecond=0)


def copies(rng: Random, thread: Thread, now: datetime) -> Iterator[Letter]:
    """Each letter of the thread in every mailbox of the house that has it."""
    for number, letter in enumerate(thread.letters):
        sent = as_sent(letter)
        answered = number + 1 < len(thread.letters)
        if letter.author.address.endswith("@" + DOMAIN):
            yield Letter(letter.author.address, ("Sent",), sent, frozenset({"seen"}), letter.sent, letter.message_id)
        for reader in (*letter.to, *letter.cc):
            if reader.address.endswith("@" + DOMAIN):
                yield _arrived(rng, letter, sent, reader, thread.project, answered and reader in letter.to, now)


def _arrived(
    rng: Random, letter: Written, sent: bytes, reader: Person, project: Project | None, answered: bool, now: datetime
) -> Letter:
    age = now - letter.sent
    flags = set()
    if rng.random() < (0.4 if age < timedelta(days=12) else 0.82) or answered:
        flags.add("seen")
    if answered:
        flags.add("answered")
    if rng.random() < 0.05:
        flags.add("flagged")
    if rng.random() < 0.03:
        flags |= {"seen", "$forwarded"}
    folder = _place(rng, reader, project, letter.sent, age)
    received = letter.sent + timedelta(seconds=4)
    content = as_received(sent, letter, reader.address)
    return Letter(reader.address, folder, content, frozenset(flags), received, letter.message_id)


def _place(rng: Random, reader: Person, project: Project | None, sent: datetime, age: timedelta) -> tuple[str, ...]:
    if age < timedelta(days=RECENT_DAYS) or rng.random() < 0.3:
        return INBOX
    language = reader.languages[0]
    if project and rng.random() < 0.7:
        name = project.local_name if project.language == language else project.name
        return (PROJECTS_FOLDER[language], name)
    return ("Archive", str(sent.year)) if rng.random() < 0.7 else ("Trash",)


def _newsletter(rng: Random, reader: Person, sent: datetime, now: datetime) -> Letter:
    message_id, content = occasions.newsletter(rng, reader, sent)
    folder = INBOX if now - sent < timedelta(days=RECENT_DAYS) else (READING_FOLDER[reader.languages[0]],)
    seen = frozenset({"seen"}) if rng.random() < 0.4 else frozenset[str]()
    return Letter(reader.address, folder, content, seen, sent + timedelta(seconds=2), message_id)


def _bounce(rng: Random, letter: Written) -> Letter:
    when = letter.sent + timedelta(seconds=31)
    message_id, content = occasions.bounce(rng, letter, when)
    return Letter(letter.author.address, INBOX, content, frozenset({"seen"}), when, message_id)


def _draft(rng: Random, person: Person, now: datetime) -> Letter:
    """A letter begun and not sent, without a reader yet."""
    message_id = draw_message_id(rng, person)
    headers = [
        ("From", compose.mailbox(person.latin, person.address)),
        ("Subject", "Thoughts on the coming year"),
        ("Date", compose.date(now - timedelta(days=2))),
        ("Message-ID", message_id),
    ]
    text = "1. Fewer meetings on Mondays\n2. One price list for all countries\n3. "
    content = compose.compose(headers, compose.text(text, transfer="7bit"))
    return Letter(
        person.address, ("Drafts",), content, frozenset({"draft", "seen"}), now - timedelta(days=2), message_id
    )


def _hostile(now: datetime) -> Letter:
    sent = now - timedelta(hours=5)
    message_id, content = occasions.hostile(sent)
    return Letter(colleague(f"tom.whitfield@{DOMAIN}").address, INBOX, content, frozenset(), sent, message_id)
