"""A process names itself so that nobody takes it for another, and is known to be dead only when it is."""

from __future__ import annotations

import subprocess
import sys

from mailkeep.host import process


def test_this_process_is_not_dead() -> None:
    assert not process.is_dead(process.identity())


def test_a_process_that_ended_is_dead() -> None:
    command = [sys.executable, "-c", "from mailkeep.host import process; print(process.identity())"]
    name = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    assert process.is_dead(name)


def test_another_process_under_the_same_pid_is_another() -> None:
    *world, pid, start = process.identity().split(":")
    assert process.is_dead(":".join((*world, pid, str(int(start) - 1))))


def test_a_process_of_another_machine_is_not_ours_to_judge() -> None:
    _, *rest = process.identity().split(":")
    assert not process.is_dead(":".join(("elsewhere", *rest)))
    assert not process.is_dead("")
