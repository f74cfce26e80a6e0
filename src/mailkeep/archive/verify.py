"""`verify` proves every byte of an archive, and names what any damage hits.

    packs      every seal opened, every blob's hash taken, every recipe followed to its end
    histories  every entry opened, every link checked, every blob it names looked for
    witness    every statement's signature
    heads      how far each chain goes, compared with the catalog's heads and the furthest that any statement says

A chain proves all but its own end: whoever removes the last entries leaves one that is shorter and sound. So the
verdict says with what the ends were compared, and what nothing vouched for. Memory is bounded by the number of packs
and mailboxes, and by the damage found.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from mailkeep.archive.chain import HISTORY_NAME, ORGANISATION, SEGMENT_NAME, Chain
from mailkeep.archive.damage import Damaged
from mailkeep.archive.events import Head
from mailkeep.archive.findings import Damage, Findings
from mailkeep.archive.repository import Repository
from mailkeep.archive.verify_histories import HistoryCheck
from mailkeep.archive.verify_packs import PackCheck
from mailkeep.archive.witness import Statement, kept
from mailkeep.progress import Progress, Report, silent

__all__ = ["Damage", "Verdict", "verify"]

_PHASES = {"packs": "verifying packs", "history": "verifying histories", "witness": "verifying statements"}


@dataclass(frozen=True, slots=True)
class Verdict:
    ok: bool
    checked_objects: int
    checked_bytes: int
    compared_with: list[str] = field(default_factory=list)  # "the catalog's heads (3 mailboxes)" …
    damaged: list[Damage] = field(default_factory=list)
    not_vouched: list[str] = field(default_factory=list)  # sentences: what nothing proves


def verify(
    repository: Repository,
    heads: Mapping[str, Head] | None,
    statement: Statement | None,
    report: Report = silent,
    witness_folder: Path | None = None,
) -> Verdict:
    """Read and prove the whole archive; damage is in the verdict, never raised.

    Raises RetryLater should the store go offline.

    `heads`: by mailbox, as the catalog has them. `statement`: one to compare with beside those that the store and
    `witness_folder` keep.
    """
    return _Verification(repository, heads or {}, statement, report, witness_folder).run(heads is not None)


class _Verification:
    """One run: counts, findings, and the order of the checks."""

    def __init__(
        self,
        repository: Repository,
        heads: Mapping[str, Head],
        statement: Statement | None,
        report: Report,
        witness_folder: Path | None,
    ) -> None:
        self._repository = repository
        self._heads = heads
        self._witness_folder = witness_folder
        self._statements: dict[datetime, Statement] = {}  # sound ones, by their time
        self._said: dict[
            str, dict[bytes, tuple[int, str]]
        ] = {}  # by chain, hash: the furthest number said, and by whom
        if statement is not None:
            self._hear(statement)
        self._report = report
        self._findings = Findings()
        self._objects = 0
        self._bytes = 0
        self._total = 0
        self._phase = ""

    def run(self, with_catalog: bool) -> Verdict:
        repository = self._repository
        self._total = sum(1 for info in repository.store.list("") if info.name.partition("/")[0] in _PLACES)
        self._check_statements()
        ends = self._ends()  # before the packs: whoever commits meanwhile puts packs first, then the entry
        repository.index_orphans()  # what a crash left complete is ours
        packs = self._check_packs()
        histories = HistoryCheck(repository, self._findings, packs.seen, self._read)
        reached = self._check_chains(histories, ends)
        histories.settle()
        self._check_format()
        damaged = self._findings.damages()
        compared = self._compared(with_catalog)
        not_vouched = self._not_vouched(with_catalog, reached)
        return Verdict(not damaged, self._objects, self._bytes, compared, damaged, not_vouched)

    def _check_packs(self) -> PackCheck:
        check = PackCheck(self._repository, self._findings, self._read)
        self._phase = _PHASES["packs"]
        for info in self._repository.store.list("packs/"):
            check.check(info.name)
            self._object()
        return check

    def _ends(self) -> dict[str, int]:
        """The last entry of every chain that is there or ought to be; what comes later is left to the next time."""
        names = set(self._heads).union(self._said, self._repository.mailboxes(), [ORGANISATION])
        return {name: max((last for _, last in self._chain(name).units()), default=0) for name in names}

    def _chain(self, name: str) -> Chain:
        repository = self._repository
        return repository.organisation().chain if name == ORGANISATION else repository.history(name).chain

    def _check_chains(self, check: HistoryCheck, ends: Mapping[str, int]) -> dict[str, Head]:
        """Every chain to its end. By chain, how far it goes."""
        self._phase = _PHASES["history"]
        self._check_names()
        for chain, end in sorted(ends.items()):
            wanted = self._wanted(chain)
            hashes = check.check(chain, set(wanted), end)
            for number, claims in wanted.items():
                for digest, source in claims:
                    self._compare(chain, number, digest, source, check.heads[chain], hashes.get(number))
        return check.heads

    def _wanted(self, chain: str) -> dict[int, list[tuple[bytes, str]]]:
        """What is claimed of a chain: by number, hashes and who claims them."""
        wanted: dict[int, list[tuple[bytes, str]]] = {}
        if (head := self._heads.get(chain)) is not None and head.number:
            wanted.setdefault(head.number, []).append((head.hash, "the catalog"))
        for digest, (number, source) in self._said.get(chain, {}).items():
            wanted.setdefault(number, []).append((digest, source))
        return wanted

    def _compare(self, chain: str, number: int, digest: bytes, source: str, end: Head, found: bytes | None) -> None:
        if found == digest:
            return
        name = f"history/{chain}/{number:012d}"
        if end.number < number:
            problem = f"rolled back: the history ends at entry {end.number}, {source} knows entry {number}"
        elif found is None:
            return  # damaged or missing itself: found and named by the walk
        else:
            problem = f"replaced: it is not the entry {number} that {source} knows"
        self._findings.hit(self._findings.note(name, problem), chain, f"entry {number}")

    def _check_names(self) -> None:
        """An object that is none of ours among the histories: something wrote there that should not."""
        for place, shape in (("history/", HISTORY_NAME), ("segments/", SEGMENT_NAME)):
            for info in self._repository.store.list(place):
                self._object()
                if not shape.fullmatch(info.name):
                    self._findings.note(info.name, "this is no name that Mailkeep gives")

    def _check_statements(self) -> None:
        self._phase = _PHASES["witness"]
        for info in self._repository.store.list("witness/"):
            self._read(info.size)
            self._object()
        for found in kept(self._repository, self._witness_folder):
            if isinstance(found, Damaged):
                self._findings.note(found.object, found.problem)
            else:
                self._hear(found)

    def _hear(self, statement: Statement) -> None:
        """Of each chain the furthest entry that any statement says: a later, shorter one takes nothing back."""
        self._statements[statement.time] = statement
        for chain, (number, digest) in statement.heads.items():
            said = self._said.setdefault(chain, {})
            if number > max((other for other, _ in said.values()), default=0):
                said.clear()
            if not said or number == next(iter(said.values()))[0]:
                said.setdefault(digest, (number, _source(statement)))

    def _check_format(self) -> None:
        try:
            self._read(self._repository.check_format())
        except Damaged as damage:
            self._findings.note(damage.object, damage.problem)
        self._object()

    def _compared(self, with_catalog: bool) -> list[str]:
        compared = [f"the catalog's heads ({_mailboxes(len(self._heads))})"] if with_catalog else []
        *earlier, latest = [None, *(self._statements[time] for time in sorted(self._statements))]
        if latest is not None:
            compared.append(_source(latest))
        if len(earlier) > 1:
            compared.append(f"{len(earlier) - 1} earlier signed statements")
        return compared

    def _not_vouched(self, with_catalog: bool, reached: Mapping[str, Head]) -> list[str]:
        if not with_catalog and not self._statements:
            return [
                "nothing was there to compare the ends of the histories with: entries removed at an end would not show"
            ]
        vouched = {chain: max(number for number, _ in said.values()) for chain, said in self._said.items() if said}
        late = sum(
            1
            for chain, head in reached.items()
            if head.number > max(vouched.get(chain, 0), self._heads[chain].number if chain in self._heads else 0)
        )
        return (
            [f"entries newer than what was compared with, in {late} of the histories, are vouched for by nothing else"]
            if late
            else []
        )

    def _read(self, size: int) -> None:
        self._bytes += size

    def _object(self) -> None:
        self._objects += 1
        self._report(Progress(self._phase, self._objects, self._total, self._bytes))


_PLACES = frozenset({"packs", "history", "segments", "witness", "format.json"})


def _source(statement: Statement) -> str:
    return f"the statement signed {statement.time:%Y-%m-%d %H:%M:%S} UTC in {statement.place}"


def _mailboxes(count: int) -> str:
    return "1 mailbox" if count == 1 else f"{count} mailboxes"
