"""The processes behind `serve`: started, watched, started again when they die, ended in order.

    supervisor ── postgres    (started by `host.database`, in whose hands it ends last)
               ├─ console     gunicorn, which has processes of its own
               └─ worker 1 …

What dies is started again after a pause that doubles from half a second to half a minute, and is short again for a
child that has lived a minute. SIGTERM or SIGINT ends all within `STOP_SECONDS`, a second one at once. A supervisor
that is killed takes all with it: the kernel tells each child (`host.launch`).

Which children there are is an argument: nothing here knows what they do.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from mailkeep.errors import GiveUp, MailkeepError
from mailkeep.host import child
from mailkeep.host.postgres import Cluster

log = logging.getLogger(__name__)

STOP_SECONDS = 12.0  # for the children; the database needs less than three more
LOOK_SECONDS = 0.2
PAUSE_SECONDS, PAUSE_SECONDS_MAX = 0.5, 30.0
PROVEN_SECONDS = 60.0  # a child that lived this long starts again without a long pause


@dataclass(frozen=True, slots=True)
class Child:
    """A process to keep running. `death`: the signal it gets when the supervisor is killed."""

    name: str
    argv: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    death: signal.Signals = signal.SIGKILL


def gunicorn(application: str, port: int, *, threads: int = 8) -> Child:
    """A web server of threads for `application` ("package.module:name"), plain HTTP on loopback only."""
    options = ["--worker-class", "gthread", "--threads", str(threads), "--workers", "1", "--bind", f"127.0.0.1:{port}"]
    options += ["--graceful-timeout", "5", "--timeout", "120", "--no-control-socket", "--log-level", "warning"]
    if os.access("/dev/shm", os.W_OK):  # noqa: S108 - its heartbeat file: on a busy disk touching it may take seconds
        options += ["--worker-tmp-dir", "/dev/shm"]  # noqa: S108
    # On SIGQUIT it ends its own processes at once; on SIGKILL they would live on for a while.
    return Child("console", [sys.executable, "-m", "gunicorn", *options, application], death=signal.SIGQUIT)


def refuse_taken_port(port: int) -> None:
    """Errors: GiveUp `port_taken`."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise GiveUp(
                "port_taken",
                f"cannot listen on 127.0.0.1:{port}: {error.strerror}",
                "stop what listens there, or choose another port with --port",
            ) from error


def answers(port: int) -> bool:
    """Whether something listens on this port of ours."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def supervise(
    children: Sequence[Child],
    cluster: Cluster | None = None,
    *,
    up: Callable[[], None] | None = None,
    ready: Callable[[], bool] = lambda: True,
) -> None:
    """Run the children until SIGTERM or SIGINT. `up` is called once, as soon as `ready()`. From the main thread.

    `cluster`: the embedded database when it is ours; it is started again if it dies, and is left running in the end.
    """
    keepers = [_Keeper(one) for one in children]
    with _ending() as ending:
        try:
            while not ending.is_set():
                _keep(cluster, ending)
                for keeper in keepers:
                    keeper.look()
                if up is not None and ready():
                    up()
                    up = None
                ending.wait(LOOK_SECONDS)
        finally:
            _end(keepers, ending)


class _Keeper:
    """One child through its lives."""

    def __init__(self, what: Child) -> None:
        self.what = what
        self.process: subprocess.Popen[bytes] | None = None
        self._pause = PAUSE_SECONDS
        self._started = 0.0
        self._next = 0.0

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def look(self) -> None:
        """Start it if it is time to."""
        now = time.monotonic()
        if self.alive:
            return
        if self.process is not None:
            self._bury(self.process.returncode, now)
        if now >= self._next:
            self._started = now
            shape = child.Shape(death=self.what.death)
            environment = {**os.environ, **self.what.environment}
            self.process = child.start(self.what.argv, shape, environment=environment)

    def tell(self, number: signal.Signals) -> None:
        """The whole session of the child, where it is a matter of killing; else the child, which sees to its own."""
        if self.process is None:
            return
        with suppress(ProcessLookupError):
            if number is signal.SIGKILL:
                os.killpg(self.process.pid, number)
            else:
                self.process.send_signal(number)

    def _bury(self, code: int, now: float) -> None:
        self._pause = PAUSE_SECONDS if now - self._started > PROVEN_SECONDS else self._pause
        log.warning("%s ended with %s; again in %s s", self.what.name, code, self._pause)
        self.tell(signal.SIGKILL)  # what it may have left behind
        self.process = None
        self._next = now + self._pause
        self._pause = min(self._pause * 2, PAUSE_SECONDS_MAX)


def _keep(cluster: Cluster | None, ending: threading.Event) -> None:
    if cluster is None or cluster.running:
        return
    log.warning("the embedded database has ended; starting it again")
    try:
        cluster.start(ending.is_set)
    except MailkeepError as error:
        if not ending.is_set():
            log.error("%s; trying again in %s s", error.message, PAUSE_SECONDS_MAX)
            ending.wait(PAUSE_SECONDS_MAX)


def _end(keepers: Sequence[_Keeper], ending: threading.Event) -> None:
    """Ask all at once; kill what is left when the time is over, or at a second signal."""
    for keeper in keepers:
        keeper.tell(signal.SIGTERM)
    ending.clear()
    end = time.monotonic() + STOP_SECONDS
    while any(keeper.alive for keeper in keepers) and time.monotonic() < end and not ending.is_set():
        ending.wait(LOOK_SECONDS / 4)
    for keeper in keepers:
        if keeper.alive:
            log.warning("%s does not end: killed", keeper.what.name)
        keeper.tell(signal.SIGKILL)
        if keeper.process is not None:
            keeper.process.wait()


@contextmanager
def _ending() -> Iterator[threading.Event]:
    """Set by SIGTERM and SIGINT, whose former handlers come back at the end."""
    event = threading.Event()
    former = {number: signal.signal(number, lambda *_: event.set()) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield event
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
