"""Pieces of EWS that several kinds of item share, as the inner XML that `values.Item.properties` holds. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime
from html import escape as html_escape
from xml.sax.saxutils import escape, quoteattr

from mailkeep.simulator.people import DOMAIN, Person
from mailkeep.simulator.series import Repeats

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
WEEKS = {1: "First", 2: "Second", 3: "Third", 4: "Fourth", -1: "Last"}


def moment(at: datetime) -> str:
    """xs:dateTime in UTC, to the second."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def day(on: date) -> str:
    """A day as Exchange gives it in a dateTime: its midnight, UTC."""
    return f"{on:%Y-%m-%dT00:00:00Z}"


def truth(on: bool) -> str:
    return "true" if on else "false"


def element(name: str, inner: str, **attributes: str) -> str:
    """`inner` is XML already."""
    given = "".join(f" {key}={quoteattr(value)}" for key, value in attributes.items())
    return f"<t:{name}{given}>{inner}</t:{name}>"


def texts(values: Iterable[str]) -> str:
    """An ArrayOfStrings."""
    return "".join(element("String", escape(value)) for value in values)


def mailbox(name: str, address: str) -> str:
    """A Mailbox element; people outside the house are `OneOff`."""
    kind = "Mailbox" if address.endswith("@" + DOMAIN) else "OneOff"
    return element(
        "Mailbox",
        element("Name", escape(name))
        + element("EmailAddress", escape(address))
        + element("RoutingType", "SMTP")
        + element("MailboxType", kind),
    )


def person(who: Person, language: str) -> str:
    return mailbox(who.named_in(language), who.address)


def body(text: str, *, html: bool, link: str = "", link_text: str = "") -> dict[str, str]:
    """Body and its type, as properties; an online meeting's link stands below the text."""
    if not html:
        tail = f"\r\n\r\n{link_text}\r\n{link}" if link else ""
        return {"Body": escape(text.replace("\n", "\r\n") + tail), "Body@BodyType": "Text"}
    lines = "".join(f"<p>{html_escape(line) or '&nbsp;'}</p>" for line in text.split("\n")) if text else ""
    tail = (
        f'<hr><p><a href="{html_escape(link)}">{html_escape(link_text)}</a><br>{html_escape(link)}</p>' if link else ""
    )
    page = f'<html><head><meta http-equiv="Content-Type" content="text/html; charset=utf-8"></head><body>{lines}{tail}</body></html>'
    return {"Body": escape(page), "Body@BodyType": "HTML"}


def recurrence(repeats: Repeats, first: date) -> str:
    """The inner XML of a Recurrence: a pattern and its range."""
    return _pattern(repeats, first) + _range(repeats, first)


def _pattern(repeats: Repeats, first: date) -> str:
    interval = element("Interval", str(repeats.every))
    names = element("DaysOfWeek", " ".join(WEEKDAYS[number] for number in repeats.weekdays))
    if repeats.unit == "day":
        return element("DailyRecurrence", interval)
    if repeats.unit == "week":
        return element("WeeklyRecurrence", interval + names + element("FirstDayOfWeek", "Monday"))
    if repeats.unit == "month" and repeats.week:
        index = element("DayOfWeekIndex", WEEKS[repeats.week])
        return element("RelativeMonthlyRecurrence", interval + names + index)
    in_month = element("DayOfMonth", str(first.day))
    if repeats.unit == "month":
        return element("AbsoluteMonthlyRecurrence", interval + in_month)
    return element("AbsoluteYearlyRecurrence", in_month + element("Month", MONTHS[first.month - 1]))


def _range(repeats: Repeats, first: date) -> str:
    start = element("StartDate", f"{first:%Y-%m-%d}")
    if repeats.count is not None:
        return element("NumberedRecurrence", start + element("NumberOfOccurrences", str(repeats.count)))
    if repeats.until is not None:
        return element("EndDateRecurrence", start + element("EndDate", f"{repeats.until:%Y-%m-%d}"))
    return element("NoEndRecurrence", start)
