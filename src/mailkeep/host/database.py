"""The database while a command needs it: `with running(home): …`.

The first command that finds none running starts it and owns it; others share it; the owner, when it is done, waits
for the others and stops it. Three lock files, each of which ends with the process that holds it:

    locks/owner    exclusive: the process whose child the database is
    locks/sharers  shared: everybody else who uses it; the leaving owner waits here
    locks/gate     shared while a sharer enters; exclusive from the moment the owner begins to leave, so nobody enters
    a closing house

    arriving:  owner free? -> own it, start.   taken? -> gate, sharers, wait until it is ready, leave the gate.
    owner leaving:  gate (exclusive), sharers (exclusive: the last one has gone), stop, release all.

A killed owner takes the database with it; its sharers' connections break, and the next command starts it again.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import psycopg

from mailkeep.errors import GiveUp
from mailkeep.host import environment, postgres, upgrade
from mailkeep.host.home import Home
from mailkeep.host.lock import POLL_SECONDS, FileLock
from mailkeep.host.postgres import Cluster

log = logging.getLogger(__name__)

ENTER_SECONDS_MAX = 660  # a little more than the owner may need to start it


@contextmanager
def running(home: Home, tuning: Mapping[str, str] | None = None) -> Iterator[Cluster | None]:
    """The database can be used inside. Yields the cluster when it is ours, None when it is shared or `DATABASE_URL`
    names another.

    From the main thread. Errors: GiveUp as `Cluster.start`; `database_busy` when its owner does not come up.
    """
    if not environment.embedded():
        yield None
        return
    owner = FileLock(home.locks / "owner")
    if owner.exclusive() or (sharing := _enter(home, owner)) is None:
        with owned(home, owner, tuning) as cluster:
            yield cluster
        return
    with sharing:
        yield None


@contextmanager
def serving(home: Home, tuning: Mapping[str, str] | None = None) -> Iterator[Cluster | None]:
    """As `running`, for `serve`: there is one per home, and it owns the database; while a command owns it, it waits
    for that.

    Errors: GiveUp `already_serving` names the other one's pid.
    """
    with FileLock(home.locks / "serve") as serve, FileLock(home.locks / "owner") as owner:
        if not serve.exclusive():
            raise GiveUp(
                "already_serving",
                f"`mailkeep serve` is already running on {home.path} (pid {serve.read() or 'unknown'})",
                "use that one, or stop it first, or give this one its own MAILKEEP_HOME",
            )
        serve.write(str(os.getpid()))
        if not environment.embedded():
            yield None
            return
        if not owner.exclusive():
            log.warning("waiting for the command that uses the database (pid %s)", owner.read() or "unknown")
            owner.wait_exclusive()
        with owned(home, owner, tuning) as cluster:
            yield cluster


@contextmanager
def owned(home: Home, owner: FileLock, tuning: Mapping[str, str] | None) -> Iterator[Cluster]:
    """The database started and, once every sharer has left, stopped. `owner` is held, and released at the end."""
    with owner:
        owner.write(str(os.getpid()))
        cluster = Cluster(home, tuning)
        try:
            upgrade.bring_over(cluster)
            cluster.start()
            yield cluster
        finally:
            if cluster.running:
                with _closed(home):
                    cluster.stop()
            else:
                cluster.stop()


@contextmanager
def _closed(home: Home) -> Iterator[None]:
    """Nobody enters any more, and the last sharer has left."""
    with FileLock(home.locks / "gate") as gate, FileLock(home.locks / "sharers") as sharers:
        gate.wait_exclusive()
        if not sharers.exclusive():
            log.warning("the database is still used by another command: waiting for it to end")
            sharers.wait_exclusive()
        yield


def _enter(home: Home, owner: FileLock) -> FileLock | None:
    """A sharer's lock, when the owner's database is ready; None when the owner has gone meanwhile and `owner` is now
    held by us.
    """
    gate, sharing = FileLock(home.locks / "gate"), FileLock(home.locks / "sharers")
    end = time.monotonic() + ENTER_SECONDS_MAX
    while time.monotonic() < end:
        if owner.exclusive():
            sharing.release()
            gate.release()
            return None
        if gate.wait_shared(POLL_SECONDS) and sharing.shared():
            if _answers(home):
                gate.release()
                return sharing
            sharing.release()
        gate.release()
        time.sleep(POLL_SECONDS)
    raise GiveUp(
        "database_busy",
        f"the database of {home.path} is held by pid {owner.read() or 'unknown'}, but does not answer",
        "end that process; the next command starts the database again",
    )


def _answers(home: Home) -> bool:
    try:
        postgres.sign_in(home).close()
    except psycopg.OperationalError:
        return False
    return True
