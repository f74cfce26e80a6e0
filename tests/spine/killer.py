"""Runs the command line and kills it, SIGKILL, before or after the nth call that changes something outside the process.

    python -m tests.spine.killer LIST|NUMBER:before|NUMBER:after -- sync Everybody --wait

The calls counted are `os.write` to regular files, `os.fsync`, `os.link`, `os.unlink`, `os.rename`, file objects' `write`
through `open` (counted at their fsync), and every database COMMIT and autocommitted write. Nothing in the program knows of this: the calls are
wrapped here. With LIST, the calls are appended to the file named by KILLER_LIST, one `number name` a line, and nobody is killed.
The name is the place in the program that made the call, so that a failing point can be found: `mailkeep.store.local.commit:link`.
"""

from __future__ import annotations

import os
import signal
import stat
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg

WRITES = ("INSERT", "UPDATE", "DELETE", "SELECT PG_NOTIFY", "SELECT PROCRASTINATE")


class Killer:
    def __init__(self, order: str) -> None:
        self.listing = order == "LIST"
        self.number, self.side = (0, "") if self.listing else (int(order.split(":")[0]), order.split(":")[1])
        self.count = 0
        self.lock = threading.Lock()

    def call(self, name: str, wanted: Callable[[], Any]) -> Any:
        with self.lock:
            self.count += 1
            mine = self.count
        if self.listing:
            with Path(os.environ["KILLER_LIST"]).open("a") as lines:
                lines.write(f"{mine} {place()}:{name}\n")
        elif mine == self.number and self.side == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        answer = wanted()
        if mine == self.number and self.side == "after":
            os.kill(os.getpid(), signal.SIGKILL)
        return answer


def place() -> str:
    """The innermost function of ours on the stack."""
    frame: Any = sys._getframe(2)
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if module.startswith("mailkeep."):
            return f"{module}.{frame.f_code.co_name}"
        frame = frame.f_back
    return "elsewhere"


def install(killer: Killer) -> None:
    for name in ("fsync", "fdatasync", "link", "unlink", "rename", "replace"):
        setattr(os, name, wrapped(killer, name, getattr(os, name)))
    write = os.write

    def counted_write(fd: int, data: Any) -> int:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            return write(fd, data)
        return int(killer.call("write", lambda: write(fd, data)))

    os.write = counted_write
    commit = psycopg.Connection.commit
    psycopg.Connection.commit = lambda self: killer.call("commit", lambda: commit(self))  # type: ignore[method-assign]
    execute = psycopg.Cursor.execute

    def counted_execute(self: Any, query: Any, *rest: Any, **options: Any) -> Any:
        text = query if isinstance(query, str) else getattr(query, "as_string", lambda *_: "")(self.connection)
        if self.connection.autocommit and str(text).lstrip().upper().startswith(WRITES):
            return killer.call("autocommit", lambda: execute(self, query, *rest, **options))
        return execute(self, query, *rest, **options)

    psycopg.Cursor.execute = counted_execute  # type: ignore[method-assign, assignment]


def wrapped(killer: Killer, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
    def counted(*arguments: Any, **options: Any) -> Any:
        return killer.call(name, lambda: real(*arguments, **options))

    return counted


def main() -> None:
    order, dashes, *arguments = sys.argv[1:]
    assert dashes == "--"
    install(Killer(order))
    sys.argv = ["mailkeep", *arguments]
    from mailkeep.cli.main import main as mailkeep  # after the calls have been wrapped

    mailkeep()


if __name__ == "__main__":
    main()
