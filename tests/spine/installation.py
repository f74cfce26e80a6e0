"""A whole installation under test: the real command line in its own process, with its own home, against a real server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mailkeep.simulator.dovecot import Dovecot

MAILKEEP = [sys.executable, "-m", "mailkeep.cli"]
PASSWORD = "correct horse battery staple"


@dataclass(frozen=True)
class Done:
    status: int
    out: str
    err: str

    @property
    def rows(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def one(self) -> dict[str, Any]:
        assert self.status == 0, self.err
        (row,) = self.rows
        return row

    @property
    def error(self) -> dict[str, str]:
        """The JSON error: the last line of standard error."""
        error: dict[str, str] = json.loads(self.err.splitlines()[-1])["error"]
        return error


@dataclass
class Installation:
    home: Path
    environment: dict[str, str] = field(default_factory=dict)
    program: list[str] = field(default_factory=lambda: list(MAILKEEP))

    def run(self, *arguments: str, given: str | None = None, as_json: bool = True) -> Done:
        done = subprocess.run(
            self._command(arguments, as_json),
            input=given,
            capture_output=True,
            text=True,
            env=self._env(),
            check=False,
            timeout=300,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def ok(self, *arguments: str, given: str | None = None) -> Done:
        done = self.run(*arguments, given=given)
        assert done.status == 0, f"{arguments}: {done.status}\n{done.out}\n{done.err}"
        return done

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """A command that goes on, as `serve` does."""
        return subprocess.Popen(
            self._command(arguments, False),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=self._env(),
        )

    def _command(self, arguments: tuple[str, ...], as_json: bool) -> list[str]:
        return [*self.program, *arguments, *(["--json"] if as_json else [])]

    def _env(self) -> dict[str, str]:
        clean = {
            name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "DJANGO_SETTINGS_MODULE")
        }
        return {**clean, "MAILKEEP_HOME": str(self.home), **self.environment}

    def connect(self, server: Dovecot, addresses: list[str], *options: str, task: str = "Everybody") -> None:
        """A connection by logins, a group and a task that is not started by itself."""
        logins = self.home.parent / f"{self.home.name}-logins"
        logins.write_text("".join(f"{one}\t{one}\t{PASSWORD}\n" for one in addresses))
        self.ok(
            "connection", "add", "Dovecot", "--kind", "imap", "--host", "127.0.0.1", "--port", str(server.port),
            "--tls", "none", "--logins", str(logins), "--mailbox-check", addresses[0],
        )  # fmt: skip
        self.ok("group", "add", "People", *[part for one in addresses for part in ("--member", one)])
        self.ok("task", "create", task, "--connection", "Dovecot", "--group", "People", *options)

    def sync(self, task: str = "Everybody") -> list[dict[str, Any]]:
        return self.ok("sync", task, "--wait").rows

    def items(self, mailbox: str, *arguments: str) -> list[dict[str, Any]]:
        return self.ok("items", mailbox, *arguments).rows
