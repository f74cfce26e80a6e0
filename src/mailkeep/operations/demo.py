"""`mailkeep demo`: a made-up organisation on a simulated Exchange, a task that archives it, the console in front.

    MAILKEEP_HOME/demo.json   what a second start needs to find everything again: port, passwords (0600)
    MAILKEEP_HOME/exchange/   the server, a process of its own, with its forty mailboxes

The first start lets the house move in, and makes a connection by a service account that may act for everybody
(ApplicationImpersonation), a group and a task for all five kinds; a later one finds them. While it runs, mail arrives, is read and
filed, meetings are agreed on and moved, tasks get done. Only the demo keeps the administrator's password in a file, so that it can
say it again: nothing else ever does.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from mailkeep.connectors.base import Endpoint
from mailkeep.errors import GiveUp
from mailkeep.mail.items import Kind, Section
from mailkeep.operations import connections, groups, installation, people, serve, tasks
from mailkeep.simulator.people import COLLEAGUES, COMPANY, DOMAIN, SHARED
from mailkeep.simulator.process import ExchangeProcess
from mailkeep.tasks.options import TaskOptions

SEED = 1
ACTOR = "demo"
CONNECTION, GROUP, TASK = "Exchange", COMPANY, "Everybody, everything"
HOUSE = "HALDEN"  # the Windows domain's short name
SERVICE = rf"{HOUSE}\svc-mailkeep"
SLOTS_PER_DAY = 96  # every quarter of an hour, the most a task may ask for, so that a visitor sees it work
STATE_FILE = "demo.json"
SECTIONS = frozenset({Section.PRIMARY, Section.IN_PLACE_ARCHIVE})


@dataclass(frozen=True, slots=True)
class State:
    """What the demo remembers between two starts."""

    port: int
    service_password: str
    people_password: str
    administrator: str = ""
    administrator_password: str = ""


def run(port: int, say: Callable[[str], None]) -> None:
    """Run until Ctrl-C. Errors: GiveUp `demo_port_taken`, and what the server and `serve` raise."""
    home = installation.home().path
    _refuse_other_uses(home)
    state = _read(home) or _first_state()
    _write(home, state)
    with _server(home, state, say) as server:
        with installation.opened():
            state = _configured(home, state, server)
        _greet(home, state, port, say)
        serve.run(port, say=say)


def _refuse_other_uses(home: Path) -> None:
    """A home with an archive that is no demo's is not ours to fill with made-up mail."""
    if (home / "archive" / "format.json").exists() and not (home / STATE_FILE).exists():
        raise GiveUp(
            "not_a_demo",
            f"{home} holds an archive that no demo made",
            "give the demo a home of its own: MAILKEEP_HOME=.demo mailkeep demo",
        )


def _first_state() -> State:
    with socket.socket() as line:
        line.bind(("127.0.0.1", 0))
        port = line.getsockname()[1]
    return State(port, secrets.token_urlsafe(24), secrets.token_urlsafe(12))


def _read(home: Path) -> State | None:
    path = home / STATE_FILE
    if not path.exists():
        return None
    try:
        return State(**json.loads(path.read_text()))
    except TypeError as error:
        raise GiveUp(
            "demo_outdated",
            f"the demo in {home} was made by another version, on another server",
            f"start afresh: rm -r {home}",
        ) from error


def _write(home: Path, state: State) -> None:
    _write_secret(home / STATE_FILE, asdict(state))


def _write_secret(path: Path, document: dict[str, Any]) -> None:
    """Readable by us alone, and whole at every moment."""
    passing = path.with_name(f"{path.name}.writing")
    with os.fdopen(os.open(passing, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(document, file, indent=2)
    passing.replace(path)


@contextmanager
def _server(home: Path, state: State, say: Callable[[str], None]) -> Iterator[ExchangeProcess]:
    _refuse_taken_port(home, state.port)
    folder = home / "exchange"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not (folder / "organisation.sqlite").exists():
        say(f"{COMPANY} moves into a simulated Exchange: {len(COLLEAGUES)} people …")
    _write_secret(folder / "organisation.json", _description(state))
    with ExchangeProcess(folder, port=state.port) as server:
        yield server


def _refuse_taken_port(home: Path, port: int) -> None:
    with socket.socket() as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            line.bind(("127.0.0.1", port))
        except OSError as error:
            raise GiveUp(
                "demo_port_taken",
                f"port {port}, where the demo's Exchange was, is used by something else",
                f"if this demo runs already, use that one or end it; otherwise start afresh: rm -r {home}",
            ) from error


def _description(state: State) -> dict[str, Any]:
    """The organisation for `simulator.serve`: the made-up house, the service account, a sign-in for each person."""
    accounts = [{"user": SERVICE, "password": state.service_password, "impersonates": True}]
    accounts += [
        {"user": rf"{HOUSE}\{_local(person.address)}", "password": state.people_password, "mailbox": person.address}
        for person in COLLEAGUES
    ]
    return {
        "domain": DOMAIN,
        "seed": SEED,
        "house": {"seed": SEED},
        "life": {"seed": SEED},
        "accounts": accounts,
        "server": {"name": "localhost"},
    }


def _local(address: str) -> str:
    return address.partition("@")[0]


def _configured(home: Path, state: State, server: ExchangeProcess) -> State:
    """Connection, group and task, each made where it is missing, and an administrator whose password we know."""
    if made := people.first_administrator():
        state = replace(state, administrator=made[0], administrator_password=made[1])
        _write(home, state)
    if CONNECTION not in {row.name for row in connections.listed()}:
        connections.add(CONNECTION, _endpoint(state, server), ACTOR)
    if GROUP not in {row.name for row in groups.listed()}:
        groups.add(GROUP, [*(person.address for person in COLLEAGUES), *(shared.address for shared in SHARED)], ACTOR)
    if not _task_exists():
        options = TaskOptions(kinds=frozenset(Kind), slots_per_day=SLOTS_PER_DAY, sections=SECTIONS)
        tasks.create(TASK, CONNECTION, GROUP, options, ACTOR)
    return state


def _task_exists() -> bool:
    try:
        tasks.find(TASK)
    except GiveUp as error:
        if error.code != "task_not_found":
            raise
        return False
    return True


def _endpoint(state: State, server: ExchangeProcess) -> Endpoint:
    return Endpoint(
        kind="exchange",
        host="localhost",
        port=state.port,
        ca_pem=server.authority.read_text(),
        user=SERVICE,
        password=state.service_password,
        impersonate=True,
        mailbox_check=COLLEAGUES[0].address,
    )


def _greet(home: Path, state: State, port: int, say: Callable[[str], None]) -> None:
    say("")
    say(f"  Console    http://127.0.0.1:{port}")
    if state.administrator:
        say(f"  Sign in    {state.administrator}   {state.administrator_password}")
        say(f"             (kept in {home / STATE_FILE}, because this is the demo)")
    else:
        say("  Sign in    with the administrator's password, which was printed when this home was first used")
    say(
        f"  Exchange   https://localhost:{state.port}/EWS/Exchange.asmx, as {HOUSE}\\{_local(COLLEAGUES[0].address)} and others,"
    )
    say(f"             password {state.people_password}, certificate by {home / 'exchange' / 'ca.pem'}")
    say("  Ctrl-C ends everything; the next start goes on where this one was.")
    say("")
