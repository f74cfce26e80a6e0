"""Progress on a terminal, with rate and time left; nothing at all for scripts and pipes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.text import Text

from mailkeep.cli.output import Output
from mailkeep.progress import Progress, Report, silent


class Rate(ProgressColumn):
    """Items a second, once there is something to count."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.0f}/s" if speed else "", style="progress.data.speed")


@contextmanager
def shown_progress(out: Output) -> Iterator[Report]:
    console = Console(stderr=True)
    if out.json_wanted or not console.is_terminal:
        yield silent
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        Rate(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Bar(*columns, console=console, transient=True) as bar:
        line = bar.add_task("starting", total=None, note="")

        def report(progress: Progress, /) -> None:
            bar.update(
                line, description=progress.phase, completed=progress.done, total=progress.total, note=progress.note
            )

        yield report
