"""Every command in one place: the machine interface.

A command's module is imported when the command is asked for: all of them together, with the engines below them, take longer to import
than most commands take to run. Help and the reference ask for every one.
"""

from __future__ import annotations

import importlib
from typing import Any

import typer
from typer.core import TyperGroup

# In the order help shows them: what people type, and where it is. Names in this package, so no floor is crossed unseen.
PLACES = {
    "serve": "engine:serve",
    "worker": "engine:worker",
    "demo": "engine:demo",
    "sync": "engine:sync",
    "folders": "mailboxes:folders",
    "items": "mailboxes:items",
    "item": "mailboxes:item",
    "left-out": "mailboxes:left_out",
    "ledger": "mailboxes:ledger",
    "export": "recovery:export",
    "restore": "recovery:restore",
    "undo": "recovery:undo",
    "verify": "upkeep:verify",
    "rebuild": "upkeep:rebuild",
    "audit": "upkeep:audit",
    "connection": "servers:app",
    "group": "groups:app",
    "task": "tasks:app",
    "mailboxes": "mailboxes:app",
}


class Commands(TyperGroup):
    """The group of all commands, each made when it is first asked for."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - the signature is the base class's
        return list(PLACES)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        if cmd_name not in self.commands and cmd_name in PLACES:
            self.commands[cmd_name] = _made(cmd_name)
        return self.commands.get(cmd_name)


def _made(name: str) -> Any:
    module, _, attribute = PLACES[name].partition(":")
    found = getattr(importlib.import_module(f"mailkeep.cli.{module}"), attribute)
    if isinstance(found, typer.Typer):
        group = typer.main.get_group(found)
        group.name = name
        return group
    single = typer.Typer(add_completion=False)
    single.command(name)(found)
    return typer.main.get_command(single)


app = typer.Typer(
    name="mailkeep",
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # an unknown error keeps its traceback
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def mailkeep() -> None:
    """Archives an organisation's mailboxes, proves that nothing is missing, and recovers them."""
