"""Task options as a JSON document: the API's body, the catalog's column, the organisation's history.

    {"kinds": ["mail", "event"], "classes": ["IPM.Note.Form"], "sensitive": false, "slots_per_day": 6,
     "exclusions": [{"day": "Monday", "from": "09:00", "to": "17:00", "region": "Europe/Berlin", "effect": "items"}],
     "sections": ["in_place_archive"]}

A missing key has its default, an unknown one is refused. `day` is an English day name or "All Days". `sections` are those
beside the mailbox itself, which is always in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from mailkeep.errors import GiveUp
from mailkeep.mail.classes import BadPattern, check_pattern
from mailkeep.mail.items import Kind, Section
from mailkeep.tasks.exclusion_text import day_text, parse_day, parse_effect, parse_time, time_text
from mailkeep.tasks.exclusions import check_exclusions
from mailkeep.tasks.options import SLOTS_PER_DAY, Exclusion, TaskOptions

CLASSES_MAX = 200
EXCLUSIONS_MAX = 100
SLOTS_MAX = 96  # every quarter of an hour

_KEYS = frozenset({"kinds", "classes", "sensitive", "slots_per_day", "exclusions", "sections"})
_EXCLUSION_KEYS = frozenset({"day", "from", "to", "region", "effect"})
_T = TypeVar("_T")


def options_document(options: TaskOptions) -> dict[str, Any]:
    """Equal options give equal documents."""
    return {
        "kinds": [kind.value for kind in Kind if kind in options.kinds],
        "classes": list(options.classes),
        "sensitive": options.sensitive,
        "slots_per_day": options.slots_per_day,
        "exclusions": [exclusion_document(exclusion) for exclusion in options.exclusions],
        "sections": [each.value for each in Section if each in options.sections - {Section.PRIMARY}],
    }


def exclusion_document(exclusion: Exclusion) -> dict[str, str]:
    return {
        "day": day_text(exclusion.day),
        "from": time_text(exclusion.start),
        "to": time_text(exclusion.end),
        "region": exclusion.region,
        "effect": exclusion.effect.value,
    }


def options_from(document: Mapping[str, Any]) -> TaskOptions:
    """The options a document holds, checked.

    Raises `GiveUp` with `bad_options`, or named for the part that is wrong: `no_kinds`, `bad_class`, `bad_exclusion`,
    `never_open`.
    """
    _known_keys(document, _KEYS, "task options")
    return check_options(
        TaskOptions(
            kinds=frozenset(_each(document, "kinds", str, ["mail"], _kind)),
            classes=tuple(_each(document, "classes", str, [], str)),
            sensitive=_typed(document, "sensitive", bool, False),
            exclusions=tuple(_each(document, "exclusions", Mapping, [], exclusion_from_document)),
            slots_per_day=_typed(document, "slots_per_day", int, SLOTS_PER_DAY),
            sections=frozenset(_each(document, "sections", str, [], _section)),
        )
    )


def exclusion_from_document(document: Mapping[str, Any]) -> Exclusion:
    """One exclusion of the document, its fields read; `check_options` looks at what they mean."""
    _known_keys(document, _EXCLUSION_KEYS, "an exclusion")
    for key in ("day", "from", "to", "region"):
        if not document.get(key):
            hint = "an exclusion needs a day, From, To and a region"
            raise GiveUp("bad_exclusion", f"the exclusion has no {key.capitalize()}", hint)
    return Exclusion(
        day=parse_day(_typed(document, "day", str, "")),
        start=parse_time(_typed(document, "from", str, "")),
        end=parse_time(_typed(document, "to", str, "")),
        region=_typed(document, "region", str, ""),
        effect=parse_effect(_typed(document, "effect", str, "items")),
    )


def check_options(options: TaskOptions) -> TaskOptions:
    """The options with classes trimmed, repetitions dropped and the mailbox itself in, or the error of `options_from`."""
    if not options.kinds:
        raise GiveUp("no_kinds", "nothing is switched on to be archived", "switch on at least one, like Mail")
    if isinstance(options.slots_per_day, bool) or not 1 <= options.slots_per_day <= SLOTS_MAX:
        message = f"a mailbox cannot be synchronised {options.slots_per_day} times a day"
        raise GiveUp("bad_options", message, f"choose 1 to {SLOTS_MAX} times a day; {SLOTS_PER_DAY} is usual")
    _not_more("message classes", len(options.classes), CLASSES_MAX)
    _not_more("exclusions", len(options.exclusions), EXCLUSIONS_MAX)
    check_exclusions(options.exclusions)
    return replace(
        options,
        classes=_classes(options.classes),
        exclusions=tuple(dict.fromkeys(options.exclusions)),
        sections=options.sections | {Section.PRIMARY},
    )


def _classes(typed: Iterable[str]) -> tuple[str, ...]:
    kept: dict[str, str] = {}
    for text in typed:
        try:
            pattern = check_pattern(text)
        except BadPattern as error:
            raise GiveUp("bad_class", str(error), "see the page of message classes") from None
        kept.setdefault(pattern.lower(), pattern)
    return tuple(kept.values())


def _kind(word: str) -> Kind:
    try:
        return Kind(word)
    except ValueError:
        raise GiveUp("bad_options", f"there is no kind of item {word!r}", f"kinds are {', '.join(Kind)}") from None


def _section(word: str) -> Section:
    extra = [section for section in Section if section is not Section.PRIMARY]
    try:
        return Section(word)
    except ValueError:
        hint = f"sections are {', '.join(extra)}"
        raise GiveUp("bad_options", f"there is no section of a mailbox {word!r}", hint) from None


def _not_more(what: str, count: int, limit: int) -> None:
    if count > limit:
        raise GiveUp(
            "bad_options", f"a task has at most {limit} {what}; these are {count}", "use a pattern, or two tasks"
        )


def _known_keys(document: object, keys: frozenset[str], what: str) -> None:
    if not isinstance(document, Mapping):
        raise GiveUp("bad_options", f"{what} must be a JSON object", f"its keys are {', '.join(sorted(keys))}")
    unknown = next((key for key in document if key not in keys), None)
    if unknown is not None:
        raise GiveUp("bad_options", f"{what}: unknown key {unknown!r}", f"known are {', '.join(sorted(keys))}")


def _typed(document: Mapping[str, Any], key: str, wanted: type[_T], default: _T) -> _T:
    value = document.get(key, default)
    if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
        raise GiveUp("bad_options", f"{key} must be {_WORDS[wanted]}, not {value!r}", "correct the document")
    return value


def _each(
    document: Mapping[str, Any], key: str, wanted: type[Any], default: list[Any], read: Callable[[Any], _T]
) -> list[_T]:
    values = _typed(document, key, list, default)
    for value in values:
        if not isinstance(value, wanted):
            raise GiveUp("bad_options", f"{key} must hold {_WORDS[wanted]}s, not {value!r}", "correct the document")
    return [read(value) for value in values]


_WORDS: dict[type[Any], str] = {
    str: "a string",
    bool: "true or false",
    int: "a number",
    list: "a list",
    Mapping: "an object",
}
