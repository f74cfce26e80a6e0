"""What people mean to do: tasks with a due date, a state, now and then a rhythm. Drawn from a seed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random

from mailkeep.simulator.appointments import draw_words
from mailkeep.simulator.everyday import EVERYDAY
from mailkeep.simulator.people import COLLEAGUES, Person
from mailkeep.simulator.series import Repeats

STATES = ("NotStarted", "InProgress", "Completed", "WaitingOnOthers", "Deferred")  # Exchange's
ERRANDS_EACH = 4


@dataclass(frozen=True, slots=True)
class Task:
    """`percent`: of 100. `completed` is set exactly where the state is Completed. Minutes: of work."""

    owner: Person
    subject: str
    text: str
    state: str
    percent: int
    created: datetime
    start: date | None = None
    due: date | None = None
    completed: date | None = None
    reminder: datetime | None = None
    importance: str = "Normal"
    sensitivity: str = "Normal"
    categories: tuple[str, ...] = ()
    repeats: Repeats | None = None
    planned_minutes: int = 0
    spent_minutes: int = 0
    companies: tuple[str, ...] = ()


def draw_tasks(rng: Random, now: datetime) -> Iterator[Task]:
    """Everybody's tasks: some errands, one that comes back every week, one every month."""
    for person in COLLEAGUES:
        plans = EVERYDAY[person.languages[0]].errands
        for plan in rng.sample(plans, min(ERRANDS_EACH, len(plans))):
            words = draw_words(rng, person.languages[0], person)
            yield _errand(rng, person, (plan.subject.format(**words), plan.text.format(**words)), words, now)
        yield _returning(rng, person, now, monthly=False)
        yield _returning(rng, person, now, monthly=True)


def _errand(rng: Random, person: Person, plan: tuple[str, str], words: dict[str, str], now: datetime) -> Task:
    state = rng.choices(STATES, (30, 25, 30, 10, 5))[0]
    created = (now - timedelta(days=rng.randint(3, 90), minutes=rng.randint(0, 600))).replace(microsecond=0)
    start = created.date() + timedelta(days=rng.randint(0, 3))
    done = state == "Completed"
    due = start + timedelta(days=rng.randint(1, 25))
    completed = min(now.date(), max(start, due - timedelta(days=rng.randint(-3, 3)))) if done else None
    planned = rng.choice([60, 120, 240, 480])
    percent = {"Completed": 100, "InProgress": rng.choice([10, 25, 50, 75]), "WaitingOnOthers": 50}.get(state, 0)
    return Task(
        person,
        *plan,
        state,
        percent,
        created,
        start=start,
        due=due,
        completed=completed,
        reminder=None if done else now.replace(hour=8, minute=0, second=0, microsecond=0) + timedelta(days=2),
        importance=rng.choices(["Low", "Normal", "High"], (1, 7, 3))[0],
        sensitivity="Private" if rng.random() < 0.06 else "Normal",
        categories=("Customers",) if words["customer"] in plan[0] else (),
        planned_minutes=planned,
        spent_minutes=planned * percent // 100,
        companies=(words["customer"],) if words["customer"] in plan[0] else (),
    )


def _returning(rng: Random, person: Person, now: datetime, *, monthly: bool) -> Task:
    words = EVERYDAY[person.languages[0]]
    plan = words.monthly if monthly else words.weekly
    created = (now - timedelta(days=rng.randint(100, 300))).replace(microsecond=0)
    due = (now + timedelta(days=1)).date()
    if monthly:
        due, repeats = due.replace(day=25), Repeats("month")
    else:
        due += timedelta(days=(4 - due.weekday()) % 7)
        repeats = Repeats("week", weekdays=(4,), count=52)
    return Task(person, plan.subject, plan.text, "NotStarted", 0, created, start=due, due=due, repeats=repeats)
