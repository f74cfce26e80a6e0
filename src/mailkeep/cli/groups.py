"""`mailkeep group …`: local groups of mailboxes."""

from __future__ import annotations

from typing import Annotated

import typer

from mailkeep.cli.command import actor, command
from mailkeep.cli.output import Output
from mailkeep.operations import groups

app = typer.Typer(help="Local groups of mailboxes.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(metavar="NAME")]
COLUMNS = ["name", "count", "tasks"]


@app.command()
@command
def add(
    out: Output, name: Name, member: Annotated[list[str], typer.Option("--member", help="An address; repeatable.")]
) -> None:
    """Add a local group."""
    row = groups.add(name, member, actor())
    out.one(out.plain(row), f"Group {row.name} added with {row.count} members.")


@app.command()
@command
def change(
    out: Output,
    name: Name,
    member: Annotated[list[str] | None, typer.Option("--member", help="An address that joins.")] = None,
    leave: Annotated[list[str] | None, typer.Option("--leave", help="An address that leaves.")] = None,
) -> None:
    """Let addresses join and leave. A leaver keeps its archive and is no longer synchronised."""
    row = groups.change(name, member or [], leave or [], actor())
    out.one(out.plain(row), f"Group {row.name} has {row.count} members.")


@app.command("list")
@command
def list_(out: Output) -> None:
    """All groups."""
    out.rows((out.plain(row) for row in groups.listed()), COLUMNS)


@app.command()
@command
def show(out: Output, name: Name) -> None:
    """A group and its members."""
    out.one(out.plain(groups.show(name)))


@app.command()
@command
def lookup(out: Output, text: Annotated[str, typer.Argument(metavar="NAME", help="A part of the name.")]) -> None:
    """Groups whose name contains the text, with their member counts."""
    out.rows((out.plain(row) for row in groups.lookup(text)), COLUMNS)


@app.command()
@command
def remove(out: Output, name: Name) -> None:
    """Remove a group that no task uses."""
    groups.remove(name, actor())
    out.one({"removed": name}, f"Group {name} removed.")
