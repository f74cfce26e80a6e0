"""Which process this is, in words that no other process ever has, and whether a process so named is still there.

<boot id>:<pid namespace>:<pid>:<start time in ticks since boot>
"""

from __future__ import annotations

import os
from pathlib import Path

_PROC = Path("/proc")


def identity() -> str:
    """Of this process."""
    return ":".join((*_world(), str(os.getpid()), _start_time(os.getpid()) or "?"))


def is_dead(name: str) -> bool:
    """True only where that is certain: the process was of this machine and of our view of it, and is no more."""
    boot, namespace, pid, start_time = (*name.split(":"), "", "", "", "")[:4]
    if (boot, namespace) != _world() or not pid.isdigit():
        return False
    return _start_time(int(pid)) != start_time


def _world() -> tuple[str, str]:
    boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
    namespace = os.readlink(_PROC / "self/ns/pid").strip("pid:[]")
    return boot, namespace


def _start_time(pid: int) -> str | None:
    """Field 22 of `/proc/<pid>/stat` (proc(5)); None where there is no such process."""
    try:
        text = (_PROC / str(pid) / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return text.rpartition(")")[2].split()[19]
