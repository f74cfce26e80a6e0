"""Restrictions and sort orders: which items (or folders) are meant, and in which order.

    <t:And><t:IsGreaterThan><t:FieldURI FieldURI="item:DateTimeReceived"/><t:FieldURIOrConstant>…</…></t:And>

`compiled` turns the expression into a function of a Reader; a Reader tells what one thing has under a Path, as text (many
texts for a list), so that this file knows neither items nor folders. Values compare by the kind of the property: numbers,
times, truth values, else text, whose case counts but where Contains says otherwise. A thing without the property satisfies
IsNotEqualTo alone.
"""

from __future__ import annotations

import operator
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from lxml import etree

from mailkeep.simulator.ews.envelope import EwsError
from mailkeep.simulator.ews.item_schema import words
from mailkeep.simulator.ews.markup import child, local_name, moment
from mailkeep.simulator.ews.shapes import read_extended_uri


@dataclass(frozen=True, slots=True)
class Path:
    """A property: `name` is a FieldURI ("item:Subject") or an extended property's key; `index` a FieldIndex."""

    name: str
    index: str = ""
    extended: str = ""  # the type, where it is an extended property


Reader = Callable[[Path], str | Sequence[str] | None]
Predicate = Callable[[Reader], bool]
Value = str | int | bool | datetime

_COMPARISONS: dict[str, Callable[[Value, Value], bool]] = {
    "IsEqualTo": operator.eq,
    "IsNotEqualTo": operator.ne,
    "IsGreaterThan": operator.gt,
    "IsGreaterThanOrEqualTo": operator.ge,
    "IsLessThan": operator.lt,
    "IsLessThanOrEqualTo": operator.le,
}
_TIMES = words("""
    Start End OriginalStart ReminderDueBy ReminderNextTime LastModifiedTime RetentionDate StartDate DueDate CompleteDate
    AssignedTime Birthday WeddingAnniversary AppointmentReplyTime RecurrenceId
""")
_NUMBERS = words("""
    Size TotalCount UnreadCount ChildFolderCount AppointmentSequenceNumber AppointmentState ReminderMinutesBeforeStart
    PercentComplete ActualWork TotalWork ChangeCount ConflictingMeetingCount AdjacentMeetingCount
""")
_TRUTH = re.compile("Is[A-Z]|Has[A-Z]|ReminderIsSet|AllowNewTimeProposal|MeetingRequestWasSent")
_NEVER = words("""
    MimeContent Attachments ResponseObjects Recurrence ModifiedOccurrences DeletedOccurrences EffectiveRights
""")
_PATHS = ("FieldURI", "IndexedFieldURI", "ExtendedFieldURI")


def read_path(node: etree._Element) -> Path:
    """Raises EwsError for what is no path, or none that can be searched."""
    match local_name(node):
        case "FieldURI":
            name = node.get("FieldURI", "")
            if name.rpartition(":")[2] in _NEVER:
                raise EwsError("ErrorUnsupportedPathForQuery")
            return Path(name)
        case "IndexedFieldURI":
            return Path(node.get("FieldURI", ""), node.get("FieldIndex", ""))
        case "ExtendedFieldURI":
            key, kind, _ = read_extended_uri(node)
            return Path(key, extended=kind)
    raise EwsError("ErrorInvalidRestriction")


def typed(path: Path, text: str) -> Value:
    """The text as what that property is. Raises EwsError for a text that is none."""
    name = path.name.rpartition(":")[2]
    try:
        if path.extended in ("SystemTime", "ApplicationTime") or name in _TIMES or name.startswith("DateTime"):
            return moment(text)
        if path.extended in ("Integer", "Short", "Long", "Error") or name in _NUMBERS:
            return int(text)
        if path.extended == "Boolean" or _TRUTH.match(name) or text in ("true", "false", "True", "False"):
            return text.lower() in ("true", "1")
    except ValueError as error:
        raise EwsError("ErrorInvalidValueForProperty", "The value is not valid for this property.") from error
    return text


def compiled(node: etree._Element) -> Predicate:
    """From the one expression in a Restriction. Raises EwsError for what is none."""
    name, parts = local_name(node), [each for each in node if isinstance(each.tag, str)]
    if name in _COMPARISONS:
        return _comparison(_COMPARISONS[name], parts, name == "IsNotEqualTo")
    match name:
        case "And":
            every = [compiled(each) for each in parts]
            return lambda reader: all(each(reader) for each in every)
        case "Or":
            some = [compiled(each) for each in parts]
            return lambda reader: any(each(reader) for each in some)
        case "Not" if parts:
            inner = compiled(parts[0])
            return lambda reader: not inner(reader)
        case "Exists" if parts:
            path = read_path(parts[0])
            return lambda reader: reader(path) is not None
        case "Excludes" if parts:
            return _excludes(parts)
        case "Contains" if parts:
            return _contains(node, parts)
    raise EwsError("ErrorInvalidRestriction")


def _comparison(compare: Callable[[Value, Value], bool], parts: list[etree._Element], absent: bool) -> Predicate:
    left = read_path(parts[0])
    other = parts[1] if len(parts) > 1 else None
    if other is None or not len(other):
        raise EwsError("ErrorInvalidRestriction")
    if local_name(other[0]) in _PATHS:
        right = read_path(other[0])
        return lambda reader: any(
            _compares(compare, left, one, two) for one in _all(reader, left) for two in _all(reader, right)
        )
    constant = other[0].get("Value", "")
    typed(left, constant)

    def holds(reader: Reader) -> bool:
        values = _all(reader, left)
        return absent if not values else any(_compares(compare, left, value, constant) for value in values)

    return holds


def _compares(compare: Callable[[Value, Value], bool], path: Path, one: str, two: str) -> bool:
    left, right = typed(path, one), typed(path, two)
    if isinstance(left, bool) or isinstance(right, bool):  # "1" is true, too
        left, right = one.lower() in ("true", "1"), two.lower() in ("true", "1")
    elif type(left) is not type(right):
        left, right = one, two
    return compare(left, right)


def _all(reader: Reader, path: Path) -> Sequence[str]:
    found = reader(path)
    if found is None:
        return ()
    return (found,) if isinstance(found, str) else found


def _excludes(parts: list[etree._Element]) -> Predicate:
    """None of the mask's bits is set."""
    path, mask = read_path(parts[0]), child(parts[0].getparent(), "Bitmask")  # type: ignore[arg-type]
    text = "" if mask is None else mask.get("Value", "")
    try:
        bits = int(text, 0)
    except ValueError as error:
        raise EwsError("ErrorInvalidExcludesRestriction", "The bitmask is invalid.") from error
    return lambda reader: all(not int(value) & bits for value in _all(reader, path))


def _contains(node: etree._Element, parts: list[etree._Element]) -> Predicate:
    path = read_path(parts[0])
    constant = child(node, "Constant")
    if constant is None:
        raise EwsError("ErrorInvalidRestriction")
    fold = _folding(node.get("ContainmentComparison", "Exact"))
    wanted, mode = fold(constant.get("Value", "")), node.get("ContainmentMode", "FullString")
    return lambda reader: any(_is_in(wanted, fold(value), mode) for value in _all(reader, path))


def _is_in(wanted: str, text: str, mode: str) -> bool:
    match mode:
        case "FullString":
            return text == wanted
        case "Prefixed":
            return text.startswith(wanted)
        case "PrefixOnWords":
            return any(word.startswith(wanted) for word in text.split())
        case "ExactPhrase":
            return f" {wanted} " in f" {' '.join(text.split())} "
    return wanted in text


def _folding(comparison: str) -> Callable[[str], str]:
    if comparison in ("IgnoreCase", "IgnoreCaseAndNonSpacingCharacters", "Loose", "LooseAndIgnoreCase"):
        if "NonSpacing" in comparison:
            return lambda text: _bare(text).casefold()
        return str.casefold
    return _bare if "NonSpacing" in comparison else str


def _bare(text: str) -> str:
    """Without accents."""
    return "".join(each for each in unicodedata.normalize("NFD", text) if not unicodedata.combining(each))


@dataclass(frozen=True, slots=True)
class Order:
    path: Path
    descending: bool


def read_orders(node: etree._Element | None) -> list[Order]:
    """From a SortOrder; the first counts most. Raises EwsError."""
    orders = []
    for field_order in node if node is not None else ():
        paths = [each for each in field_order if isinstance(each.tag, str)]
        if not paths:
            raise EwsError("ErrorUnsupportedPathForSortGroup")
        orders.append(Order(read_path(paths[0]), field_order.get("Order") == "Descending"))
    return orders


def sort_key(path: Path, reader: Reader) -> tuple[bool, str, Value]:
    """Things without the property come first; text sorts whatever its case."""
    found = _all(reader, path)
    if not found:
        return False, "", ""
    value = typed(path, found[0])
    if isinstance(value, str):
        value = value.casefold()
    return True, type(value).__name__, value
