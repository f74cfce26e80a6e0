"""`mailkeep demo`: a made-up organisation on a real Dovecot, a task that archives it, the console in front.

    MAILKEEP_HOME/demo.json   what a second start needs to find everything again: ports, passwords (0600)
    MAILKEEP_HOME/dovecot/    the server with its dozen mailboxes

The first start makes the mailboxes, a connection by master user, a group and a task; a later one finds them. While it
runs, mail arrives, is read and filed. Only the demo keeps the administrator's password in a file, so that it can say it
again: nothing else ever does.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from mailkeep.connectors.base import Endpoint
from mailkeep.errors import GiveUp, MailkeepError
from mailkeep.operations import connections, groups, installation, people, serve, tasks
from mailkeep.simulator.dovecot import Dovecot
from mailkeep.simulator.inhabit import carry_out, move_in
from mailkeep.simulator.letters import generate
from mailkeep.simulator.life import life
from mailkeep.simulator.people import COLLEAGUES, COMPANY
from mailkeep.tasks.options import TaskOptions

log = logging.getLogger(__name__)

SEED = 1
ACTOR = "demo"
CONNECTION, GROUP, TASK = "Dovecot", COMPANY, "Everybody's mail"
MASTER = "archiver"
SLOTS_PER_DAY = 96  # every quarter of an hour, the most a task may ask for, so that a visitor sees it work
STATE_FILE = "demo.json"


@dataclass(frozen=True, slots=True)
class State:
    """What the demo remembers between two starts."""

    port: int
    tls_port: int
    master_password: str
    people_password: str
    seeded: bool = False
    administrator: str = ""
    administrator_password: str = ""


def run(port: int, say: Callable[[str], None]) -> None:
    """Run until Ctrl-C. Errors: GiveUp `dovecot_missing`, `demo_port_taken`, and what `serve` raises."""
    home = installation.home().path
    _refuse_other_uses(home)
    state = _read(home) or _first_state()
    _write(home, state)
    with _server(home, state) as server:
        state = _inhabited(home, state, server, say)
        with installation.opened():
            state = _configured(home, state, server)
        _greet(home, state, port, say)
        with _living(server):
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
    with socket.socket() as one, socket.socket() as other:  # both at once, so that they differ
        for line in (one, other):
            line.bind(("127.0.0.1", 0))
        ports = one.getsockname()[1], other.getsockname()[1]
    return State(*ports, secrets.token_urlsafe(24), secrets.token_urlsafe(12))


def _read(home: Path) -> State | None:
    path = home / STATE_FILE
    return State(**json.loads(path.read_text())) if path.exists() else None


def _write(home: Path, state: State) -> None:
    passing = home / f"{STATE_FILE}.writing"
    with os.fdopen(os.open(passing, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(asdict(state), file, indent=2)
    passing.replace(home / STATE_FILE)


@contextmanager
def _server(home: Path, state: State) -> Iterator[Dovecot]:
    for port in (state.port, state.tls_port):
        with socket.socket() as line:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                line.bind(("127.0.0.1", port))
            except OSError as error:
                raise GiveUp(
                    "demo_port_taken",
                    f"port {port}, where the demo's mail server was, is used by something else",
                    f"if this demo runs already, use that one or end it; otherwise start afresh: rm -r {home}",
                ) from error
    with Dovecot(
        home / "dovecot",
        users={person.address: state.people_password for person in COLLEAGUES},
        masters={MASTER: state.master_password},
        port=state.port,
        tls_port=state.tls_port,
    ) as server:
        yield server


def _inhabited(home: Path, state: State, server: Dovecot, say: Callable[[str], None]) -> State:
    """The mailboxes filled, once; a first start that was cut short begins them again."""
    if state.seeded:
        return state
    say(f"Moving {COMPANY} into Dovecot: {len(COLLEAGUES)} mailboxes …")
    count = move_in(server, generate(SEED, datetime.now(UTC)))
    say(f"{count:,} messages delivered.")
    state = replace(state, seeded=True)
    _write(home, state)
    return state


def _configured(home: Path, state: State, server: Dovecot) -> State:
    """Connection, group and task, each made where it is missing, and an administrator whose password we know."""
    if made := people.first_administrator():
        state = replace(state, administrator=made[0], administrator_password=made[1])
        _write(home, state)
    if CONNECTION not in {row.name for row in connections.listed()}:
        connections.add(CONNECTION, _endpoint(state, server), ACTOR)
    if GROUP not in {row.name for row in groups.listed()}:
        groups.add(GROUP, [person.address for person in COLLEAGUES], ACTOR)
    if not _task_exists():
        tasks.create(TASK, CONNECTION, GROUP, TaskOptions(slots_per_day=SLOTS_PER_DAY), ACTOR)
    return state


def _task_exists() -> bool:
    try:
        tasks.find(TASK)
    except GiveUp as error:
        if error.code != "task_not_found":
            raise
        return False
    return True


def _endpoint(state: State, server: Dovecot) -> Endpoint:
    return Endpoint(
        kind="imap",
        host="localhost",
        port=server.tls_port,
        tls="implicit",
        ca_pem=server.ca_path.read_text(),
        master_user=MASTER,
        master_password=state.master_password,
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
        f"  Mail       imaps://127.0.0.1:{state.tls_port}, {COLLEAGUES[0].address} and others, password {state.people_password}"
    )
    say("  Ctrl-C ends everything; the next start goes on where this one was.")
    say("")


@contextmanager
def _living(server: Dovecot) -> Iterator[None]:
    """Mail arrives, is read and filed while the demo runs."""
    ended = threading.Event()
    thread = threading.Thread(target=_live, args=(server, ended), name="demo-life", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(10)


def _live(server: Dovecot, ended: threading.Event) -> None:
    now = datetime.now(UTC)
    for happening in life(int(now.timestamp()), now):
        if ended.wait(happening.wait_seconds):
            return
        try:
            carry_out(server, happening)
        except MailkeepError as error:
            if ended.is_set() or not server.running():
                return
            log.warning("life in the demo stumbled: %s", error)
