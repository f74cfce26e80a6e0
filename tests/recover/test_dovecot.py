"""SPEC E6 on a real server: real and torture mail is put back exactly, once, and taken away again."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from mailkeep.connectors.base import Connector, Created, Endpoint, Fetched, Listed, NewItem
from mailkeep.connectors.imap.provider import ImapProvider
from mailkeep.mail.items import Folder
from mailkeep.recover.run import run_restore
from mailkeep.recover.survey import plan_restore
from mailkeep.recover.undo import undo_restore
from mailkeep.simulator.dovecot import Dovecot
from tests.recover.memory import RECEIVED, MemoryJournal, MemorySource

PASSWORD = "a long password"
PARTS = ["mimekit", "ruby-mail", "enmime", "cpython-email"]
PLACES = [("INBOX",), ("Sent", "2024"), ("Entwürfe & Ähnliches",), ("日本語",)]

pytestmark = pytest.mark.skipif(shutil.which("dovecot") is None, reason="dovecot is not installed")


@pytest.fixture(scope="module", params=["able", "poor"])
def endpoint(request: pytest.FixtureRequest) -> Iterator[Endpoint]:
    with tempfile.TemporaryDirectory(dir="/tmp") as place:
        Path(place).chmod(0o755)
        able = Dovecot(Path(place) / "able", users={"bob@x.example": PASSWORD})
        poor = ("QRESYNC", "CONDSTORE", "ENABLE", "LIST-STATUS", "LIST-EXTENDED", "SPECIAL-USE", "ESEARCH", "LITERAL+")
        capability = "" if request.param == "able" else able.without(*poor)
        with Dovecot(Path(place) / request.param, users={"bob@x.example": PASSWORD}, capability=capability) as server:
            login = ("bob@x.example", "bob@x.example", PASSWORD)
            yield Endpoint("imap", "localhost", server.port, tls="none", logins=(login,))


@pytest.fixture
def connect(endpoint: Endpoint) -> Callable[[], Connector]:
    return lambda: ImapProvider().open(endpoint, "bob@x.example")


@pytest.fixture
def source(corpus: Path) -> MemorySource:
    source = MemorySource()
    flags = [frozenset[str](), frozenset({"seen"}), frozenset({"flagged", "answered"}), frozenset({"seen", "$work"})]
    files = [file for part in PARTS for file in sorted((corpus / part).rglob("*.eml")) if file.stat().st_size < 300_000]
    for number, file in enumerate(files[:160]):
        # As a server gives mail: CRLF line ends. Such is what an archive of this server holds.
        content = file.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n").replace(b"\0", b"")
        if content:
            received = RECEIVED - timedelta(hours=number)
            source.put(content, PLACES[number % 4], flags=flags[number % 3 if number % 7 else 3], received=received)
    source.put(source.contents[1], PLACES[0], received=source.held[0].received)  # the folder holds it twice
    return source


def held(connect: Callable[[], Connector]) -> list[tuple[tuple[str, ...], str, frozenset[str], int]]:
    """Everything on the server: folder, hash, flags, second of receipt."""
    connector, found = connect(), []
    for folder in connector.folders():
        refs = (
            [change.ref for change in connector.changes(folder, None) if isinstance(change, Listed)]
            if folder.selectable
            else []
        )
        for got in connector.fetch(folder, refs):
            assert isinstance(got, Fetched)
            digest = hashlib.sha256(got.content).hexdigest()
            found.append((folder.path, digest, got.ref.flags, int(got.ref.received.timestamp())))
    connector.close()
    return sorted(found, key=repr)


def test_e6_on_dovecot(source: MemorySource, connect: Callable[[], Connector]) -> None:
    before, journal = held(connect), MemoryJournal()
    with closing(connect()) as connector:
        counts = plan_restore(source, connector)
    assert (counts.create, counts.skip, counts.cannot) == (len(source.held), 0, [])
    restored = run_restore(source, connect, journal)
    assert restored.differences == []
    assert (restored.create, restored.restored) == (len(source.held), len(source.held))
    wanted = [(one.folder, one.sha256.hex(), one.flags, int(one.received.timestamp())) for one in source.held]
    assert held(connect) == sorted([*before, *wanted], key=repr)
    again = run_restore(source, connect, MemoryJournal())
    assert (again.create, again.skip) == (0, len(source.held))
    with closing(connect()) as connector:
        assert undo_restore(source, connector, journal).removed == len(source.held)
    assert held(connect) == before


def test_e6_on_dovecot_a_killed_restore_is_gone_on_with(source: MemorySource, connect: Callable[[], Connector]) -> None:
    before, journal, left = held(connect), MemoryJournal(), [70]

    class Killed(BaseException):
        pass

    class Mortal:
        def __init__(self) -> None:
            self._inner = connect()

        def __getattr__(self, name: str) -> object:
            return getattr(self._inner, name)

        def create(self, folder: Folder, item: NewItem) -> Created:
            created = self._inner.create(folder, item)
            left[0] -= 1
            if left[0] == 0:
                raise Killed  # the server has it, the journal does not know
            return created

    with pytest.raises(Killed):
        run_restore(source, Mortal, journal)  # type: ignore[arg-type]
    assert any(line.state == "intended" for line in journal.lines())
    restored = run_restore(source, connect, journal)
    assert (restored.create, restored.differences) == (len(source.held), [])
    assert len(held(connect)) == len(before) + len(source.held)
    with closing(connect()) as connector:
        assert undo_restore(source, connector, journal).removed == len(source.held)
    assert held(connect) == before
