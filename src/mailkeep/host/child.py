"""Starting programs that die with us: `launch.py` run by our own interpreter."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from mailkeep.host import launch
from mailkeep.host.account import Account

LAUNCH_FAILED = launch.FAILED


@dataclass(frozen=True, slots=True)
class Shape:
    """How a child lives. `death`: the signal it gets when we die. `home`: (real, seen) of `launch`; None: as it is."""

    death: signal.Signals = signal.SIGKILL
    account: Account | None = None
    home: tuple[Path, Path] | None = None
    folder: Path | None = None


def start(
    argv: Sequence[str],
    shape: Shape,
    *,
    environment: Mapping[str, str] | None = None,
    stdin: int | IO[Any] = subprocess.DEVNULL,
    output: int | IO[Any] | None = None,
    descriptors: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start `argv` in a session of its own: Ctrl-C on the terminal reaches us alone, and we end our children in order.

    The kernel ties a child to the thread that started it, so this is the main thread's to call.
    """
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("children are started by the main thread: they would die with any other")
    order = {
        "argv": list(argv),
        "parent": os.getpid(),
        "death": int(shape.death),
        "account": [shape.account.uid, shape.account.gid] if shape.account else None,
        "home": [str(path) for path in shape.home] if shape.home else None,
        "folder": str(shape.folder) if shape.folder else None,
    }
    return subprocess.Popen(
        [sys.executable, "-I", "-S", launch.__file__, json.dumps(order)],
        stdin=stdin,
        stdout=output,
        stderr=subprocess.STDOUT if output is not None else None,
        env=dict(environment) if environment is not None else None,
        pass_fds=tuple(descriptors),
        start_new_session=True,
    )
