"""From measurements to a table on the terminal and `docs/performance.md`. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that was measured. `goal`: in words; `met`: None where there is none."""

    what: str
    ours: str
    others: str = ""
    ratio: str = ""
    goal: str = ""
    met: bool | None = None


@dataclass(frozen=True, slots=True)
class Chapter:
    title: str
    intro: str
    lines: Sequence[Line]


def spread(values: Sequence[float], unit: str = "s") -> str:
    """Median, and from–to where there are several."""
    middle = statistics.median(values)
    if len(values) == 1:
        return f"{middle:.2f} {unit}"
    return f"{middle:.2f} {unit} ({min(values):.2f} to {max(values):.2f})"


def mebibytes(count: float) -> str:
    return f"{count / 2**20:,.1f} MiB"


def table(chapters: Sequence[Chapter]) -> str:
    """For the terminal: one line per measurement, columns aligned."""
    out = []
    for chapter in chapters:
        out.append(f"\n{chapter.title}")
        rows = [(line.what, line.ours, line.others, line.ratio, _verdict(line)) for line in chapter.lines]
        widths = [max(len(row[column]) for row in rows) for column in range(5)]
        out += [
            "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        ]
    return "\n".join(out) + "\n"


def markdown(head: str, chapters: Sequence[Chapter]) -> str:
    out = [head]
    for chapter in chapters:
        out.append(f"\n## {chapter.title}\n\n{chapter.intro}\n\n")
        out.append("| | Mailkeep | others | ratio | goal |\n|---|---|---|---|---|\n")
        out += [
            f"| {one.what} | {one.ours} | {one.others} | {one.ratio} | {_verdict(one)} |\n" for one in chapter.lines
        ]
    missed = [line for chapter in chapters for line in chapter.lines if line.met is False]
    out.append("\n## What misses its goal\n\n")
    out += [f"- {line.what}: {line.ours}; the goal is {line.goal}.\n" for line in missed] or ["Nothing in this run.\n"]
    return "".join(out)


def _verdict(line: Line) -> str:
    if line.met is None:
        return line.goal
    return f"{line.goal}: {'met' if line.met else 'MISSED'}"
