"""A bad Exchange neither corrupts nor stalls us: every kind of fault, five seeds each, the engine against the simulator.
Passing faults besides aimed at each operation that reads, of which a run does some seldom: two seeds each.

Each scenario: a mailbox of five kinds is archived; life goes on; then the fault, while it is synchronised again, and at the
same time the mailbox next door. Then the server is good again. Asserted every time: the archive equals the server, bit for
bit where the server keeps bits, with every attachment, every changed occurrence and the native stream of every item; no
request went out inside a back-off; next door nobody waited.

Time is a clock that a wait moves on, the same for server and client: no second of it is really slept.
"""

from __future__ import annotations

import hashlib
import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mailkeep.archive.events import RunStamp
from mailkeep.archive.memory_index import MemoryIndex
from mailkeep.archive.repository import Repository
from mailkeep.connectors.base import Connector, Endpoint
from mailkeep.connectors.ews.backoff import BackOff
from mailkeep.connectors.ews.opening import Opening
from mailkeep.connectors.ews.provider import EwsProvider
from mailkeep.connectors.throttle import Throttled
from mailkeep.mail.items import Kind
from mailkeep.mail.parse import parse
from mailkeep.simulator.crowd import crowd, draw_series
from mailkeep.simulator.ews import export_form, ids
from mailkeep.simulator.ews.fault_kinds import KINDS
from mailkeep.simulator.ews.faults import Fault
from mailkeep.simulator.ews.messages import attachment_content as file_content
from mailkeep.simulator.ews.server import ExchangeServer, Settings
from mailkeep.simulator.exchange.mailbox import Mailbox
from mailkeep.simulator.exchange.organisation import Organisation
from mailkeep.simulator.exchange.values import Item, Occurrence
from mailkeep.simulator.inhabit_exchange import add
from mailkeep.simulator.people import COLLEAGUES
from mailkeep.store.memory import MemoryStore
from mailkeep.sync.memory import MemoryCatalog, Shown
from mailkeep.sync.ports import RunResult
from mailkeep.sync.run import synchronise
from mailkeep.tasks.options import TaskOptions

ANNA, BEN = "anna@fault.example", "ben@fault.example"
SERVICE, PASSWORD = "FAULT\\svc", "a made-up password"
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
SEEDS = range(1, 6)
ITEMS = 12
SERIES = 2  # with changed occurrences and files; and one more while life goes on
ROUNDS_MAX = 4  # with the fault there; and again as many until all is level
OPTIONS = TaskOptions(kinds=frozenset(Kind), sensitive=True)

# What a run under the fault says, where the fault lasts until a person mends it, or the server's wait is a long one.
SAYS = {
    "throttled_huge": "throttled",
    "busy_long": "throttled",
    "login_page": "forms_login_page",
    "mailbox_disabled": "mailbox_not_found",
    "account_disabled": "account_disabled",
    "password_changed": "auth_failed",
    "impersonation_revoked": "impersonation_denied",
    "access_denied": "access_denied",
    "certificate_expired": "tls_untrusted",
    "certificate_other_name": "tls_untrusted",
    "certificate_untrusted": "tls_untrusted",
}
LASTING = frozenset({"login_page", "throttled_huge", "busy_long"})  # struck as often as asked, here
WITH_TLS = frozenset(kind for kind in KINDS if kind.startswith("certificate_"))
LEAVES_OUT = {"item_too_large": "item_too_large", "item_corrupt": "unreadable", "poisoned_item": "unreadable",
               "poisoned_page": "unreadable"}  # fmt: skip
CONTENT_OF_ITS_OWN = frozenset({"regenerated", "mime_conversion_failed"})
NEVER_MET = frozenset({"token_revoked", "move_stamps"})  # nobody here signs in by token, or moves by EWS: no scenario
QUICK = {"silence": 0.4, "slow_start": 0.2, "slow_drip": 0.2}  # seconds that really pass
WITHOUT_STREAMS = frozenset(
    {"no_export", "export_refused", "item_too_large"}
)  # ExportItems is struck too, until mended
PASSING = ("busy_short", "dropped", "internal_fault", "transient_fault", "truncated")
OPERATIONS = ("ExportItems", "FindFolder", "GetAttachment", "GetFolder", "GetItem", "SyncFolderItems")
SEVERAL = frozenset({"GetAttachment", "GetFolder", "GetItem", "SyncFolderItems"})  # more than one of them in every run


@dataclass(frozen=True)
class Scenario:
    kind: str
    seed: int
    operation: str = ""  # "": any that the kind concerns

    def __str__(self) -> str:
        return "-".join(filter(None, (self.kind, self.operation, str(self.seed))))


SCENARIOS = [Scenario(kind, seed) for kind in sorted(KINDS.keys() - NEVER_MET) for seed in SEEDS] + [
    Scenario(kind, 1 + (number + step) % len(SEEDS), operation)
    for number, kind in enumerate(PASSING)
    for operation in OPERATIONS
    for step in range(2)
]


class Clock:
    """Monotonic seconds that a wait moves on."""

    def __init__(self) -> None:
        self._ahead = 0.0
        self._lock = threading.Lock()

    def __call__(self) -> float:
        with self._lock:
            return time.monotonic() + self._ahead

    def wait(self, seconds: float) -> None:
        with self._lock:
            self._ahead += seconds


@dataclass
class Archived:
    """One mailbox's side of ours."""

    provider: EwsProvider
    endpoint: Endpoint
    address: str
    wait: Callable[[float], None]
    repository: Repository
    catalog: MemoryCatalog = field(default_factory=MemoryCatalog)
    runs: int = 0

    def connect(self) -> Connector:
        return Throttled(lambda: self.provider.open(self.endpoint, self.address), sleep=self.wait)

    def run(self, staging: Path) -> RunResult:
        self.runs += 1
        mailbox = hashlib.md5(self.address.encode(), usedforsecurity=False).hexdigest()
        stamp = RunStamp(f"{self.runs:032x}", "b" * 32, 1, False)
        return synchronise(
            mailbox=mailbox, connect=self.connect, repository=self.repository, known=self.catalog,
            projection=self.catalog, options=OPTIONS, stamp=stamp, staging=staging,
        )  # fmt: skip


@dataclass
class World:
    organisation: Organisation
    server: ExchangeServer
    clock: Clock
    waits_next_door: list[float]
    anna: Archived
    ben: Archived
    staging: Path
    remade: set[str] = field(default_factory=set)  # ids of items whose bytes were not the server's own when they came

    def mailbox(self, address: str) -> Mailbox:
        found = self.organisation.mailbox(address)
        assert found is not None
        return found


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """By seed, an organisation's file with two mailboxes of five kinds: made once, copied for every scenario."""
    made = {}
    for seed in SEEDS:
        path = tmp_path_factory.mktemp("organisation") / f"{seed}.sqlite"
        with Organisation(path, clock=Ticking(), seed=seed, domain="fault.example") as organisation:
            organisation.add_account(SERVICE, PASSWORD, impersonates=True)
            for address in (ANNA, BEN):
                mailbox = organisation.add_mailbox(address, address.partition("@")[0].title())
                _fill(mailbox, seed, ITEMS)
        made[seed] = path
    return made


class Ticking:
    """The organisation's clock: a second further at each look, so that no two changes share one."""

    def __init__(self) -> None:
        self._seconds = 0

    def __call__(self) -> datetime:
        self._seconds += 1
        return datetime.fromtimestamp(NOW.timestamp() + self._seconds, UTC)


@pytest.fixture
def world(request: pytest.FixtureRequest, furnished: dict[int, Path], tmp_path: Path) -> Iterator[World]:
    kind, seed = request.param.kind, request.param.seed
    path = tmp_path / "organisation.sqlite"
    path.write_bytes(furnished[seed].read_bytes())
    clock, waits = Clock(), []
    tls = kind in WITH_TLS
    with (
        Organisation(path, clock=Ticking(), seed=seed) as organisation,
        ExchangeServer(organisation, Settings(tls=tls), clock=clock) as server,
    ):
        endpoint = Endpoint(
            kind="exchange", host="localhost", port=server.port, tls="implicit" if tls else "none",
            ca_pem=server.authority if tls else "", user=SERVICE, password=PASSWORD, impersonate=True,
        )  # fmt: skip
        provider = EwsProvider(Opening(BackOff(clock), answer_seconds_max=0.3 if kind == "silence" else 20))
        repository = Repository.create(MemoryStore(), MemoryIndex(), tmp_path / "key")

        def next_door(seconds: float) -> None:
            waits.append(seconds)
            clock.wait(seconds)

        anna = Archived(provider, endpoint, ANNA, clock.wait, repository)
        ben = Archived(provider, endpoint, BEN, next_door, repository)
        yield World(organisation, server, clock, waits, anna, ben, tmp_path)
        assert server.recorder.errors == []
    anna.catalog.close()
    ben.catalog.close()


def _fill(mailbox: Mailbox, seed: int, count: int) -> None:
    own = mailbox.add_folder(mailbox.well_known("inbox"), "Of her own")
    for number, (name, bundle) in enumerate(crowd(seed, count, NOW, size_max=20_000)):
        folder = own if name == "inbox" and number % 3 == 0 else mailbox.well_known(name)
        add(mailbox, folder, bundle)
    rng = random.Random(f"series {mailbox.address} {seed}")
    for _ in range(SERIES):
        add(mailbox, mailbox.well_known("calendar"), draw_series(rng, rng.choice(COLLEAGUES), NOW))


def _live(mailbox: Mailbox, rng: random.Random) -> None:
    """Some of everything: new, read, changed, moved, deleted."""
    inbox, trash = mailbox.well_known("inbox"), mailbox.well_known("deleteditems")
    held = list(mailbox.items(inbox))
    for item in rng.sample(held, min(4, len(held))):
        match rng.randrange(4):
            case 0:
                mailbox.mark_read(item, not item.read)
            case 1:
                mailbox.move(item, trash)
            case 2:
                mailbox.delete(item, "hard")
            case _:
                item.properties["Subject"] = f"Changed {rng.random()}"
                mailbox.save(item)
    for name, bundle in crowd(rng.randrange(10**6), 8, NOW, size_max=20_000):
        add(mailbox, mailbox.well_known(name), bundle)
    add(mailbox, mailbox.well_known("calendar"), draw_series(rng, rng.choice(COLLEAGUES), NOW))


@pytest.mark.parametrize("world", SCENARIOS, indirect=True, ids=str)
def test_it_converges(world: World, request: pytest.FixtureRequest) -> None:
    scenario = request.node.callspec.params["world"]
    kind, seed = scenario.kind, scenario.seed
    rng = random.Random(f"{kind} {seed}")
    needs_a_state = kind.startswith("sync_state") or kind == "mailbox_moved"
    first_time = rng.random() < 0.3 and not needs_a_state  # else the fault meets a mailbox that is archived already
    if not first_time:
        assert world.anna.run(world.staging).result == "ok"
        _live(world.mailbox(ANNA), rng)
    certificate = kind in WITH_TLS
    times = 10_000 if kind in LASTING else None
    world.server.faults.add(
        Fault(kind, mailbox="" if certificate else ANNA, operation=scenario.operation, seed=seed,
              seconds=QUICK.get(kind), times=times, after=_after(scenario, rng))
    )  # fmt: skip
    during = _beside(world, certificate)
    if kind in SAYS:
        assert {result.code for result in during} == {SAYS[kind]}
    if kind in LEAVES_OUT:
        reasons = {reason for line in during[-1].ledger for reason in line.left_out}
        assert reasons <= {LEAVES_OUT[kind]}
        assert during[-1].result != "error"
    assert world.server.faults.struck
    if scenario.operation:
        assert {operation for _, _, operation in world.server.faults.struck} == {scenario.operation}
    world.server.faults.clear()
    _wait_out(world, during[-1])
    last = _until_level(world)
    assert last.result == "ok", last
    assert not [line for line in last.ledger if line.left_out or line.pending]
    if kind in CONTENT_OF_ITS_OWN:
        _check_remade(world, kind)
    _assert_equal(world, ANNA, world.anna, streams=kind not in WITHOUT_STREAMS)
    assert world.server.watch.broken == []


def _after(scenario: Scenario, rng: random.Random) -> int:
    """How many fitting requests go well first."""
    if scenario.kind in WITH_TLS or scenario.kind in SAYS:
        return 0
    if scenario.operation:
        return rng.randrange(2) if scenario.operation in SEVERAL else 0
    return rng.randrange(3)


def _beside(world: World, alone: bool) -> list[RunResult]:
    """Runs of hers while the fault is there, until one is well; his at the same time."""
    results: list[RunResult] = []
    outcome: list[RunResult] = []
    neighbour = threading.Thread(target=lambda: outcome.append(world.ben.run(world.staging)))
    if not alone:
        neighbour.start()
    for _ in range(ROUNDS_MAX):
        results.append(world.anna.run(world.staging))
        if results[-1].result == "ok" or results[-1].code in SAYS.values():
            break
        _wait_out(world, results[-1])
    if not alone:
        neighbour.join(60)
        assert outcome
        assert outcome[0].result == "ok", outcome[0]
        assert world.waits_next_door == []
        _assert_equal(world, BEN, world.ben)
    return results


def _wait_out(world: World, result: RunResult) -> None:
    """As the dispatcher does: not before the server's own word."""
    world.clock.wait(max(result.retry_seconds or 0.0, 300.0) + 1)


def _until_level(world: World) -> RunResult:
    """The server is good again: at most two more runs, but that an item's earlier refusal has it tried again."""
    for _ in range(ROUNDS_MAX):
        last = world.anna.run(world.staging)
        if last.result == "ok" and not any(line.left_out or line.pending for line in last.ledger):
            break
        if last.shrink is not None:
            world.anna.catalog.confirmed = True
    return last


def _check_remade(world: World, kind: str) -> None:
    """MIME made anew says the same; an item that could not be had as MIME is archived as its properties, and is whole."""
    mailbox, repository = world.mailbox(ANNA), world.anna.repository
    for folder in mailbox.folders(mailbox.well_known("msgfolderroot")):
        for item in mailbox.items(folder):
            id_ = ids.item_id(item)[0]
            (held,) = (items[id_] for items in world.anna.catalog.view().values() if id_ in items)
            if not item.mime or held.sha256 == hashlib.sha256(item.mime).digest():
                continue
            world.remade.add(id_)
            content = bytes(repository.read(held.content))
            if kind == "regenerated":
                was, is_ = parse(item.mime), parse(content)
                assert (was.subject, was.sender, was.to, was.message_id) == (
                    is_.subject, is_.sender, is_.to, is_.message_id)  # fmt: skip
                assert "".join((was.text or "").split()) == "".join((is_.text or "").split())
                assert sorted((one.name, one.size) for one in was.attachments) == sorted(
                    (one.name, one.size) for one in is_.attachments)  # fmt: skip
            else:
                words = "".join((parse(item.mime).text or "").split())
                assert words
                assert words in "".join(content.decode().replace("&#xD;", "").replace("&#13;", "").split())
                kept = {part.sha256 for part in held.native}
                assert {_sha256(file_content(item.mime, file)) for file in mailbox.attachments(item)} <= kept
                assert {part.name for part in held.native} >= {"ews.properties", "ews.export"}
    assert world.remade or kind != "regenerated"  # the one item that was not to be had may be no mail


def _assert_equal(world: World, address: str, archived: Archived, *, streams: bool = True) -> None:
    """The archive's live view is the server's: places, ids, flags, the bytes of mail, and every part of every item."""
    mailbox = world.mailbox(address)
    top = mailbox.well_known("msgfolderroot")
    names: dict[int, tuple[str, ...]] = {top.id: ()}
    truth: dict[tuple[str, ...], dict[str, Item]] = {}
    for folder in mailbox.folders(top):
        assert folder.parent is not None
        names[folder.id] = (*names[folder.parent], folder.name)
        truth[names[folder.id]] = {ids.item_id(item)[0]: item for item in mailbox.items(folder)}
    shown = archived.catalog.view()
    assert {path: set(items) for path, items in shown.items() if items} == {
        path: set(items) for path, items in truth.items() if items
    }
    for path, items in truth.items():
        for id_, item in items.items():
            held = shown[path][id_]
            assert not held.left_out
            if item.element == "Message":  # nothing else is read or unread
                assert ("seen" in held.ref.flags) == item.read, (path, held.number)
            if item.mime and id_ not in world.remade:
                assert held.sha256 == hashlib.sha256(item.mime).digest(), (path, held.number)
            assert archived.repository.read(held.content)
            _assert_parts(mailbox, item, held, archived.repository, remade=id_ in world.remade, streams=streams)


def _assert_parts(
    mailbox: Mailbox, item: Item, held: Shown, repository: Repository, *, remade: bool, streams: bool
) -> None:
    parts = {part.name: part for part in held.native}
    assert len(parts) == len(held.native)
    files, occurrences = _details(mailbox, item)
    named = {"ews.properties", *files, *occurrences} | ({"ews.export"} if streams else set())
    if remade:
        assert set(parts) >= named
    else:
        assert set(parts) | {"ews.export"} == named | {"ews.export"}, (item.element, held.number)
        assert set(parts) >= named, (item.element, held.number)
    for name, content in files.items():
        assert parts[name].sha256 == _sha256(content), (name, held.number)
    for name, changed in occurrences.items():
        told = bytes(repository.read(parts[name].blob)).decode()
        assert all(changed.properties[each] in told for each in ("Start", "Location") if each in changed.properties)
    if "ews.export" in parts:
        stream = bytes(repository.read(parts["ews.export"].blob))
        whole = export_form.Exported(item, mailbox.attachments(item), *mailbox.occurrences(item))
        was, is_ = export_form.read(export_form.written(whole)), export_form.read(stream)
        was.item.read = is_.item.read  # which alone is told by a mark, without another fetch
        assert was == is_, (item.element, held.number)


def _details(mailbox: Mailbox, item: Item) -> tuple[dict[str, bytes], dict[str, Occurrence]]:
    """What parts besides its properties and its stream the item has: files by their bytes, changed occurrences."""
    if item.element == "Message":  # whose MIME holds its attachments
        return {}, {}
    own = mailbox.attachments(item)
    files = {f"ews.attachment.{number}": file.content for number, file in enumerate(own)}
    occurrences = {}
    for number, changed in enumerate(mailbox.occurrences(item)[0]):
        occurrences[f"ews.occurrence.{number}"] = changed
        for place, file in enumerate(own if changed.attachments is None else changed.attachments):
            files[f"ews.occurrence.{number}.attachment.{place}"] = file.content
    return files, occurrences


def _sha256(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()
