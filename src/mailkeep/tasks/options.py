"""What a task is told to do: the wizard's result, the API's body and the CLI's flags are all a `TaskOptions`."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from mailkeep.mail.items import Kind, Section

SLOTS_PER_DAY = 6
SECTION_LABELS = {
    Section.PRIMARY: "Mailbox",
    Section.IN_PLACE_ARCHIVE: "In-place archive",
    Section.RECOVERABLE_ITEMS: "Recoverable items",
}


class Effect(StrEnum):
    """What an exclusion does inside its window (SPEC A10)."""

    ITEMS = "items"  # items whose own time falls into the window are not archived
    SYNC = "sync"  # no synchronisation of this task starts inside the window


@dataclass(frozen=True, slots=True)
class Exclusion:
    """A weekly window in a region's local time. `start` > `end` runs past midnight and belongs to the day it starts on.

    Minutes count from 00:00; `end` may be 1440 (24:00). `start` == `end` is refused by `check_exclusion`.
    """

    day: int | None  # 0 Monday … 6 Sunday; None: All Days
    start: int  # minutes
    end: int  # minutes
    region: str  # IANA time zone
    effect: Effect = Effect.ITEMS


@dataclass(frozen=True, slots=True)
class TaskOptions:
    kinds: frozenset[Kind] = frozenset({Kind.MAIL})
    classes: tuple[str, ...] = ()  # Additional Message Classes; ignored while mail is off
    sensitive: bool = False  # True: Private and Confidential are archived too
    exclusions: tuple[Exclusion, ...] = field(default=())
    slots_per_day: int = SLOTS_PER_DAY
    sections: frozenset[Section] = frozenset({Section.PRIMARY})  # always with the primary mailbox
