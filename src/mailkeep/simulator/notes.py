"""Sticky notes, and posts on notice boards. Drawn from a seed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from random import Random

from mailkeep.simulator.appointments import draw_words
from mailkeep.simulator.everyday import EVERYDAY
from mailkeep.simulator.people import COLLEAGUES, Person

NOTES_EACH = 2


class Colour(IntEnum):
    """PidLidNoteColor, [MS-OXONOTE] 2.2.1.2."""

    BLUE = 0
    GREEN = 1
    PINK = 2
    YELLOW = 3
    WHITE = 4


@dataclass(frozen=True, slots=True)
class Note:
    """A sticky note; its title is its first line. `width`, `height`: pixels on the owner's screen."""

    owner: Person
    text: str
    colour: Colour
    changed: datetime
    width: int = 200
    height: int = 166
    categories: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Post:
    """Something pinned to the board that lies in `keeper`'s mailbox."""

    keeper: Person
    board: str  # the folder's name
    author: Person
    subject: str
    text: str
    posted: datetime


def draw_notes(rng: Random, now: datetime) -> Iterator[Note]:
    for person in COLLEAGUES:
        for text in rng.sample(EVERYDAY[person.languages[0]].notes, NOTES_EACH):
            changed = (now - timedelta(days=rng.randint(1, 300), minutes=rng.randint(0, 900))).replace(microsecond=0)
            yield _note(rng, person, text, changed)


def draw_note(rng: Random, person: Person, now: datetime) -> Note:
    """One that is written now."""
    return _note(rng, person, rng.choice(EVERYDAY[person.languages[0]].notes), now)


def _note(rng: Random, person: Person, text: str, changed: datetime) -> Note:
    filled = text.format(**draw_words(rng, person.languages[0], person))
    colour = rng.choices(list(Colour), (2, 2, 2, 5, 1))[0]
    return Note(person, filled, colour, changed, categories=("Projects",) if rng.random() < 0.2 else ())


def draw_posts(rng: Random, now: datetime) -> Iterator[Post]:
    """A board per language, in the mailbox of the first who speaks it at home."""
    for language, words in EVERYDAY.items():
        speakers = [person for person in COLLEAGUES if person.languages[0] == language]
        for plan in words.posts:
            posted = (now - timedelta(days=rng.randint(2, 120), minutes=rng.randint(0, 500))).replace(microsecond=0)
            yield Post(speakers[0], words.board, rng.choice(speakers), plan.subject, plan.text, posted)
