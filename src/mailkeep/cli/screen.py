"""What people see on a terminal: lines, tables, a progress bar. Imported when there is something to show: scripts never wait for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.table import Table
from rich.text import Text

from mailkeep.cli.output import safe
from mailkeep.progress import Progress, Report

_console = Console(highlight=False)


def line(text: str, *, wrap: bool = True) -> None:
    """`text` as it is: no part of it is markup."""
    _console.print(text, markup=False, soft_wrap=not wrap)


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    shown = Table(*columns, box=None, header_style="bold", pad_edge=False)
    for row in rows:
        shown.add_row(*[Text(cell) for cell in row])
    _console.print(shown)


class Rate(ProgressColumn):
    """Items a second, once there is something to count."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.0f}/s" if speed else "", style="progress.data.speed")


@contextmanager
def bar() -> Iterator[Report]:
    """On standard error, gone at the end. Phase and note hold names of strangers: nothing in them is markup or a control sequence."""
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        Rate(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}", markup=False),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task("starting", total=None, note="")

        def report(progress: Progress, /) -> None:
            phase, note = safe(progress.phase), safe(progress.note)
            shown.update(task, description=phase, completed=progress.done, total=progress.total, note=note)

        yield report
