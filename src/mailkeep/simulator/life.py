"""Life goes on: an endless, slow stream of things that happen in the mailboxes, to be watched.

`life` draws what happens and how long to wait before it; whoever runs the server does it.
"""

# ruff: noqa: S311  (a seeded generator is the point)

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from mailkeep.simulator.letters import INBOX, Letter, copies
from mailkeep.simulator.people import COLLEAGUES
from mailkeep.simulator.threads import draw_thread

WAIT_SECONDS = (4, 20)


@dataclass(frozen=True, slots=True)
class Arrives:
    letter: Letter
    wait_seconds: float


@dataclass(frozen=True, slots=True)
class IsRead:
    """The message of that id in that folder is read."""

    mailbox: str
    folder: tuple[str, ...]
    message_id: str
    wait_seconds: float


@dataclass(frozen=True, slots=True)
class IsMoved:
    mailbox: str
    folder: tuple[str, ...]
    message_id: str
    to: tuple[str, ...]
    wait_seconds: float


Happening = Arrives | IsRead | IsMoved


def life(seed: int, now: datetime) -> Iterator[Happening]:
    """What happens from `now` on; the letters' times go on from there by the seconds waited."""
    rng = Random(f"life {seed}")
    clock = now.replace(microsecond=0)
    waiting: list[Letter] = []  # arrived, not yet read
    while True:
        wait = rng.uniform(*WAIT_SECONDS)
        clock += timedelta(seconds=int(wait))
        if waiting and rng.random() < 0.45:
            letter = waiting.pop(rng.randrange(len(waiting)))
            yield IsRead(letter.mailbox, letter.folder, letter.message_id, wait)
            if rng.random() < 0.5:
                to = ("Archive", str(letter.received.year)) if rng.random() < 0.6 else ("Trash",)
                yield IsMoved(letter.mailbox, letter.folder, letter.message_id, to, rng.uniform(*WAIT_SECONDS))
            continue
        thread = draw_thread(rng, rng.choice(COLLEAGUES), clock, begin=clock)
        for number, letter in enumerate(copies(rng, thread, clock)):
            yield Arrives(letter, wait if number == 0 else 0.0)
            if letter.folder == INBOX and "seen" not in letter.flags:
                waiting.append(letter)
