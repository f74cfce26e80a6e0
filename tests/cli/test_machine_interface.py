"""The commands and options that scripts outside the project rely on."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailkeep.cli import reference

PROMISED = {
    "serve": {"--port"},
    "worker": {"--processes", "--mailboxes"},
    "demo": {"--port"},
    "connection add": {
        "--kind", "--host", "--port", "--tls", "--ca", "--auth", "--user", "--password-file", "--master-user",
        "--master-password-file", "--separator", "--logins", "--impersonate", "--mailbox-check",
    },
    "connection list": set(), "connection show": set(), "connection test": set(), "connection remove": set(),
    "group add": {"--member"}, "group list": set(), "group show": set(), "group lookup": set(), "group remove": set(),
    "task create": {
        "--connection", "--group", "--stopped", "--no-mail", "--calendars", "--contacts", "--tasks", "--notes", "--class",
        "--sensitive", "--exclude",
    },
    "task list": set(), "task show": set(), "task change": set(), "task start": set(), "task stop": set(),
    "task delete": set(), "task preview": set(),
    "sync": {"--mailbox", "--wait"},
    "mailboxes": set(), "mailboxes confirm": {"--reason"},
    "folders": {"--as-of"}, "items": {"--folder", "--as-of"}, "item": {"--raw"},
    "left-out": set(), "ledger": set(),
    "export": {"--format", "--out", "--folder", "--as-of", "--reason"},
    "restore": {"--to", "--connection", "--into", "--folder", "--as-of", "--dry-run", "--reason"},
    "undo": set(), "verify": set(), "rebuild": set(), "audit": set(),
}  # fmt: skip


@pytest.fixture(scope="module")
def options() -> dict[str, set[str]]:
    return {
        " ".join(words[1:]): {
            one for parameter in command.params for one in [*parameter.opts, *parameter.secondary_opts]
        }
        for words, command in reference.commands(reference.root())
    }


def test_every_promised_command_and_option_is_there(options: dict[str, set[str]]) -> None:
    assert set(options) >= set(PROMISED)
    missing = {name: wanted - options[name] for name, wanted in PROMISED.items() if wanted - options[name]}
    assert not missing


def test_every_command_speaks_json(options: dict[str, set[str]]) -> None:
    assert not [name for name, has in options.items() if "--json" not in has]


def test_the_reference_is_fresh() -> None:
    written = Path(__file__).parents[2] / "docs" / "cli.md"
    assert written.read_text() == reference.reference(reference.root()), "run `make docs`"
