"""One embedded database cluster: made, started, stopped. Whoever calls holds `locks/owner` (`host.database`).

    MAILKEEP_HOME/postgres/data       the cluster
    MAILKEEP_HOME/postgres/data.half  one being made; renamed when it is whole

It listens on no network, only on a socket in a folder that nobody else can enter, and asks every client for a
password (SCRAM). Roles: `postgres`, the superuser, only used here; `mailkeep`, the application's, owns the database
`mailkeep` and may create others (tests).
"""

from __future__ import annotations

import logging
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
from psycopg import sql

from mailkeep.errors import GiveUp
from mailkeep.host import account, child, engine
from mailkeep.host.engine import Engine
from mailkeep.host.home import Home

log = logging.getLogger(__name__)

SUPERUSER, ROLE, NAME = "postgres", "mailkeep", "mailkeep"
START_SECONDS_MAX = 600  # recovery after a crash may read a lot
STOP_SECONDS_MAX = 120
LOG_BYTES_MAX = 10_000_000
POLL_SECONDS = 0.02
Connection = psycopg.Connection[tuple[object, ...]]

# `synchronous_commit` stays on although the archive is the truth and the catalog can catch up from it: workers
# survive a crash of the database, and a worker must never meet a database that has forgotten a lease or a decision.
# Commits of several workers share one flush. What the archive can tell again says `SET LOCAL synchronous_commit = off`:
# blobs' places (`catalog/blob_index.py`) and projected entries (`catalog/projecting.py`). A crash of the database alone
# may cost the last of those while workers live on: a blob they go on referring to is then not found by the index until
# its pack, which is in the store, is read again (`catalog/replay.py` and `catalog/outbox.py` do so, and each start).
TUNING: Mapping[str, str] = {
    # The console's threads, and up to a dozen connections of each worker process, of which there is one per core.
    "max_connections": str(max(100, 50 + 12 * (os.cpu_count() or 1))),
    # a small part of a machine that is shared with workers; the system's cache holds the rest
    "shared_buffers": "128MB",
    "jit": "off",  # short queries only: compiling them costs more than running them
    # needs /dev/shm, which containers keep small; the cores belong to the workers
    "max_parallel_workers_per_gather": "0",
    "random_page_cost": "1.1",  # solid-state disks
    "wal_level": "minimal",  # nobody replicates it
    "max_wal_senders": "0",
    "max_logical_replication_workers": "0",
    "max_wal_size": "1GB",
    "checkpoint_timeout": "15min",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


class Cluster:
    """The cluster of one home. `start` and `stop` may be called again and again; only from the main thread (see
    `child.start`).
    """

    def __init__(self, home: Home, tuning: Mapping[str, str] | None = None) -> None:
        self.home = home
        self.account = account.database_account()
        account.admit(home, self.account)
        self.engine = engine.current(home)
        self.tuning = {**TUNING, **(tuning or {})}
        self.process: subprocess.Popen[bytes] | None = None
        seen = account.place_seen(home, self.account)
        self._view = None if seen == home.path else (home.path, seen)

    @property
    def data(self) -> Path:
        return self.home.postgres / "data"

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self, cancelled: Callable[[], bool] = lambda: False) -> None:
        """Make the cluster where there is none, start it, and return when the application's role can sign in.

        Recovery after a crash may take long: `cancelled` ends the wait, and the server, with GiveUp `cancelled`.

        Errors: GiveUp `database_failed` (its log's last lines), `home_unreachable`.
        """
        self.prepare()
        if not (self.data / "PG_VERSION").exists():
            self.initialise(self.data)
        self.process = self.spawn(self.engine, self.data, self.tuning)
        self.wait_ready(self.process, self.data, cancelled)
        with self._sign_in() as connection:
            self.make_role(connection)
        engine.forget_others(self.home, self.engine)

    def stop(self) -> None:
        """Fast: clients are cut off, everything committed is written. Returns when the process is gone."""
        if self.process is not None:
            finish(self.process)
            self.process = None

    def initialise(self, data: Path) -> None:
        """Make an empty cluster at `data`. A half-made one never bears that name."""
        half = data.with_name(f"{data.name}.half")
        shutil.rmtree(half, ignore_errors=True)
        with password_file(self._password(), self.account) as descriptor:
            # Sorting by the built-in C.UTF-8 does not depend on the system's C library, whose updates have silently
            # broken indexes.
            self.run(
                self.engine,
                "initdb",
                [
                    "-D",
                    self.path(half),
                    "-U",
                    SUPERUSER,
                    "--auth=scram-sha-256",
                    f"--pwfile=/proc/self/fd/{descriptor}",
                ]
                + ["--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
                + (["--no-sync"] if self.tuning.get("fsync") == "off" else []),
                descriptors=[descriptor],
            )
        half.rename(data)

    def spawn(self, programs: Engine, data: Path, tuning: Mapping[str, str]) -> subprocess.Popen[bytes]:
        """Start the server as our child. Should we die, it gets SIGINT: a fast stop that leaves nothing to recover."""
        options = {**tuning, "listen_addresses": "", "unix_socket_directories": self.path(self.home.socket)}
        options["unix_socket_permissions"] = "0700"
        arguments = ["-D", self.path(data)]
        for name, value in options.items():
            arguments += ["-c", f"{name}={value}"]
        with self._log_file().open("ab") as output:
            return child.start(
                [self.path(programs.programs / "postgres"), *arguments], self._shape(signal.SIGINT), output=output
            )

    def run(
        self,
        programs: Engine,
        program: str,
        arguments: Sequence[str],
        *,
        descriptors: Sequence[int] = (),
        password: str = "",
    ) -> None:
        """Run one of PostgreSQL's programs to its end, as the database's account."""
        with self._log_file().open("ab") as output:
            process = child.start(
                [self.path(programs.programs / program), *arguments],
                self._shape(signal.SIGKILL),
                environment={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "PGPASSWORD": password},
                output=output,
                descriptors=descriptors,
            )
            if process.wait() != 0:
                raise self._failed(f"{program} failed", process.returncode)

    def wait_ready(
        self, process: subprocess.Popen[bytes], data: Path, cancelled: Callable[[], bool] = lambda: False
    ) -> None:
        end = time.monotonic() + START_SECONDS_MAX
        while not _says_ready(data, process.pid):
            if process.poll() is not None:
                raise self._failed("the embedded database does not start", process.returncode)
            if time.monotonic() > end:
                finish(process)
                raise self._failed(f"the embedded database is not ready after {START_SECONDS_MAX} s", 0)
            if cancelled():
                finish(process)
                raise GiveUp("cancelled", "the start of the embedded database was cancelled", "start it again")
            time.sleep(POLL_SECONDS)

    def make_role(self, connection: Connection) -> None:
        """The application's role and its database, where they are missing."""
        role, password = sql.Identifier(ROLE), self._password()
        if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [ROLE]).fetchone():
            create = sql.SQL("CREATE ROLE {} LOGIN CREATEDB PASSWORD {}")
            connection.execute(create.format(role, sql.Literal(password)))
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [NAME]).fetchone():
            connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(NAME), role))

    def _password(self) -> str:
        return self.home.database_password.read_text().strip()

    def _sign_in(self) -> Connection:
        """As superuser; where the password file has been lost and made anew, the cluster is told the new password
        first.
        """
        try:
            return sign_in(self.home, SUPERUSER, "postgres")
        except psycopg.OperationalError as error:
            if "password authentication failed" not in str(error):
                raise
        log.warning("the embedded database has another password than %s: setting it anew", self.home.database_password)
        self.stop()
        self._reset_passwords(self._password())
        self.process = self.spawn(self.engine, self.data, self.tuning)
        self.wait_ready(self.process, self.data)
        return sign_in(self.home, SUPERUSER, "postgres")

    def _reset_passwords(self, password: str) -> None:
        """In single-user mode, which asks for none."""
        literal = sql.Literal(password).as_string()
        statements = f"ALTER ROLE {SUPERUSER} PASSWORD {literal}\nALTER ROLE {ROLE} PASSWORD {literal}\n"
        with self._log_file().open("ab") as output:
            process = child.start(
                [self.path(self.engine.programs / "postgres"), "--single", "-D", self.path(self.data), "postgres"],
                self._shape(signal.SIGINT),
                stdin=subprocess.PIPE,
                output=output,
            )
            process.communicate(statements.encode())
        if process.returncode != 0:
            raise self._failed("the embedded database does not take the new password", process.returncode)

    def prepare(self) -> None:
        """The folders, and nobody at work in them."""
        account.give(self.home.postgres, self.account)
        if not self.home.socket.is_relative_to(self.home.path):
            account.refuse_strangers(self.home.socket, self.account)
        account.give(self.home.socket, self.account)
        written = self._log_file()
        if written.exists() and written.stat().st_size > LOG_BYTES_MAX:
            written.replace(written.with_suffix(".log.1"))
        _wait_for_leftover(self.data)

    def _log_file(self) -> Path:
        return self.home.log / "postgres.log"

    def path(self, path: Path) -> str:
        """`path` as the database's processes see it."""
        if self._view is None or not path.is_relative_to(self._view[0]):
            return str(path)
        return str(self._view[1] / path.relative_to(self._view[0]))

    def _shape(self, death: signal.Signals) -> child.Shape:
        return child.Shape(death=death, account=self.account, home=self._view, folder=Path("/"))

    def _failed(self, sentence: str, code: int) -> GiveUp:
        tail = _last_lines(self._log_file())
        if code == child.LAUNCH_FAILED:
            return account.unreachable(self.home, tail)
        return GiveUp("database_failed", f"{sentence}: {tail}", f"the whole story is in {self._log_file()}")


def sign_in(home: Home, user: str = ROLE, database: str = NAME) -> Connection:
    """Raises psycopg.OperationalError while no server is ready there."""
    return psycopg.connect(
        host=str(home.socket),
        user=user,
        dbname=database,
        password=home.database_password.read_text().strip(),
        require_auth="scram-sha-256",
        autocommit=True,
    )


def _says_ready(data: Path, pid: int) -> bool:
    """`postmaster.pid`: first line the pid, eighth the state."""
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return False
    return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"


def _wait_for_leftover(data: Path) -> None:
    """A server whose starter was killed may still be stopping: let it, for a while. It is ours, we hold the lock."""
    for patience, push in ((60.0, signal.SIGINT), (10.0, signal.SIGQUIT), (10.0, signal.SIGKILL)):
        end = time.monotonic() + patience
        while left := _servers_of(data):
            if time.monotonic() > end:
                log.warning("an earlier database server does not end (pids %s): %s", left, push.name)
                for pid in left:
                    with suppress(ProcessLookupError):
                        os.kill(pid, push)
                break
            time.sleep(POLL_SECONDS)
        else:
            return


def _servers_of(data: Path) -> list[int]:
    """Processes at work in `data`, where a server that has not ended in order says that there may be some.

    Not only the one that it names: after the death of that one its children take a moment. All of them have `data` as
    their working folder, compared by inode, because they may see it under another path.
    """
    if not (data / "postmaster.pid").exists():
        return []
    here = data.stat()
    found = []
    for entry in Path("/proc").iterdir():
        try:
            there = (entry / "cwd").stat() if entry.name.isdigit() else None
        except (FileNotFoundError, ProcessLookupError, PermissionError):  # ended meanwhile, or another's: not of ours
            continue
        if there is not None and (there.st_dev, there.st_ino) == (here.st_dev, here.st_ino):
            found.append(int(entry.name))
    return found


def finish(process: subprocess.Popen[bytes]) -> None:
    for push, patience in ((signal.SIGINT, STOP_SECONDS_MAX), (signal.SIGQUIT, 10), (signal.SIGKILL, None)):
        if process.poll() is None:
            process.send_signal(push)
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            log.warning("the embedded database does not stop by %s within %s s", push.name, patience)
        else:
            return


@contextmanager
def password_file(password: str, owner: account.Account | None) -> Iterator[int]:
    """The descriptor of a file in memory, readable by the database's account alone: the password never lies on disk a
    second time.
    """
    descriptor = os.memfd_create("password")
    try:
        os.fchmod(descriptor, 0o600)
        if owner is not None:
            os.fchown(descriptor, owner.uid, owner.gid)
        os.write(descriptor, password.encode())
        yield descriptor
    finally:
        os.close(descriptor)


def _last_lines(path: Path, count: int = 3) -> str:
    if not path.exists():
        return "it said nothing"
    return " / ".join(path.read_text(errors="replace").splitlines()[-count:])
