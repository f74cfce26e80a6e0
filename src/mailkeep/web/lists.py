"""A list's state as it stands in the URL: search text, sort, direction, page, and one chip. Everything else of a list is its rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.http import HttpRequest


@dataclass(frozen=True, slots=True)
class Asked:
    text: str
    sort: str
    descending: bool
    number: int  # of the page, from 1


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter with the number of rows behind it."""

    value: str
    label: str
    count: int


def asked(request: HttpRequest, usual_sort: str) -> Asked:
    number = request.GET.get("page", "1")
    return Asked(
        text=request.GET.get("q", "")[:200],
        sort=request.GET.get("sort", usual_sort),
        descending=request.GET.get("dir") == "down",
        number=min(max(int(number), 1), 1_000_000) if number.isascii() and number.isdigit() else 1,
    )


def chips(all_label: str, counts: Iterable[tuple[str, str, int]]) -> list[Chip]:
    """*All* first, then one per value."""
    found = [Chip(value, label, count) for value, label, count in counts]
    return [Chip("", all_label, sum(chip.count for chip in found)), *found]


def is_fragment(request: HttpRequest) -> bool:
    """htmx asks for the part of the page that it will put in place; not so where the browser goes back in its history."""
    return request.headers.get("HX-Request-Type") == "partial"


def template_of(request: HttpRequest, whole: str, part: str) -> str:
    return part if is_fragment(request) else whole
