"""What an item's element says in the words of iCalendar (RFC 5545) and vCard (RFC 6350), for files made of items whose server
gave neither. Values are single lines; those of a card are escaped, those of a calendar are as their type writes them.

    <t:DueDate>2026-11-24T00:00:00Z     ("DUE", "20261124")
    <t:WeeklyRecurrence> …              ("RRULE", "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TH;UNTIL=20260630T235959Z")
    <t:Entry Key="HomePhone">+49 …      ("TEL;TYPE=home,voice", "+49 …")
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, tzinfo

from lxml import etree

from mailkeep.connectors.ews.wire.listing import moment
from mailkeep.connectors.ews.wire.names import T
from mailkeep.connectors.ews.wire.people import people_of
from mailkeep.connectors.ews.wire.time_zones import zone_of

Facts = Iterator[tuple[str, str]]

_STATUSES = {"NotStarted": "NEEDS-ACTION", "InProgress": "IN-PROCESS", "Completed": "COMPLETED"}
_STATUSES |= {"WaitingOnOthers": "IN-PROCESS", "Deferred": "NEEDS-ACTION"}
_PRIORITIES = {"High": "1", "Low": "9"}
_CLASSES = {"Personal": "PRIVATE", "Private": "PRIVATE", "Confidential": "CONFIDENTIAL"}
_PHONES = {"Mobile": "cell", "Fax": "fax", "Pager": "pager", "Home": "home", "Business": "work", "Car": "car"}
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_GROUPS = {"Day": _DAYS, "Weekday": _DAYS[:5], "WeekendDay": _DAYS[5:]}
_WEEKS = {"First": "1", "Second": "2", "Third": "3", "Fourth": "4", "Last": "-1"}
_MONTHS = "January February March April May June July August September October November December".split()  # noqa: SIM905
_FREQUENCIES = {"Daily": "DAILY", "Weekly": "WEEKLY", "Monthly": "MONTHLY", "Yearly": "YEARLY"}


def facts_of(element: etree._Element) -> tuple[tuple[str, str], ...]:
    """Those of its kind; none for mail."""
    match etree.QName(element).localname:
        case "CalendarItem":
            own = (*_event(element), *_dated(element))
        case "Task":
            own = (*_task(element), *_dated(element))
        case "Contact":
            own = tuple(_contact(element))
        case "DistributionList":
            own = tuple(_list(element))
        case _:
            own = tuple(_dated(element))
    return tuple((name, value) for name, value in own if value)


def rule_of(recurrence: etree._Element | None) -> str:
    """The RRULE; "" for none, and for a task's that begins anew when it is done, which no rule can say."""
    rule: list[str] = []
    for child in () if recurrence is None else recurrence:
        name = etree.QName(child).localname
        if name == "NumberedRecurrence":
            rule.append(f"COUNT={_of(child, 'NumberOfOccurrences')}")
        elif name == "EndDateRecurrence":
            rule.append(f"UNTIL={_day(_of(child, 'EndDate'))}T235959Z")
        elif name.endswith("Regeneration"):
            return ""
        elif name != "NoEndRecurrence":
            frequency = next((word for start, word in _FREQUENCIES.items() if start in name), "")
            rule = [f"FREQ={frequency}", *_steps(child), *rule]
    return ";".join(rule) if rule and rule[0].startswith("FREQ=") and rule[0] != "FREQ=" else ""


def _steps(pattern: etree._Element) -> Iterator[str]:
    if (interval := _of(pattern, "Interval")) not in ("", "1"):
        yield f"INTERVAL={interval}"
    if day := _of(pattern, "DayOfMonth"):
        yield f"BYMONTHDAY={day}"
    days = [one for name in _of(pattern, "DaysOfWeek").split() for one in _GROUPS.get(name, (name,))]
    if days:
        yield "BYDAY=" + ",".join(day[:2].upper() for day in days)
    if week := _WEEKS.get(_of(pattern, "DayOfWeekIndex")):
        yield f"BYSETPOS={week}"
    if (month := _of(pattern, "Month")) in _MONTHS:
        yield f"BYMONTH={_MONTHS.index(month) + 1}"


def _event(element: etree._Element) -> Facts:
    zone, _ = zone_of(element)
    whole_days = _of(element, "IsAllDayEvent") == "true"
    for name, field in (("DTSTART", "Start"), ("DTEND", "End")):
        yield name, _day(_of(element, field), zone) if whole_days else _moment(_of(element, field))
    yield "LOCATION", _of(element, "Location")
    yield "TRANSP", "TRANSPARENT" if _of(element, "LegacyFreeBusyStatus") == "Free" else ""
    yield "RRULE", rule_of(element.find(f"{T}Recurrence"))
    for person in people_of(element.find(f"{T}Organizer")):
        yield "ORGANIZER", f"mailto:{person.address}" if "@" in person.address else ""


def _task(element: etree._Element) -> Facts:
    yield "DTSTART", _day(_of(element, "StartDate"))
    yield "DUE", _day(_of(element, "DueDate"))
    yield "COMPLETED", _moment(_of(element, "CompleteDate"))
    yield "STATUS", _STATUSES.get(_of(element, "Status"), "")
    percent = re.match(r"\d{1,3}", _of(element, "PercentComplete"))
    yield "PERCENT-COMPLETE", percent[0] if percent else ""
    yield "RRULE", rule_of(element.find(f"{T}Recurrence"))


def _dated(element: etree._Element) -> Facts:
    """Of events, tasks and notes alike."""
    yield "PRIORITY", _PRIORITIES.get(_of(element, "Importance"), "")
    yield "CLASS", _CLASSES.get(_of(element, "Sensitivity"), "")
    for category in element.iterfind(f"{T}Categories/{T}String"):
        yield "CATEGORIES", (category.text or "").strip()


def _contact(element: etree._Element) -> Facts:
    family, given = _of(element, "Surname"), _of(element, "GivenName")
    middle, after = _of(element, "MiddleName"), _of(element, "Generation")
    if family or given:
        yield "N", ";".join(_escaped(part) for part in (family, given, middle, "", after))
    yield "FN", _escaped(_of(element, "DisplayName") or _of(element, "FileAs"))
    yield "NICKNAME", _escaped(_of(element, "Nickname"))
    company, department = _of(element, "CompanyName"), _of(element, "Department")
    yield "ORG", f"{_escaped(company)};{_escaped(department)}" if department else _escaped(company)
    yield "TITLE", _escaped(_of(element, "JobTitle"))
    yield "BDAY", _day(_of(element, "Birthday"))
    yield "URL", _of(element, "BusinessHomePage")
    for entry in element.iterfind(f"{T}EmailAddresses/{T}Entry"):
        yield "EMAIL", _escaped((entry.text or "").strip())
    for entry in element.iterfind(f"{T}PhoneNumbers/{T}Entry"):
        types = [word for part, word in _PHONES.items() if part in entry.get("Key", "")]
        yield f"TEL;TYPE={','.join(types)}" if types else "TEL", _escaped((entry.text or "").strip())
    for entry in element.iterfind(f"{T}PhysicalAddresses/{T}Entry"):
        parts = [_escaped(_of(entry, name)) for name in ("Street", "City", "State", "PostalCode", "CountryOrRegion")]
        kind = {"Home": ";TYPE=home", "Business": ";TYPE=work"}.get(entry.get("Key", ""), "")
        yield f"ADR{kind}", ";;" + ";".join(parts) if any(parts) else ""
    yield "CATEGORIES", ",".join(_escaped(one.text or "") for one in element.iterfind(f"{T}Categories/{T}String"))


def _list(element: etree._Element) -> Facts:
    yield "KIND", "group"
    yield "FN", _escaped(_of(element, "DisplayName"))
    for person in people_of(element.find(f"{T}Members")):
        yield "MEMBER", f"mailto:{person.address}" if "@" in person.address else ""


def _day(told: str, zone: tzinfo = UTC) -> str:
    when = moment(told)
    return "" if when is None else f"{when.astimezone(zone):%Y%m%d}"


def _moment(told: str) -> str:
    when = moment(told)
    return "" if when is None else f"{when:%Y%m%dT%H%M%SZ}"


def _escaped(text: str) -> str:
    for mark, written in (("\\", "\\\\"), (",", "\\,"), (";", "\\;"), ("\r\n", "\\n"), ("\n", "\\n")):
        text = text.replace(mark, written)
    return text


def _of(element: etree._Element, name: str) -> str:
    return (element.findtext(f"{T}{name}") or "").strip()
