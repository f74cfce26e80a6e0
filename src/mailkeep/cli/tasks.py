"""`mailkeep task …` and `mailkeep sync`: synchronization tasks."""

from __future__ import annotations

from typing import Annotated

import typer

from mailkeep.cli.command import actor, command
from mailkeep.cli.output import Output
from mailkeep.mail.items import Kind, Section
from mailkeep.operations import overview, tasks
from mailkeep.tasks.exclusion_text import exclusion_from
from mailkeep.tasks.options import TaskOptions

app = typer.Typer(help="Synchronization tasks.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(metavar="NAME")]
COLUMNS = [
    "name",
    "connection",
    "group",
    "status",
    "mailboxes",
    "warnings",
    "errors",
    "running",
    "last_activity",
    "next_run",
]

Calendars = Annotated[bool, typer.Option("--calendars/--no-calendars")]
Contacts = Annotated[bool, typer.Option("--contacts/--no-contacts")]
Tasks = Annotated[bool, typer.Option("--tasks/--no-tasks")]
Notes = Annotated[bool, typer.Option("--notes/--no-notes")]
InPlaceArchive = Annotated[
    bool | None,
    typer.Option("--in-place-archive/--no-in-place-archive", help="Exchange's second mailbox of a person, too."),
]
RecoverableItems = Annotated[
    bool | None,
    typer.Option("--recoverable-items/--no-recoverable-items", help="What the server keeps of deletions, too."),
]
Classes = Annotated[
    list[str] | None, typer.Option("--class", help="An additional message class, as IPM.Note.Custom; repeatable.")
]
Exclude = Annotated[
    list[str] | None,
    typer.Option("--exclude", help='"Mon 09:00-17:00 Europe/Berlin items|sync"; day Mon…Sun or All; repeatable.'),
]
SlotsPerDay = Annotated[int | None, typer.Option("--slots-per-day", min=1, max=96, help="Synchronisations a day (6).")]


@app.command()
@command
def create(  # one parameter per option of the machine interface
    out: Output,
    name: Name,
    connection: Annotated[str, typer.Option()],
    group: Annotated[str, typer.Option()],
    stopped: Annotated[bool, typer.Option("--stopped", help="Do not start it yet.")] = False,
    mail: Annotated[bool, typer.Option("--mail/--no-mail")] = True,
    calendars: Calendars = False,
    contacts: Contacts = False,
    tasks_: Tasks = False,
    notes: Notes = False,
    in_place_archive: InPlaceArchive = None,
    recoverable_items: RecoverableItems = None,
    classes: Classes = None,
    sensitive: Annotated[bool, typer.Option("--sensitive", help="Archive Private and Confidential items too.")] = False,
    exclude: Exclude = None,
    slots_per_day: SlotsPerDay = None,
) -> None:
    """Create a task. It starts at once."""
    switches = {Kind.MAIL: mail, Kind.EVENT: calendars, Kind.CONTACT: contacts, Kind.TASK: tasks_, Kind.NOTE: notes}
    options = TaskOptions(
        kinds=frozenset(kind for kind, on in switches.items() if on),
        classes=tuple(classes or ()),
        sensitive=sensitive,
        exclusions=tuple(exclusion_from(text) for text in exclude or ()),
        slots_per_day=slots_per_day or TaskOptions().slots_per_day,
        sections=TaskOptions().sections
        | {one for one, on in _sections(in_place_archive, recoverable_items).items() if on},
    )
    details = tasks.create(name, connection, group, options, actor(), active=not stopped)
    started = "created and started" if details.active else "created, not started"
    out.one(out.plain(details), f"Task {details.name} {started}.")


@app.command()
@command
def change(  # one parameter per option of the machine interface
    out: Output,
    name: Name,
    new_name: Annotated[str | None, typer.Option("--name")] = None,
    connection: Annotated[str | None, typer.Option()] = None,
    group: Annotated[str | None, typer.Option()] = None,
    mail: Annotated[bool | None, typer.Option("--mail/--no-mail")] = None,
    calendars: Annotated[bool | None, typer.Option("--calendars/--no-calendars")] = None,
    contacts: Annotated[bool | None, typer.Option("--contacts/--no-contacts")] = None,
    tasks_: Annotated[bool | None, typer.Option("--tasks/--no-tasks")] = None,
    notes: Annotated[bool | None, typer.Option("--notes/--no-notes")] = None,
    in_place_archive: InPlaceArchive = None,
    recoverable_items: RecoverableItems = None,
    classes: Classes = None,
    no_classes: Annotated[bool, typer.Option("--no-classes", help="Drop all additional classes.")] = False,
    sensitive: Annotated[bool | None, typer.Option("--sensitive/--no-sensitive")] = None,
    exclude: Exclude = None,
    no_exclusions: Annotated[bool, typer.Option("--no-exclusions", help="Drop all exclusions.")] = False,
    slots_per_day: SlotsPerDay = None,
) -> None:
    """Change a task. What is running now ends under the old options. Classes and exclusions given replace those there were."""
    switches = {Kind.MAIL: mail, Kind.EVENT: calendars, Kind.CONTACT: contacts, Kind.TASK: tasks_, Kind.NOTE: notes}
    options = tasks.changed_options(
        name,
        switches={kind: on for kind, on in switches.items() if on is not None},
        classes=() if no_classes else tuple(classes) if classes else None,
        sensitive=sensitive,
        exclusions=() if no_exclusions else tuple(exclusion_from(text) for text in exclude) if exclude else None,
        slots_per_day=slots_per_day,
        sections=_sections(in_place_archive, recoverable_items),
    )
    details = tasks.change(name, actor(), new_name=new_name, connection=connection, group=group, options=options)
    out.one(
        out.plain(details), f"Task {details.name} changed; the next synchronisations use revision {details.revision}."
    )


@app.command("list")
@command
def list_(out: Output) -> None:
    """All tasks, worst status first."""
    out.rows((out.plain(row) for row in overview.task_list()), COLUMNS)


@app.command()
@command
def show(out: Output, name: Name) -> None:
    """A task's options."""
    out.one(out.plain(tasks.show(name)))


@app.command()
@command
def start(out: Output, name: Name) -> None:
    """Start a stopped task."""
    details = tasks.start(name, actor())
    out.one(out.plain(details), f"Task {details.name} is started.")


@app.command()
@command
def stop(out: Output, name: Name) -> None:
    """Stop a task: nothing new starts, what is running completes."""
    details = tasks.stop(name, actor())
    out.one(out.plain(details), f"Task {details.name} is stopped.")


@app.command()
@command
def delete(out: Output, name: Name) -> None:
    """Delete a task, once what is running has completed. Archived mailboxes stay."""
    gone = tasks.delete(name, actor())
    words = "is deleted" if gone else "is being deleted: a synchronisation is still running"
    out.one({"name": name, "deleted": gone}, f"Task {name} {words}. Archived mailboxes stay.")


@app.command()
@command
def preview(out: Output, name: Name) -> None:
    """What the task meets: mailboxes, those another task owns, the same addresses on other connections."""
    details = tasks.show(name)
    out.one(out.plain(tasks.preview(details.connection, details.group, details.name)))


def _sections(in_place_archive: bool | None, recoverable_items: bool | None) -> dict[Section, bool]:
    """The parts of a mailbox that are said to be on or off."""
    said = {Section.IN_PLACE_ARCHIVE: in_place_archive, Section.RECOVERABLE_ITEMS: recoverable_items}
    return {section: on for section, on in said.items() if on is not None}
