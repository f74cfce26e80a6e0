"""Our side of the Exchange benchmark, in one process: `python -m bench.exchange_ours FOLDER ADDRESS ROUNDS-FILE`.

    FOLDER      becomes a MAILKEEP_HOME with connection, group and task, on the first call
    ROUNDS      how many synchronisations to run, one after the other

The endpoint comes as JSON on standard input. Prints a line of JSON for each synchronisation: seconds of the run itself,
items fetched and bytes received, requests, the seconds its lines spent waiting for the server and how many lines there
were, and the process's peak so far. All is real: operations, engine, archive, catalog, the embedded PostgreSQL.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.million import peak_mib
from mailkeep.connectors.base import Connector, Description, Endpoint, Step
from mailkeep.connectors.ews.provider import EwsProvider
from mailkeep.host import home
from mailkeep.mail.items import Kind, NativePart, Section

TASK = "bench"


@dataclass
class Watched:
    """The provider, with the sessions that it gave."""

    inner: EwsProvider = field(default_factory=EwsProvider)
    sessions: list[Connector] = field(default_factory=list)

    @property
    def forms(self) -> frozenset[str]:
        return self.inner.forms

    def open(
        self, endpoint: Endpoint, address: str, sections: frozenset[Section] = frozenset({Section.PRIMARY})
    ) -> Connector:
        session = self.inner.open(endpoint, address, sections)
        self.sessions.append(session)
        return session

    def properties(self, parts: Sequence[NativePart]) -> Mapping[str, str]:
        return self.inner.properties(parts)

    def describe(self, parts: Sequence[NativePart]) -> Description | None:
        return self.inner.describe(parts)

    def test(self, endpoint: Endpoint) -> Iterator[Step]:
        return self.inner.test(endpoint)


def main(folder: Path, address: str, rounds: int) -> None:
    endpoint = Endpoint(**json.load(sys.stdin))
    os.environ.update(MAILKEEP_HOME=str(folder), DJANGO_SETTINGS_MODULE="mailkeep.settings")
    home.prepare()
    importlib.import_module("django").setup()
    importlib.import_module("bench.exchange_ours").measure(endpoint, address, rounds)  # now that settings are there


def measure(endpoint: Endpoint, address: str, rounds: int) -> None:
    names = ("connections", "groups", "installation", "synchronise", "tasks")
    operations = {name: importlib.import_module(f"mailkeep.operations.{name}") for name in names}
    options = importlib.import_module("mailkeep.tasks.options")
    provider = Watched()
    operations["connections"].PROVIDERS["exchange"] = provider
    with operations["installation"].opened():
        if not operations["connections"].listed():
            operations["connections"].add("bench", endpoint, "bench")
            operations["groups"].add("bench", [address], "bench")
            wanted = options.TaskOptions(kinds=frozenset(Kind), sensitive=True)
            operations["tasks"].create(TASK, "bench", "bench", wanted, "bench")
        for _ in range(rounds):
            provider.sessions.clear()
            began = time.perf_counter()
            [row] = operations["synchronise"].ask_and_wait(TASK, None, "bench", lambda _: None)
            wall = time.perf_counter() - began
            if row.result != "ok":
                raise SystemExit(f"the synchronisation ended with {row}")
            busiest = max(provider.sessions, key=lambda session: session.usage.bytes_received)
            said = {
                "seconds": row.seconds,
                "wall": wall,
                "fetched": row.fetched,
                "requests": row.requests,
                "received": sum(session.usage.bytes_received for session in provider.sessions),
                "waiting": busiest.usage.seconds_waiting,
                "peak_mib": peak_mib(),
            }
            sys.stdout.write(json.dumps(said) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
