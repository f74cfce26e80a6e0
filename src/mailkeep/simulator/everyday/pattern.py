"""What fills a person's days beside letters, in one language: the words of meetings, tasks, notes and lists.

Places to fill in a `Plan`:

    {project} {product} {customer} {number} {month} {day}    as in `conversations.pattern`
    {department} {name}                                       of the person, or of the other one
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Plan:
    """A subject and what stands below it."""

    subject: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Everyday:
    stand_up: Plan  # every week or day, the department's
    review: Plan  # every month
    one_to_one: Plan  # every second week, {name} is the other one
    meetings: tuple[Plan, ...]  # once; the first is on the project's site
    whole_days: tuple[tuple[str, str], ...]  # (subject, Exchange's busy status)
    private: tuple[Plan, ...]
    birthday: str  # {name}
    moved: str  # why an occurrence of a series is another time
    errands: tuple[Plan, ...]  # tasks to be done once
    weekly: Plan  # a task that comes back every week
    monthly: Plan  # and one every month
    notes: tuple[str, ...]  # first line is the note's title
    circles: tuple[str, str]  # personal lists: people outside, people inside
    accepted: str  # prefixes of answers, as Outlook writes them
    tentative: str
    declined: str
    cancelled: str
    online_place: str  # where an online meeting is
    online: str  # over the link of one
    board: str  # a folder of posts
    posts: tuple[Plan, ...]
    agenda: str  # a file's name without its ending
