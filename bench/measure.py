"""Run a program to its end and say what it cost.

`cpu_seconds` is what the kernel charged the program and every descendant that was waited for (wait4), user and system:
for `mailkeep` that includes the PostgreSQL it started and stopped. `peak_mib` is the largest resident set of one
process (VmHWM, sampled while it lives); shared memory of PostgreSQL counts into its own figure only.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

SAMPLE_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Cost:
    wall_seconds: float
    cpu_seconds: float
    peak_mib: Mapping[str, float] = field(default_factory=dict)  # by program name, its largest process
    out: str = ""


class Failed(Exception):
    """A program ended badly; the message holds what it said."""


def run(
    command: Sequence[str],
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    given: str = "",
) -> Cost:
    """Run it, with `given` on its standard input. Raises `Failed` for an exit status other than 0."""
    os.sync()  # what the command before left unwritten is not this one's to wait for
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, tempfile.TemporaryFile() as stdin:
        stdin.write(given.encode())
        stdin.seek(0)
        begun = time.perf_counter()
        process = subprocess.Popen(
            list(command),
            stdin=stdin,
            stdout=out,
            stderr=err,
            env={**os.environ, **(environment or {})},
            cwd=folder,
        )
        peaks: dict[str, int] = {}
        ended = threading.Event()
        sampler = threading.Thread(target=_sample, args=(process.pid, peaks, ended))
        sampler.start()
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begun
        ended.set()
        sampler.join()
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0), err.seek(0)
        said, complained = out.read().decode(errors="replace"), err.read().decode(errors="replace")
    if process.returncode:
        raise Failed(f"{' '.join(command)} ended with {process.returncode}:\n{said[-2000:]}\n{complained[-4000:]}")
    return Cost(wall, usage.ru_utime + usage.ru_stime, {name: kib / 1024 for name, kib in peaks.items()}, said)


def _sample(root: int, peaks: dict[str, int], ended: threading.Event) -> None:
    while not ended.wait(SAMPLE_SECONDS):
        for pid in _family(root):
            try:
                status = Path(f"/proc/{pid}/status").read_text()
            except OSError:
                continue  # it has ended
            found = re.search(r"^Name:\t(\S+).*^VmHWM:\s+(\d+) kB", status, re.MULTILINE | re.DOTALL)
            if found:
                name = (
                    "postgres"
                    if found[1].startswith("postgres")
                    else "python"
                    if "python" in found[1] or "mailkeep" in found[1]
                    else found[1]
                )
                peaks[name] = max(peaks.get(name, 0), int(found[2]))


def _family(root: int) -> list[int]:
    """The process and its descendants."""
    family, look = [], [root]
    while look:
        pid = look.pop()
        family.append(pid)
        for path in Path(f"/proc/{pid}/task").glob("*/children"):
            try:
                look.extend(int(child) for child in path.read_text().split())
            except OSError:
                continue  # it has ended
    return family


def disk_bytes(folder: Path) -> int:
    """What the folder's files hold, each counted once."""
    total, seen = 0, set()
    for path in folder.rglob("*"):
        info = path.lstat()
        if path.is_file() and (info.st_dev, info.st_ino) not in seen:
            seen.add((info.st_dev, info.st_ino))
            total += info.st_size
    return total


def allocated_bytes(folder: Path) -> int:
    """What the folder takes on the disk, in blocks."""
    return sum(path.lstat().st_blocks * 512 for path in [folder, *folder.rglob("*")])


def fdatasync_milliseconds(folder: Path) -> float:
    """The median time of an fdatasync after a write of 4 KiB."""
    times = []
    with tempfile.NamedTemporaryFile(dir=folder) as file:
        for _ in range(100):
            file.write(os.urandom(4096))
            file.flush()
            begun = time.perf_counter()
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - begun)
    return sorted(times)[50] * 1000
