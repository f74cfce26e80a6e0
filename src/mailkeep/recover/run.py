"""A restore: planned, journalled, created, read back, compared (SPEC E6).

    for each folder, for each chunk of its items
      1  match with what the target has          → actions (`survey`)
      2  journal the intent of each create
      3  create, journal the new ids             killed between these two: the next attempt finds the items and adopts them
      4  read back, compare property by property, journal the outcome

Nothing is ever overwritten or deleted. Running the same restore again creates nothing: everything is found. An interrupted one is
gone on with by running it with its journal; an item that was only intended is looked for before it is created again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from mailkeep.connectors.base import Connector, Created
from mailkeep.errors import GiveUp, MailkeepError, RetryNow
from mailkeep.mail.items import Folder, ItemRef, Kind
from mailkeep.progress import Progress, Report, silent
from mailkeep.recover.fidelity import MISSING, Compared, Held, differences
from mailkeep.recover.plan import Action, NotRestored, Step
from mailkeep.recover.ports import Difference, Journal, Line, Source, SourceItem
from mailkeep.recover.reading import Ways
from mailkeep.recover.survey import Survey
from mailkeep.recover.target import TargetFolder

CHUNK_BYTES = 32 << 20  # read back together
PROPERTIES_MAX = 1000  # that the report tells apart
ATTEMPTS = 4  # in a row without progress, when the line drops
_NOT_TAKEN = ("archived", "the server would not take it")  # of what `Created.cannot` names
_THIS_ITEM_ONLY = frozenset({"cannot_create", "item_too_large", "damaged", "not_found"})  # the others go on


@dataclass(slots=True)
class Tally:
    """Of one property of one kind of item: how often it came back as it was."""

    equal: int = 0
    differs: int = 0


@dataclass(slots=True)
class Restored:
    """What a restore did. `create` and `skip` are the plan's; `restored` those that came back as they were.

    `properties` counts what this run read back; what an interrupted run of the same restore had finished is not in it.
    """

    create: int = 0
    skip: int = 0
    restored: int = 0
    cannot: list[NotRestored] = field(default_factory=list)
    differences: list[tuple[int, Difference]] = field(default_factory=list)  # (item, what)
    properties: dict[tuple[Kind, str], Tally] = field(default_factory=dict)

    def tally(self, kind: Kind, compared: Iterable[Compared]) -> None:
        """One item more. What belongs to one property of it (each file, each changed occurrence) counts as one."""
        equal: dict[str, bool] = {}
        for one in compared:
            name = grouped(one.name)
            equal[name] = equal.get(name, True) and one.equal
        for name, so in equal.items():
            full = len(self.properties) >= PROPERTIES_MAX and (kind, name) not in self.properties
            found = self.properties.setdefault((kind, "others" if full else name), Tally())
            found.equal += so
            found.differs += not so


def grouped(name: str) -> str:
    """`Attachments` of `Attachments/plan.pdf`, `Occurrences/Subject` of `Occurrences/2026-03-01T09:00:00Z/Subject`."""
    parts = name.split("/")
    return parts[0] if len(parts) < 3 else f"{parts[0]}/{parts[-1]}"


def run_restore(
    source: Source,
    connect: Callable[[], Connector],
    journal: Journal,
    into: tuple[str, ...] = (),
    ways: Ways | None = None,
    *,
    total: int | None = None,
    report: Report = silent,
) -> Restored:
    """Put the items back. A dropped line is taken up again; other `MailkeepError`s end it, and the journal keeps its place."""
    attempts, progress, result = 0, -1, Restored()
    while True:
        connector = connect()
        try:
            survey = Survey(source, connector, into, ways or Ways(), _lines(journal), make=True)
            return _Attempt(survey, journal, total, report, result.properties).run()
        except RetryNow:
            done = sum(line.state not in ("intended", "undone") for line in journal.lines())
            attempts = 1 if done > progress else attempts + 1
            progress = max(done, progress)
            if attempts >= ATTEMPTS:
                raise
        finally:
            connector.close()


def _lines(journal: Journal) -> dict[int, Line]:
    return {line.item: line for line in journal.lines()}


def created_line(target: TargetFolder, action: Action, created: Created | None = None) -> Line:
    """`created` None: it was found there. What the server would not take is kept with it until it is read back."""
    made = created or Created(action.there)
    refused = tuple(Difference(name, *_NOT_TAKEN) for name in made.cannot)
    return Line(action.item.number, target.path, action.item.sha256, made.id, "created", differences=refused)


class _Attempt:
    """One go on one connection: takes up what the journal holds, and goes on to the end or an error."""

    def __init__(
        self,
        survey: Survey,
        journal: Journal,
        total: int | None,
        report: Report,
        properties: dict[tuple[Kind, str], Tally],
    ) -> None:
        self._survey = survey
        self._reading = survey.reading
        self._connector = survey.connector
        self._journal = journal
        self._total = total
        self._report = report
        self._undone = {line.item for line in survey.lines.values() if line.state == "undone"}
        self._result = _earlier(survey.lines.values(), properties)
        self._done, self._bytes = self._result.create, 0

    def run(self) -> Restored:
        for target, actions in self._survey.steps():
            for action in actions:
                if action.step is Step.CANNOT:
                    self._refuse(action, action.why)
                elif action.step is Step.SKIP and not action.ours:
                    self._result.skip += 1
            ours = [action for action in actions if action.ours]
            self._compare(target, self._journalled([(action, created_line(target, action)) for action in ours]))
            for batch in _batches([action for action in actions if action.step is Step.CREATE]):
                self._compare(target, self._create(target, batch))
            self._done += len(actions)
            self._report(Progress("restoring", self._done, self._total, self._bytes, "/".join(target.path)))
        return self._result

    def _create(self, target: TargetFolder, batch: list[Action]) -> list[tuple[Action, Line]]:
        """Create the batch. An item that the server or the archive refuses is told, and the others go on."""
        intents = [Line(action.item.number, target.path, action.item.sha256) for action in batch]
        if again := [line for line in intents if line.item in self._undone]:
            self._journal.update(again)
        self._journal.intend(intents)
        made: list[tuple[Action, Line]] = []
        try:
            for action in batch:
                created = self._create_one(target, action)
                if created is not None:
                    made.append((action, created_line(target, action, created)))
        except MailkeepError:
            self._journalled(made)
            raise
        return self._journalled(made)

    def _journalled(self, made: list[tuple[Action, Line]]) -> list[tuple[Action, Line]]:
        if made:
            self._journal.update([line for _, line in made])
        return made

    def _create_one(self, target: TargetFolder, action: Action) -> Created | None:
        """What was made, or None for an item that is refused by itself."""
        item = action.item
        try:
            created = self._connector.create(_there(target), self._reading.new_item(item))
        except GiveUp as error:
            if error.code not in _THIS_ITEM_ONLY:
                raise
            self._refuse(action, error.message)
            return None
        self._bytes += _bytes(item)
        return created

    def _compare(self, target: TargetFolder, created: list[tuple[Action, Line]]) -> None:
        """Read back and journal the outcome."""
        if not created:
            return
        open_ = dict(enumerate(created))
        outcomes: list[Line] = []
        for ref, held in target.read_back([(action.item, line.created_id) for action, line in created]):
            number = self._whose(ref, held, open_)
            if number is not None:
                action, line = open_.pop(number)
                self._survey.taken[target.path].add(ref.id)
                compared = _with_refused(self._reading.compare(action.item, ref, held), line)
                self._result.tally(action.item.kind, compared)
                outcomes.append(_outcome(line, ref, held, compared))
        outcomes += [replace(line, state="differs", differences=(MISSING,)) for _, line in open_.values()]
        self._journal.update(outcomes)
        _count(self._result, outcomes)

    def _whose(self, ref: ItemRef, held: Held, open_: dict[int, tuple[Action, Line]]) -> int | None:
        """Which created item came back: by its id, else by what it is where the server gave none."""
        by_id = next((number for number, (_, line) in open_.items() if line.created_id == ref.id), None)
        nameless = [(number, action.item) for number, (action, line) in open_.items() if not line.created_id]
        if by_id is not None or not nameless:
            return by_id
        print_ = self._reading.print_of(ref, held)
        return next((number for number, item in nameless if self._reading.same(item, print_)), None)

    def _refuse(self, action: Action, why: str) -> None:
        item = action.item
        self._result.cannot.append(NotRestored(item.number, action.folder, item.subject, why))


def _there(target: TargetFolder) -> Folder:
    if target.folder is None:
        raise GiveUp("folder_not_found", f"the folder {'/'.join(target.path)} could not be made", "make it by hand")
    return target.folder


def _with_refused(compared: tuple[Compared, ...], line: Line) -> tuple[Compared, ...]:
    """And what the server would not take, unless the comparison tells of that very property."""
    told = {grouped(one.name) for one in compared}
    refused = (one for one in line.differences if one.was == _NOT_TAKEN[0] and one.property not in told)
    return (*compared, *(Compared(one.property, one.was, one.is_) for one in refused))


def _outcome(line: Line, ref: ItemRef, held: Held, compared: tuple[Compared, ...]) -> Line:
    found = differences(compared)
    return replace(
        line,
        created_id=ref.id,
        state="differs" if found else "verified",
        stored_sha256=hashlib.sha256(held.content).digest(),
        differences=found,
        version=ref.version,
    )


def _count(result: Restored, outcomes: Iterable[Line]) -> None:
    for line in outcomes:
        result.create += 1
        result.restored += line.state == "verified"
        result.differences += [(line.item, one) for one in line.differences]


def _earlier(lines: Iterable[Line], properties: dict[tuple[Kind, str], Tally]) -> Restored:
    """What earlier attempts of this restore have finished."""
    result = Restored(properties=properties)
    _count(result, (line for line in lines if line.state in ("verified", "differs")))
    return result


def _batches(creates: list[Action]) -> Iterator[list[Action]]:
    """So many that reading them back holds a bounded number of bytes."""
    batch: list[Action] = []
    held = 0
    for action in creates:
        size = _bytes(action.item)
        if batch and held + size > CHUNK_BYTES:
            yield batch
            batch, held = [], 0
        batch.append(action)
        held += size
    if batch:
        yield batch


def _bytes(item: SourceItem) -> int:
    return item.size + sum(part.size for part in item.native)
