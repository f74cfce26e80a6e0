"""A pattern of what people write, and what one language has of them.

A `Conversation`'s texts hold two kinds of places to fill:

    {project} {product} {customer} {amount} {number} {count} {day} {month}    a word drawn for the thread
    {to}                                                                      the reader's given name, per turn
    [this|or this|]                                                           one of the choices, drawn per turn

so one pattern makes many letters that nobody takes for copies of one another. Turn 0 is written by the one who begins,
turn 1 by the other side, and so on; a thread may stop before its last turn.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Conversation:
    subject: str
    turns: tuple[str, ...]
    attachment: str = ""  # a name of `attachments.MAKERS`, goes with turn 0; "" for none
    outside: str = ""  # "us": with somebody outside, we begin; "them": they begin; "": among colleagues
    filed: bool = True  # belongs to a project's folder


@dataclass(frozen=True, slots=True)
class Language:
    """What one language has to say. `days`: the five of a working week, in the form that fits the texts."""

    conversations: tuple[Conversation, ...]
    days: tuple[str, ...]
    months: tuple[str, ...]
    regards: tuple[str, ...]
