"""A folder with very many items: `python -m bench.million FOLDER COUNT`. Prints how long each synchronisation took.

The connector makes its items up as they are asked for and keeps none, so that the process's memory is the engine's own.
All else is real: operations, archive, catalog, the embedded PostgreSQL below FOLDER. Three synchronisations:

    first                 everything is new
    listed whole again    a server without change counters: every item is seen, none has changed
    new ids               every id has changed (UIDVALIDITY): all is proven the same by its header, none is fetched
"""

from __future__ import annotations

import importlib
import os
import shutil
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mailkeep.connectors.base import (
    Capabilities,
    Change,
    Created,
    Description,
    Endpoint,
    Fetched,
    Listed,
    NewItem,
    Seen,
    Step,
    Unfetched,
    Usage,
)
from mailkeep.host import home
from mailkeep.mail.items import Folder, ItemRef, Kind, NativePart, Role, Section

ADDRESS = "many@bench.example"
INBOX = Folder("inbox", ("INBOX",), role=Role.INBOX)
BEGIN = datetime(2020, 1, 1, tzinfo=UTC)


def header(number: int) -> bytes:
    return (
        f"From: Sender {number % 977} <s{number % 977}@bench.example>\r\nTo: {ADDRESS}\r\n"
        f"Subject: Reading {number:09d}\r\n"
        f"Message-ID: <{number:09d}@bench.example>\r\nDate: Wed, 01 Jan 2020 00:00:00 +0000\r\n\r\n"
    ).encode()


def content(number: int) -> bytes:
    return (
        header(number)
        + f"Meter {number * 7919 % 100_000:05d} reports {number * 104_729 % 10**9:09d} Wh.\r\n".encode() * 4
    )


def ref(number: int, validity: int) -> ItemRef:
    received = BEGIN + timedelta(seconds=number)
    return ItemRef(
        id=f"{validity:010d}.{number:010d}",
        kind=Kind.MAIL,
        message_class="IPM.Note",
        size=len(content(number)),
        time=received,
        received=received,
        subject=f"Reading {number:09d}",
        sender=f"s{number % 977}@bench.example",
        message_id=f"<{number:09d}@bench.example>",
    )


def peak_mib() -> float:
    """VmHWM: of this program alone. (`ru_maxrss` would begin with what the parent had when it started us.)"""
    [line] = [one for one in Path("/proc/self/status").read_text().splitlines() if one.startswith("VmHWM:")]
    return int(line.split()[1]) / 1024


@dataclass
class MadeUpListing:
    total: int
    validity: int
    again: bool
    complete: bool = True
    checkpoint: bytes = b""
    count: int = 0

    def __iter__(self) -> Iterator[Change]:
        for number in range(1, self.total + 1):
            if self.again:
                yield Seen(f"{self.validity:010d}.{number:010d}", None)
            else:
                yield Listed(ref(number, self.validity))
        self.checkpoint = str(self.validity).encode()
        self.count = self.total


@dataclass
class MadeUp:
    """A connector and its provider in one."""

    total: int
    validity: int = 1
    fetched: int = 0
    capabilities: Capabilities = field(default_factory=lambda: Capabilities(frozenset({Kind.MAIL}), incremental=True))
    usage: Usage = field(default_factory=Usage)
    forms: frozenset[str] = frozenset()

    def open(
        self,
        endpoint: Endpoint,  # noqa: ARG002 - the protocol's
        address: str,  # noqa: ARG002 - the protocol's
        sections: frozenset[Section] = frozenset({Section.PRIMARY}),  # noqa: ARG002 - there is but one
    ) -> MadeUp:
        return self

    def properties(self, parts: Sequence[NativePart]) -> Mapping[str, str]:  # noqa: ARG002 - there is no native form
        return {}

    def describe(self, parts: Sequence[NativePart]) -> Description | None:  # noqa: ARG002 - likewise
        return None

    def test(self, endpoint: Endpoint) -> Iterator[Step]:  # noqa: ARG002 - the protocol's
        yield Step("sign_in", True, 0.0, "made up")

    @property
    def closed_sections(self) -> Mapping[Section, str]:
        return {}

    def folders(self) -> list[Folder]:
        return [INBOX]

    def unchanged(self, checkpoints: dict[str, bytes]) -> dict[str, int]:  # noqa: ARG002 - it can never tell
        return {}

    def count(self, folder: Folder) -> int:  # noqa: ARG002 - there is but one
        return self.total

    def changes(self, folder: Folder, since: bytes | None) -> MadeUpListing:  # noqa: ARG002 - there is but one
        return MadeUpListing(self.total, self.validity, again=since == str(self.validity).encode())

    def fetch(self, folder: Folder, refs: Iterable[ItemRef]) -> Iterator[Fetched | Unfetched]:  # noqa: ARG002
        for one in refs:
            self.fetched += 1
            yield Fetched(one, content(int(one.id[11:])))

    def identify(self, folder: Folder, refs: Iterable[ItemRef]) -> Iterator[tuple[ItemRef, bytes]]:  # noqa: ARG002
        for one in refs:
            yield one, header(int(one.id[11:]))

    def create_folder(self, path: tuple[str, ...], kind: Kind) -> Folder:
        raise NotImplementedError

    def create(self, folder: Folder, item: NewItem) -> Created:
        raise NotImplementedError

    def remove_created(self, folder: Folder, item_id: str, content_sha256: str, version: str = "") -> bool:
        raise NotImplementedError

    def close(self) -> None: ...


def main(folder: Path, total: int) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    os.environ.update(MAILKEEP_HOME=str(folder), DJANGO_SETTINGS_MODULE="mailkeep.settings")
    home.prepare()
    importlib.import_module("django").setup()
    importlib.import_module("bench.million").measure(total)  # again, now that settings are there for what it imports
    shutil.rmtree(folder, ignore_errors=True)


def measure(total: int) -> None:
    operations = {
        name: importlib.import_module(f"mailkeep.operations.{name}")
        for name in ("connections", "groups", "installation", "synchronise", "tasks")
    }
    options = importlib.import_module("mailkeep.tasks.options")
    server = MadeUp(total)
    operations["connections"].PROVIDERS["imap"] = server
    with operations["installation"].opened():
        endpoint = Endpoint(kind="imap", host="127.0.0.1", user="many", password="-")  # noqa: S106 - nobody asks for it
        operations["connections"].add("many", endpoint, "bench")
        operations["groups"].add("many", [ADDRESS], "bench")
        operations["tasks"].create("many", "many", "many", options.TaskOptions(), "bench")
        for name, validity, fetched in (("first", 1, total), ("listed whole again", 1, 0), ("new ids", 2, 0)):
            server.validity, server.fetched = validity, 0
            begun = time.perf_counter()
            [row] = operations["synchronise"].ask_and_wait("many", None, "bench", lambda _: None)
            if row.result != "ok" or server.fetched != fetched:
                raise SystemExit(f"{name}: fetched {server.fetched} instead of {fetched}: {row}")
            peak = peak_mib()
            sys.stdout.write(f"{name} {time.perf_counter() - begun:.0f} s, peak so far {peak:.0f} MiB\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
