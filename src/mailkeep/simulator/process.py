"""Starting `mailkeep.simulator.serve` as a child, and talking to it.

    with ExchangeProcess(folder, {"mailboxes": [...], "accounts": [...]}) as exchange:
        exchange.url, exchange.authority
        exchange.control(do="fault", kind="busy_short")

The child ends when we do, however that happens: the pipe to its standard input closes.
"""

from __future__ import annotations

import json
import selectors
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from mailkeep.errors import GiveUp, RetryLater

_START_SECONDS_MAX = 120.0  # moving in takes a while
_STOP_SECONDS_MAX = 10


class ExchangeProcess:
    """`description` None: the one that the folder has from before. `port` 0: any free one."""

    def __init__(self, folder: Path, description: Mapping[str, Any] | None = None, *, port: int = 0) -> None:
        self.folder = folder
        self._description = description
        self._port = port
        self._process: subprocess.Popen[str] | None = None
        self.url = ""
        self.authority = folder / "ca.pem"
        self._control, self._key = "", ""

    def start(self) -> ExchangeProcess:
        """Returns when it answers. Raises GiveUp with what it complained of, RetryLater where it says nothing."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if self._description is not None:
            (self.folder / "organisation.json").write_text(json.dumps(self._description, indent=1))
        command = [
            sys.executable,
            "-m",
            "mailkeep.simulator.serve",
            "--folder",
            str(self.folder),
            "--port",
            str(self._port),
        ]
        with (self.folder / "serve.log").open("ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True
            )
        try:
            said = self._first_words()
        except BaseException:
            self.stop()
            raise
        self.url, self._control, self._key = said["url"], said["control"], said["key"]
        return self

    def stop(self) -> None:
        """End it and wait; harmless when it does not run."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(_STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()

    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def __enter__(self) -> ExchangeProcess:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def control(self, **command: Any) -> dict[str, Any]:
        """Carry out one command of `control`. Raises GiveUp `usage` for one that it refuses."""
        request = urllib.request.Request(  # noqa: S310 - the address is our own child's
            self._control, json.dumps(command).encode(), {"Authorization": f"Bearer {self._key}"}
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
                decoded: dict[str, Any] = json.load(answer)
                return decoded
        except urllib.error.HTTPError as refused:
            with refused:
                raise GiveUp("usage", f"the simulated Exchange says {json.load(refused)['error']}") from refused

    def log(self) -> str:
        """What it complained of, and what happened in a house that lives."""
        path = self.folder / "serve.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def _first_words(self) -> dict[str, Any]:
        assert self._process is not None
        assert self._process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            if not selector.select(_START_SECONDS_MAX):
                raise RetryLater("unreachable", "the simulated Exchange did not start", f"see {self.folder}/serve.log")
        line = self._process.stdout.readline()
        said: dict[str, Any] = json.loads(line) if line else {}
        if "url" not in said:
            complaint = said.get("error", {}).get("message") or self.log()[-800:].strip()
            raise GiveUp(
                "exchange_failed", f"the simulated Exchange ended at once: {complaint}", f"see {self.folder}/serve.log"
            )
        return said
