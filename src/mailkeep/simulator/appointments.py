"""What stands in people's calendars: meetings, series with exceptions, whole days, private things. Drawn from a seed.

An `Appointment` is its organiser's; each guest has a copy of it. `draw_appointments` gives every appointment once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice, takewhile
from random import Random

from mailkeep.simulator.attachments import MAKERS, Attachment
from mailkeep.simulator.conversations import LANGUAGES
from mailkeep.simulator.everyday import EVERYDAY
from mailkeep.simulator.everyday.pattern import Plan
from mailkeep.simulator.offices import OFFICES, Room, rooms_in
from mailkeep.simulator.people import (
    COLLEAGUES,
    DEPARTMENTS,
    DOMAIN,
    OUTSIDERS,
    PRODUCTS,
    PROJECTS,
    Person,
    Project,
    colleague,
    members_of,
)
from mailkeep.simulator.series import Repeats, days

ANSWERS = ("accept", "tentative", "decline", "none")
CATEGORIES = ("Customers", "Projects", "Team", "Travel")
MEETINGS_EACH = 3
PAST_DAYS, FUTURE_DAYS = 150, 30  # single appointments lie between


@dataclass(frozen=True, slots=True)
class Guest:
    """`answer`: of `ANSWERS`. `at`: when they answered, None while they have not."""

    person: Person
    answer: str
    at: datetime | None = None
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """An occurrence that differs: `day` is its place in the series; None leaves a thing as the series has it."""

    day: date
    start: datetime | None = None
    subject: str | None = None
    location: str | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Appointment:
    """`start` is in the organiser's time zone; of a whole day, midnight there. `sent`: when it was made."""

    uid: str
    organiser: Person
    subject: str
    text: str
    start: datetime
    minutes: int
    language: str
    sent: datetime
    whole_day: bool = False
    location: str = ""
    guests: tuple[Guest, ...] = ()
    room: Room | None = None
    link: str = ""  # of an online meeting
    reminder_minutes: int | None = 15
    busy: str = "Busy"  # Exchange's: Free Tentative Busy OOF WorkingElsewhere
    sensitivity: str = "Normal"  # Exchange's: Normal Personal Private Confidential
    importance: str = "Normal"
    categories: tuple[str, ...] = ()
    repeats: Repeats | None = None
    changed: tuple[Change, ...] = ()
    deleted: tuple[date, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    cancelled: bool = False

    @property
    def end(self) -> datetime:
        return later(self.start, self.minutes)

    @property
    def zone(self) -> str:
        """Exchange's name of the organiser's time zone."""
        return OFFICES[self.organiser.city].windows_zone


def later(start: datetime, minutes: int) -> datetime:
    """By the clock's minutes that really pass, in the same zone."""
    return (start.astimezone(UTC) + timedelta(minutes=minutes)).astimezone(start.tzinfo)


def draw_appointments(rng: Random, now: datetime) -> Iterator[Appointment]:
    """Everybody's calendar, each appointment once."""
    for department in DEPARTMENTS:
        if len(members_of(department)) > 1:
            yield _stand_up(rng, department, now)
    for number, project in enumerate(PROJECTS):
        yield _review(rng, project, number, now)
    for person in COLLEAGUES:
        yield from _of_one(rng, person, now)


def _of_one(rng: Random, person: Person, now: datetime) -> Iterator[Appointment]:
    if person.manager:
        yield _one_to_one(rng, colleague(person.manager), person, now)
    for _ in range(MEETINGS_EACH):
        yield draw_meeting(rng, person, now, _draw_day(rng, now))
    for _ in range(2):
        yield _whole_day(rng, person, now)
    yield _private(rng, person, now)
    yield _birthday(rng, person, now)


def draw_meeting(rng: Random, organiser: Person, now: datetime, day: date) -> Appointment:
    """One meeting of the organiser's with two to four guests, on that day; nobody has answered what lies ahead of `now`
    without having had the time to."""
    near = [p for p in COLLEAGUES if p.languages[0] == organiser.languages[0] and p is not organiser]
    far = [p for p in COLLEAGUES if p is not organiser]
    able = near if len(near) > 1 and rng.random() < 0.6 else far
    guests = rng.sample(able, min(len(able), rng.randint(2, 4)))
    language = _common(organiser, guests)
    words = _words(rng, language, organiser)
    plans = EVERYDAY[language].meetings
    plan = rng.choice(plans)
    on_site = plan is plans[0]
    plan = _filled(plan, words)
    start = _local(organiser, day, time(rng.choice([8, 9, 10, 11, 13, 14, 15]), rng.choice([0, 0, 30])))
    sent = min(start.astimezone(UTC) - timedelta(days=rng.randint(2, 12), minutes=rng.randint(0, 300)), now)
    made = _made(rng, organiser, plan, start, rng.choice([30, 45, 60, 60, 90, 120]), language, sent)
    made = replace(
        made,
        guests=_answered(rng, guests, sent, now),
        categories=(rng.choice(CATEGORIES),) if rng.random() < 0.5 else (),
        importance="High" if rng.random() < 0.1 else "Normal",
        cancelled=rng.random() < 0.07,
    )
    made = replace(made, location=words["project"]) if on_site else _placed(rng, made)
    if rng.random() < 0.3:
        made = replace(made, attachments=(_agenda(rng, made),))
    if rng.random() < 0.2:
        made = replace(made, guests=(*made.guests, Guest(rng.choice(OUTSIDERS), "none")))
    return made


def _stand_up(rng: Random, department: str, now: datetime) -> Appointment:
    members = members_of(department)
    addresses = {p.address for p in members}
    head = next(p for p in members if p.manager not in addresses)
    guests = [p for p in members if p is not head]
    language = _common(head, guests)
    plan = _filled(EVERYDAY[language].stand_up, {"department": department})
    first = _weekday_on_or_after((now - timedelta(days=280)).date(), 1)
    start = _local(head, first, time(9, 15))
    made = _made(rng, head, plan, start, 15, language, start.astimezone(UTC) - timedelta(days=6))
    made = replace(
        made,
        guests=_answered(rng, guests, made.sent, now, always=True),
        repeats=Repeats("week", weekdays=(1, 3)),
        link=_link(rng),
        location=EVERYDAY[language].online_place,
        reminder_minutes=5,
        categories=("Team",),
    )
    return _with_exceptions(rng, made, now, changed=2, deleted=3)


def _review(rng: Random, project: Project, number: int, now: datetime) -> Appointment:
    able = [p for p in COLLEAGUES if project.language in p.languages]
    organiser = able[number % len(able)]
    guests = rng.sample([p for p in able if p is not organiser], min(len(able) - 1, 3))
    language = project.language
    words = {**_words(rng, language, organiser), "project": project.local_name}
    plan = _filled(EVERYDAY[language].review, words)
    first = _weekday_on_or_after((now - timedelta(days=330)).date().replace(day=8), 2)
    start = _local(organiser, first, time(14, 0))
    made = _made(rng, organiser, plan, start, 90, language, start.astimezone(UTC) - timedelta(days=9))
    made = replace(
        made,
        guests=_answered(rng, guests, made.sent, now, always=True),
        repeats=Repeats("month", weekdays=(2,), week=2, count=24),
        reminder_minutes=60,
        categories=("Projects",),
    )
    made = _placed(rng, made)
    made = replace(made, attachments=(_agenda(rng, made),))
    return _with_exceptions(rng, made, now, changed=2, deleted=1)


def _one_to_one(rng: Random, manager: Person, report: Person, now: datetime) -> Appointment:
    language = _common(manager, [report])
    plan = _filled(EVERYDAY[language].one_to_one, {"name": report.named_in(language)})
    weekday = rng.randint(0, 4)
    first = _weekday_on_or_after((now - timedelta(days=rng.randint(90, 250))).date(), weekday)
    start = _local(manager, first, time(rng.choice([10, 11, 13, 16]), rng.choice([0, 30])))
    made = _made(rng, manager, plan, start, 30, language, start.astimezone(UTC) - timedelta(days=3))
    made = replace(
        made,
        guests=_answered(rng, [report], made.sent, now, always=True),
        repeats=Repeats("week", every=2, weekdays=(weekday,), until=first + timedelta(days=400)),
        sensitivity="Confidential" if manager.department == "People" else "Normal",
        link=_link(rng) if manager.city != report.city else "",
    )
    return _with_exceptions(rng, made, now, changed=1, deleted=1)


def _whole_day(rng: Random, person: Person, now: datetime) -> Appointment:
    language = person.languages[0]
    subject, busy = rng.choice(EVERYDAY[language].whole_days)
    length = rng.choice([1, 1, 2, 5]) if busy in ("OOF", "WorkingElsewhere") else 1
    day = _weekday_on_or_after(_draw_day(rng, now), 0 if length > 2 else rng.randint(0, 3))
    start = _local(person, day, time())
    end = _local(person, day + timedelta(days=length), time())
    minutes = int((end.astimezone(UTC) - start.astimezone(UTC)).total_seconds() // 60)
    sent = min(start.astimezone(UTC) - timedelta(days=rng.randint(5, 40)), now)
    made = _made(rng, person, Plan(subject), start, minutes, language, sent)
    return replace(made, whole_day=True, busy=busy, reminder_minutes=None)


def _private(rng: Random, person: Person, now: datetime) -> Appointment:
    language = person.languages[0]
    plan = rng.choice(EVERYDAY[language].private)
    start = _local(person, _draw_day(rng, now), time(rng.choice([7, 12, 16, 17]), rng.choice([0, 15, 30])))
    made = _made(rng, person, plan, start, 60, language, min(start.astimezone(UTC) - timedelta(days=8), now))
    return replace(made, sensitivity="Private", reminder_minutes=120)


def _birthday(rng: Random, person: Person, now: datetime) -> Appointment:
    language = person.languages[0]
    friends = [p for p in COLLEAGUES if p is not person and p.city == person.city] or [colleague(person.manager)]
    other = rng.choice(friends)
    month, day = map(int, other.birthday.split("-"))
    start = _local(person, date(now.year - 1, month, day), time())
    end = _local(person, date(now.year - 1, month, day) + timedelta(days=1), time())
    minutes = int((end.astimezone(UTC) - start.astimezone(UTC)).total_seconds() // 60)
    plan = Plan(EVERYDAY[language].birthday.format(name=other.named_in(language)))
    made = _made(rng, person, plan, start, minutes, language, start.astimezone(UTC) - timedelta(days=20))
    return replace(made, whole_day=True, busy="Free", reminder_minutes=1080, repeats=Repeats("year"))


def _made(
    rng: Random, organiser: Person, plan: Plan, start: datetime, minutes: int, language: str, sent: datetime
) -> Appointment:
    uid = f"040000008200E00074C5B7101A82E008{rng.getrandbits(192):048X}"  # as Exchange's begin, MS-OXOCAL 2.2.1.27
    sent = sent.replace(second=rng.randint(0, 59), microsecond=0)
    return Appointment(uid, organiser, plan.subject, plan.text, start, minutes, language, sent)


def _placed(rng: Random, made: Appointment) -> Appointment:
    """In a room where the organiser's office has one, else on the line."""
    rooms = rooms_in(made.organiser.city)
    if rooms and rng.random() < 0.6:
        room = rng.choice(rooms)
        return replace(made, room=room, location=room.name)
    return replace(made, link=_link(rng), location=EVERYDAY[made.language].online_place)


def _answered(
    rng: Random, people: list[Person], sent: datetime, now: datetime, *, always: bool = False
) -> tuple[Guest, ...]:
    guests: list[Guest] = []
    for person in people:
        optional = rng.random() < 0.2 and bool(guests)  # somebody has to come
        answer = "accept" if always else rng.choices(ANSWERS, (65, 15, 8, 12))[0]
        at = sent + timedelta(minutes=rng.randint(4, 1800))
        if at > now or answer == "none":
            guests.append(Guest(person, "none", optional=optional))
        else:
            guests.append(Guest(person, answer, at.replace(microsecond=0), optional))
    return tuple(guests)


def _with_exceptions(rng: Random, made: Appointment, now: datetime, *, changed: int, deleted: int) -> Appointment:
    """Some occurrences near `now` moved, some taken away; the first one stays as it is."""
    assert made.repeats is not None
    horizon = (now + timedelta(days=40)).date()
    known = list(takewhile(lambda day: day <= horizon, islice(days(made.repeats, made.start.date()), 400)))[1:]
    chosen = rng.sample(known, min(len(known), changed + deleted))
    places = sorted(chosen[:changed])
    return replace(
        made,
        changed=tuple(_change(rng, made, day) for day in places),
        deleted=tuple(sorted(chosen[changed:])),
    )


def _change(rng: Random, made: Appointment, day: date) -> Change:
    """An hour or two later on the same day, and why; now and then under a name of its own, or elsewhere."""
    start = made.start.replace(year=day.year, month=day.month, day=day.day)
    moved = start.replace(hour=start.hour + rng.choice([1, 2]))
    text = EVERYDAY[made.language].moved + (f"\n\n{made.text}" if made.text else "")
    if rng.random() < 0.35:
        return Change(day, start=moved, subject=f"{made.subject} – {rng.choice(PRODUCTS)}", text=text)
    if made.room and rng.random() < 0.5:
        return Change(day, location=EVERYDAY[made.language].online_place, text=text)
    return Change(day, start=moved, text=text)


def _agenda(rng: Random, made: Appointment) -> Attachment:
    kind = rng.choice(["minutes", "minutes", "figures", "chart"])
    file = MAKERS[kind](rng, made.subject)
    return replace(file, name=f"{EVERYDAY[made.language].agenda}.{file.name.rpartition('.')[2]}")


def _link(rng: Random) -> str:
    return f"https://meet.{DOMAIN}/j/{rng.getrandbits(48):012x}"


def _local(person: Person, day: date, at: time) -> datetime:
    return datetime.combine(day, at, OFFICES[person.city].clock)


def _draw_day(rng: Random, now: datetime) -> date:
    """A working day between `PAST_DAYS` ago and `FUTURE_DAYS` ahead, the near ones likelier."""
    ahead = rng.random() < 0.35
    shift = rng.randint(1, FUTURE_DAYS) if ahead else -int(PAST_DAYS * rng.random() ** 1.5)
    day = (now + timedelta(days=shift)).date()
    return day if day.weekday() < 5 else day - timedelta(days=2)


def _weekday_on_or_after(day: date, weekday: int) -> date:
    return day + timedelta(days=(weekday - day.weekday()) % 7)


def _common(one: Person, others: list[Person]) -> str:
    """The language they share: the one's own where everybody knows it, else English."""
    own = one.languages[0]
    return own if all(own in person.languages for person in others) else "en"


def _words(rng: Random, language: str, person: Person) -> dict[str, str]:
    return {
        "project": rng.choice([p for p in PROJECTS if p.language == language]).local_name,
        "product": rng.choice(PRODUCTS),
        "customer": rng.choice([p for p in OUTSIDERS if language == p.languages[0]]).company,
        "number": f"26-{rng.randint(10000, 99999)}",
        "month": rng.choice(LANGUAGES[language].months),
        "department": person.department,
        "name": rng.choice([p for p in COLLEAGUES if p is not person]).latin,
    }


def draw_words(rng: Random, language: str, person: Person) -> dict[str, str]:
    """Something for each place of a `Plan`."""
    return _words(rng, language, person)


def _filled(plan: Plan, words: dict[str, str]) -> Plan:
    return Plan(plan.subject.format(**words), plan.text.format(**words))
