"""Our side: the `mailkeep` command line as anybody uses it, each command a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import measure
from bench.measure import Cost
from mailkeep.simulator.dovecot import Dovecot

PROGRAM = str(Path(sys.executable).with_name("mailkeep"))
TASK = "bench"


@dataclass(frozen=True, slots=True)
class Mailkeep:
    """One MAILKEEP_HOME below `folder`, with one task that has one mailbox. Its PostgreSQL is the embedded one."""

    folder: Path

    @property
    def home(self) -> Path:
        return self.folder / "home"

    def fresh(self, server: Dovecot, user: str, password: str) -> None:
        """A new home with connection, group and task: not part of what is measured."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        logins = self.folder / "logins"
        logins.write_text(f"{user}\t{user}\t{password}\n")
        where = ["--kind", "imap", "--host", "127.0.0.1", "--port", str(server.port), "--tls", "none"]
        self._quick("connection", "add", "bench", *where, "--logins", str(logins), "--mailbox-check", user)
        self._quick("group", "add", "bench", "--member", user)
        self._quick("task", "create", TASK, "--connection", "bench", "--group", "bench")

    def sync(self) -> tuple[Cost, dict[str, Any]]:
        """`mailkeep sync TASK --wait`: starts PostgreSQL, synchronises, stops it. And the one mailbox's row."""
        cost = self.measured("sync", TASK, "--wait", "--json")
        [row] = [json.loads(line) for line in cost.out.splitlines()]
        if row["result"] != "ok":
            raise measure.Failed(f"synchronisation ended with {row}")
        return cost, row

    def measured(self, *arguments: str) -> Cost:
        return measure.run([PROGRAM, *arguments], self.environment())

    def environment(self) -> dict[str, str]:
        return {"MAILKEEP_HOME": str(self.home)}

    def _quick(self, *arguments: str) -> None:
        environment = {**os.environ, **self.environment()}
        done = subprocess.run([PROGRAM, *arguments], env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise measure.Failed(f"mailkeep {' '.join(arguments)}: {done.stderr}")
