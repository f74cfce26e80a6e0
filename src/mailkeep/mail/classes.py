"""Message classes: which kind of item a class is, and which classes are archived by default (SPEC A8).

A *class* is Outlook's dotted name of an item's type: `IPM.Note.SMIME`. A *pattern* is a class, or a class followed
by `.*` for everything below it. Case does not count. `IPM.Note.*` matches `IPM.Note.SMIME`, neither `IPM.Note` itself
nor `IPM.NoteX`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from mailkeep.mail.items import Kind

DEFAULT_PATTERNS: Mapping[Kind, tuple[str, ...]] = MappingProxyType(
    {
        Kind.MAIL: (
            "IPM.Note",
            "IPM.Note.*",
            "IPM.Post",
            "IPM.Schedule.Meeting.*",
            "REPORT.IPM.*",
            "IPM.Recall.Report",
            "IPM.Resend",
        ),
        Kind.EVENT: ("IPM.Appointment", "IPM.Appointment.*", "IPM.OLE.CLASS.*"),
        Kind.CONTACT: ("IPM.Contact", "IPM.Contact.*", "IPM.DistList"),
        Kind.TASK: ("IPM.Task", "IPM.Task.*", "IPM.TaskRequest.*"),
        Kind.NOTE: ("IPM.StickyNote",),
    }
)

LENGTH_MAX = 255  # characters, as in MS-OXCSTOR 2.2.1.2


class BadPattern(ValueError):
    """What is wrong with a typed message class, in one sentence."""


def matches(pattern: str, message_class: str) -> bool:
    """Whether the class is the pattern's, letter case aside."""
    pattern, message_class = pattern.lower(), message_class.lower()
    if not pattern.endswith(".*"):
        return pattern == message_class
    above = pattern[:-1]  # with its dot
    return message_class.startswith(above) and len(message_class) > len(above)


def matches_any(patterns: Iterable[str], message_class: str) -> bool:
    return any(matches(pattern, message_class) for pattern in patterns)


def kind_of(message_class: str) -> Kind | None:
    """The kind whose default patterns match, or None for an unknown class (a journal entry, say)."""
    return next((kind for kind, patterns in DEFAULT_PATTERNS.items() if matches_any(patterns, message_class)), None)


def archived_patterns(kinds: Iterable[Kind], added: Iterable[str]) -> tuple[str, ...]:
    """The patterns of a task: its kinds' defaults and, while mail is on, the classes that were added."""
    on = frozenset(kinds)
    defaults = tuple(pattern for kind in Kind if kind in on for pattern in DEFAULT_PATTERNS[kind])
    return defaults + (tuple(added) if Kind.MAIL in on else ())


def check_pattern(typed: str) -> str:
    """The typed class, trimmed and ready to be kept. Raises `BadPattern`.

    A class of another kind is refused, for adding it to mail would archive nothing: that kind's own switch decides.
    """
    pattern = typed.strip()
    _check_characters(pattern)
    segments = pattern.split(".")
    if "" in segments:
        raise BadPattern(
            f"{pattern!r} has a dot too many: a message class is names parted by single dots, like IPM.Note.Form"
        )
    if "*" in "".join(segments[:-1]) or ("*" in segments[-1] and segments[-1] != "*"):
        raise BadPattern(f"in {pattern!r} the * may stand only at the end, after a dot: IPM.Note.*")
    if len(segments) == 1 and segments[0] == "*":
        raise BadPattern("* alone would be every class: name at least the first part, like IPM.*")
    kind = kind_of(pattern)
    if kind not in (None, Kind.MAIL):
        raise BadPattern(f"{pattern} is a class of {kind}s, not of mail: switch those on instead of adding the class")
    return pattern


def _check_characters(pattern: str) -> None:
    if not pattern:
        raise BadPattern("a message class is missing: type one, like IPM.Note.Form")
    if len(pattern) > LENGTH_MAX:
        raise BadPattern(f"a message class has at most {LENGTH_MAX} characters; this one has {len(pattern)}")
    strange = next((c for c in pattern if not " " <= c <= "~"), None)  # spaces too: forms are named by people
    if strange is not None:
        raise BadPattern(f"{pattern!r} holds {strange!r}, which no message class does: only plain ASCII characters")
