"""Keep an item, or leave it out and say why (SPEC A7–A11).

The first of these that applies is the reason:

    1 kind       the folder's or the item's kind is switched off          A7
    2 class      no default pattern and no added class matches            A8
    3 sensitive  mail or event marked Private or Confidential             A9
    4 excluded   the item's own time falls into an exclusion of items     A10

What cannot be known before the bytes come (`item_too_large`, `unreadable` …) is the engine's to add. A left-out item is
recorded under its reason, so widening the options picks up exactly those that `admit` then keeps.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from mailkeep.mail.classes import archived_patterns, matches_any
from mailkeep.mail.items import Folder, ItemRef, Kind, Sensitivity
from mailkeep.tasks.exclusion_text import window_text
from mailkeep.tasks.exclusions import excluding
from mailkeep.tasks.options import TaskOptions

KIND_LABELS = {
    Kind.MAIL: "Mail",
    Kind.EVENT: "Calendars",
    Kind.CONTACT: "Contacts",
    Kind.TASK: "Tasks",
    Kind.NOTE: "Notes",
}

_HELD_BACK = frozenset({Sensitivity.PRIVATE, Sensitivity.CONFIDENTIAL})
_HAVE_SENSITIVITY = frozenset({Kind.MAIL, Kind.EVENT})


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Why an item is not archived: `reason` for counting, `detail` a sentence for people."""

    reason: str  # "kind" "class" "sensitive" "excluded"
    detail: str


def admit(options: TaskOptions, ref: ItemRef, folder: Folder) -> LeftOut | None:
    """None: archive it."""
    return _kind(options, ref, folder) or _class(options, ref) or _sensitive(options, ref) or _excluded(options, ref)


def asks_for(options: TaskOptions, folder: Folder) -> bool:
    """Whether the folder stands in a part of the mailbox that the task is about: no other is listed, counted or recorded."""
    return folder.section in options.sections


def admits_folder(options: TaskOptions, folder: Folder) -> bool:
    """Whether the folder's items are listed at all; those of a kind that is off are only counted (SPEC A11)."""
    return folder.kind in options.kinds


def _kind(options: TaskOptions, ref: ItemRef, folder: Folder) -> LeftOut | None:
    off = next((kind for kind in (folder.kind, ref.kind) if kind not in options.kinds), None)
    return LeftOut("kind", f"the switch {KIND_LABELS[off]} is off in this task") if off else None


def _class(options: TaskOptions, ref: ItemRef) -> LeftOut | None:
    if _archives(options.kinds, options.classes, ref.message_class):
        return None
    return LeftOut("class", f"this task does not archive the message class {ref.message_class or '(none)'}")


@lru_cache(maxsize=1024)  # a mailbox has a million items and a dozen classes
def _archives(kinds: frozenset[Kind], added: tuple[str, ...], message_class: str) -> bool:
    return matches_any(archived_patterns(kinds, added), message_class)


def _sensitive(options: TaskOptions, ref: ItemRef) -> LeftOut | None:
    if options.sensitive or ref.kind not in _HAVE_SENSITIVITY or ref.sensitivity not in _HELD_BACK:
        return None
    return LeftOut("sensitive", f"marked {ref.sensitivity.capitalize()}, and this task leaves sensitive items out")


def _excluded(options: TaskOptions, ref: ItemRef) -> LeftOut | None:
    exclusion = excluding(options, ref.time)
    return LeftOut("excluded", f"its time falls into the exclusion {window_text(exclusion)}") if exclusion else None
