"""One synchronisation of one mailbox: list, settle, fetch, record. ARCHITECTURE "How one message flows, one way".

    folders ─► unchanged? ─► list ─► settle ─► fetch ─► record ─► does the ledger add up? ─► finish
                              ▲                                     │ no: those folders once more
                              └─────────────────────────────────────┘

The first synchronisation knows that everything is an addition: it fetches each folder as soon as it is listed.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path

from mailkeep.archive.events import RunStamp
from mailkeep.archive.history import Fenced
from mailkeep.archive.repository import Repository
from mailkeep.connectors.base import Connector
from mailkeep.errors import MailkeepError
from mailkeep.mail.items import Section
from mailkeep.progress import Report, silent
from mailkeep.sync import outcome
from mailkeep.sync.archived import Archive
from mailkeep.sync.budget import LARGE_ITEMS
from mailkeep.sync.fetching import Arrival, Intake, Loans, fetch_folder
from mailkeep.sync.first import FirstPass
from mailkeep.sync.folders import Branch, Treatment, Tree, plan_tree
from mailkeep.sync.ledger import Tally, differing, line
from mailkeep.sync.limits import DEFAULT_LIMITS, Limits
from mailkeep.sync.listing import Heard, list_folders, sighting_key
from mailkeep.sync.outcome import Ending
from mailkeep.sync.plan import Fetch, Sighting, judge_by
from mailkeep.sync.ports import Known, KnownItem, LeaseLost, LedgerLine, Projection, RunResult
from mailkeep.sync.pulse import Pulse
from mailkeep.sync.recording import Recorder
from mailkeep.sync.refused import Refused, counted, raise_if_none_opens
from mailkeep.sync.session import Session
from mailkeep.sync.settle import Settled, Settlement
from mailkeep.sync.shrink import is_shrink
from mailkeep.sync.staging import Sorter, chunked
from mailkeep.sync.words import presentable_folder
from mailkeep.tasks.options import SECTION_LABELS, TaskOptions

_log = logging.getLogger(__name__)


def synchronise(
    *,
    mailbox: str,
    connect: Callable[[], Connector],
    repository: Repository,
    known: Known,
    projection: Projection,
    options: TaskOptions,
    stamp: RunStamp,
    limits: Limits = DEFAULT_LIMITS,
    report: Report = silent,
    staging: Path | None = None,
) -> RunResult:
    """Bring the archive of a mailbox level with its server, and say how it went, as `projection.finish` is told too.

    The caller has caught `known` up with the mailbox's history. `staging`: a folder on disk for what does not fit into
    memory (None: the system's temporary one); what a run puts there goes when it ends. Raises no `MailkeepError`. A run
    whose lease was taken away, or that met another writer in the history, ends without finishing: the other finishes.
    """
    archive = Archive(mailbox, repository, known, projection, known.head())
    with tempfile.TemporaryDirectory(prefix="mailkeep-sync-", dir=staging) as directory:
        run = Run(archive, connect, options, stamp, limits, report, Path(directory))
        try:
            return run.to_the_end()
        except (LeaseLost, Fenced) as error:
            _log.warning("synchronisation of %s ends: %s", mailbox, error.message)
            return RunResult("error", error.code, error.message, error.hint)
        finally:
            run.close()


class Run:
    """What one synchronisation holds while it goes on. `to_the_end` is the story."""

    def __init__(
        self,
        archive: Archive,
        connect: Callable[[], Connector],
        options: TaskOptions,
        stamp: RunStamp,
        limits: Limits,
        report: Report,
        directory: Path,
    ) -> None:
        known, projection = archive.known, archive.projection
        self._archive = archive
        self._options = options
        self._stamp = stamp
        self._limits = limits
        self._directory = directory
        self._judge = judge_by(options, limits.item_bytes)
        self._pulse = Pulse(projection, report)
        self._connect = connect
        self._session = Session(connect, self._pulse.beat)
        self._sessions = [self._session]
        self._loans = Loans(LARGE_ITEMS, self._session.check)
        self._held = known.ledger()
        self._tally = Tally(self._held)
        self._recorder = Recorder(archive.mailbox, archive.repository, known, projection, stamp, limits, self._tally)
        self._intake = Intake(self._recorder, limits, self._loans, self._vanish)
        self._since = known.checkpoints()
        self._branches: dict[int, Branch] = {}
        self._heard: dict[int, Heard] = {}
        self._refused: dict[int, Refused] = {}  # folders that the server would not give
        self._closed: dict[Section, str] = {}  # sections that it would not show
        self._counts: dict[int, int] = {}  # on the server, by folder number
        self._unexplained: set[int] = set()
        self._withheld: set[int] = set()  # folders whose removals wait for a person
        self._shrink: tuple[int, int] | None = None

    def close(self) -> None:
        """However it ended, nothing stays open: no session, no loan, no pack half written."""
        for session in self._sessions:
            session.stop()
        self._recorder.abort()
        for session in self._sessions:
            session.close()
        self._loans.close()

    def to_the_end(self) -> RunResult:
        """Raises LeaseLost and Fenced alone; anything else becomes a result."""
        checkpoints: dict[str, bytes] | None = None
        lines: list[LedgerLine] = []
        try:
            self._synchronise()
            checkpoints, lines = self._checkpoints(), self._lines()
            self._complete(checkpoints)
            ending = self._ending(lines)
        except (LeaseLost, Fenced):
            raise
        except MailkeepError as error:
            ending = outcome.of_error(error)
            checkpoints = None
            self._keep_what_is_done(error)
        except Exception as error:  # noqa: BLE001 - one mailbox must not stop the worker; logged with its traceback
            _log.exception("synchronisation of %s failed", self._archive.mailbox)
            ending, checkpoints = outcome.of_fault(error), None
            self._recorder.abort()
        requests = sum(session.requests() for session in self._sessions)
        result = outcome.result_of(ending, self._tally, lines, requests, self._shrink)
        self._archive.projection.finish(result, checkpoints)
        return result

    def _synchronise(self) -> None:
        self._pulse.enter("listing")
        tree = self._plan_tree()
        self._recorder.put_folders(tree.puts)
        to_list = self._ask_what_changed()
        if self._tally.known == 0:
            self._first(to_list)
        else:
            self._round(to_list, self._since, self._branches)
        self._record_gone(tree)
        self._once_more()

    # --- folders ---------------------------------------------------------------------------------------------------

    def _plan_tree(self) -> Tree:
        shown, self._closed = self._session.call(
            lambda connector: (connector.folders(), dict(connector.closed_sections))
        )
        shown = [presentable_folder(folder) for folder in shown]
        known, next_number = self._archive.known.folders(), self._recorder.next_folder
        tree = plan_tree(shown, known, self._held, self._options, next_number, self._closed)
        self._branches = tree.by_number()
        return tree

    def _ask_what_changed(self) -> list[Branch]:
        """The folders to list. Those that have not changed cost nothing more; those whose kind is off are counted."""
        listed = self._treated(Treatment.LISTED)
        since = {each.folder.id: self._since[each.folder.id] for each in listed if each.folder.id in self._since}
        unchanged = self._session.call(lambda connector: connector.unchanged(since)) if since else {}
        for branch in listed:
            if branch.folder.id in unchanged:
                self._counts[branch.number] = unchanged[branch.folder.id]
        for branch in self._treated(Treatment.COUNTED):
            self._count(branch)
        return [branch for branch in listed if branch.folder.id not in unchanged]

    def _count(self, branch: Branch) -> None:
        count = self._session.call(lambda connector: counted(connector, branch))
        if isinstance(count, Refused):
            self._refused[branch.number] = count
        elif count is not None:
            self._counts[branch.number] = count

    def _treated(self, treatment: Treatment) -> list[Branch]:
        return [branch for branch in self._branches.values() if branch.treatment is treatment]

    def _record_gone(self, tree: Tree) -> None:
        self._recorder.folders_gone(number for number in tree.gone if number not in self._withheld)

    # --- the first synchronisation ---------------------------------------------------------------------------------

    def _first(self, branches: Sequence[Branch]) -> None:
        """Nothing is known: everything is an addition, and fetched while the listing goes on in a session of its own."""
        lister = Session(self._connect, self._session.check)
        try:
            lister.call(lambda _: None)
        except MailkeepError as error:  # a server may allow one session only
            _log.info("%s is listed before it is fetched: %s", self._archive.mailbox, error.message)
            lister.close()
            self._round(branches, {}, self._branches)
            return
        self._sessions.append(lister)
        self._pulse.enter("fetching")
        first = FirstPass(lister, branches, self._judge, self._directory, self._limits, self._loans)
        self._take(lambda connector: first.arrivals(connector, self._listed, self._pulse.expect))
        lister.close()
        self._hear(first.heard)
        if len(first.late):
            self._recorder.commit()
            self._settle(first.late, {}, self._branches, ())

    def _settle(
        self,
        sightings: Sorter[Sighting],
        heard: Mapping[int, Heard],
        branches: Mapping[int, Branch],
        left_out: Iterable[KnownItem],
    ) -> None:
        known, beat, cut = self._archive.known, self._pulse.beat, self._archive.cut_short
        branches = {number: branch for number, branch in branches.items() if number not in self._refused}
        settlement = Settlement(branches, known, self._judge, self._session, self._directory, self._limits, beat, cut)
        settled = settlement.settle(sightings, heard, left_out)
        self._unexplained = settled.unexplained
        self._fetch(settled)
        self._record(settled)

    # --- every other -----------------------------------------------------------------------------------------------

    def _round(self, to_list: Sequence[Branch], since: Mapping[str, bytes], branches: Mapping[int, Branch]) -> None:
        """List these folders, settle all of `branches`, and record what follows."""
        self._pulse.enter("listing")
        sightings: Sorter[Sighting] = Sorter(self._directory, Sighting, sighting_key, self._limits)
        words = self._limits.word_characters
        heard = self._session.call(
            lambda connector: list_folders(connector, to_list, since, sightings, words, self._listed)
        )
        read = self._hear(heard)
        self._settle(sightings, read, branches, self._left_out())

    def _left_out(self) -> Iterable[KnownItem]:
        """Items to judge again: failing ones always, the task's own choices when the task is another than last time."""
        reasons = {reason for count in self._held.values() for reason in count.left_out}
        if not reasons or (reasons <= outcome.ADMISSION_REASONS and self._archive.same_task_as_last(self._stamp)):
            return ()
        return self._archive.known.left_out()

    def _fetch(self, settled: Settled) -> None:
        if len(settled.fetches):
            self._pulse.enter("fetching", len(settled.fetches))
            self._take(lambda connector: self._fetch_all(connector, settled.fetches))

    def _fetch_all(self, connector: Connector, fetches: Iterable[Fetch]) -> Iterator[tuple[Arrival, int]]:
        for number, group in groupby(fetches, key=lambda fetch: fetch.folder):
            yield from fetch_folder(connector, self._branches[number].folder, group, self._limits, self._loans)

    def _record(self, settled: Settled) -> None:
        self._pulse.enter("recording")
        for chunk in chunked(settled.left_out, self._limits.group_items):
            self._recorder.leave_out(chunk)
            self._pulse.beat()
        for move in settled.moves:
            self._recorder.move(move)
            self._pulse.beat()
        for reflag in settled.reflags:
            self._recorder.reflag(reflag)
            self._pulse.beat()
        for removal in settled.removals if self._may_remove(settled) else ():
            self._recorder.remove(removal)
            self._pulse.beat()

    def _may_remove(self, settled: Settled) -> bool:
        """SPEC C3. Withheld removals keep their folders' checkpoints, so that the next run meets them again."""
        gone = self._tally.removed + len(settled.removals)
        if not is_shrink(gone, self._tally.known, self._limits) or self._archive.projection.shrink_confirmed():
            return True
        self._shrink = (gone, self._tally.known)
        self._withheld |= {removal.before.folder for removal in settled.removals}
        return False

    # --- shared by both --------------------------------------------------------------------------------------------

    def _listed(self, count: int) -> None:
        """Told by the session's thread, every few hundred items."""
        self._session.check()
        self._tally.listed += count
        if self._pulse.phase == "listing":
            self._pulse.done += count

    def _hear(self, heard: Mapping[int, Heard | Refused]) -> dict[int, Heard]:
        """Note how listings ended; give back those that did. Raises where the server opens no folder at all."""
        read = {number: each for number, each in heard.items() if isinstance(each, Heard)}
        self._heard.update(read)
        self._counts.update({number: each.count for number, each in read.items()})
        for number, each in heard.items():
            if isinstance(each, Refused):
                self._refused[number] = each
                self._counts.pop(number, None)  # of an earlier listing: nothing follows from it any more
            else:
                self._refused.pop(number, None)
        raise_if_none_opens(self._treated(Treatment.LISTED) + self._treated(Treatment.COUNTED), self._refused)
        return read

    def _take(self, produce: Callable[[Connector], Iterable[tuple[Arrival, int]]]) -> None:
        for chunk in self._session.stream(produce, self._limits.stream_bytes):
            self._pulse.done += len(chunk)
            self._intake.take(chunk)
            self._pulse.bytes = self._tally.bytes
            self._pulse.beat()
        self._intake.flush()

    def _vanish(self, folder: int) -> None:
        self._tally.vanished[folder] += 1

    # --- does it add up? -------------------------------------------------------------------------------------------

    def _lines(self) -> list[LedgerLine]:
        counts, branches = sorted(self._counts.items()), self._branches
        return [line(self._tally, number, server, kind_on=branches[number].kind_on) for number, server in counts]

    def _once_more(self) -> None:
        """SPEC C6: folders that do not add up are listed again before anyone is warned.

        Where items vanished between listing and fetch, what changed since tells; else, or if that does not help, all.
        """
        for attempt in range(2):
            odd = {each.folder: each.pending for each in differing(self._lines())}
            odd |= {number: odd.get(number, 0) for number in self._unexplained}
            branches = {number: self._branches[number] for number in odd if number not in self._withheld}
            branches = {number: each for number, each in branches.items() if each.treatment is Treatment.LISTED}
            if not branches:
                return
            explained = {number for number in branches if not attempt and self._explained(number, odd[number])}
            since = {branches[number].folder.id: self._heard[number].checkpoint for number in explained}
            self._recorder.commit()
            self._tally.vanished.clear()
            self._round(list(branches.values()), since, branches)

    def _explained(self, number: int, pending: int) -> bool:
        """Items that vanished are all that is missing. What the checkpoint hides from us, no later checkpoint tells."""
        return number not in self._unexplained and self._tally.vanished[number] == pending

    # --- the end ---------------------------------------------------------------------------------------------------

    def _checkpoints(self) -> dict[str, bytes]:
        """Of every listed folder the newest; the old one where the run could not act on all it heard."""
        checkpoints = {}
        for number, branch in self._branches.items():
            heard = self._heard.get(number) if number not in self._refused else None
            if branch.treatment is Treatment.LISTED and heard and heard.trusted and number not in self._withheld:
                checkpoints[branch.folder.id] = heard.checkpoint
            elif self._keeps_checkpoint(branch):
                checkpoints[branch.folder.id] = self._since[branch.folder.id]
        return checkpoints

    def _keeps_checkpoint(self, branch: Branch) -> bool:
        """Not where a folder that would not open holds items left out by an earlier task: those are to be judged again."""
        if branch.treatment is Treatment.COUNTED or branch.folder.id not in self._since:
            return False
        held = self._held.get(branch.number)
        settled = branch.number not in self._refused or not (held and held.left_out)
        return settled or self._archive.same_task_as_last(self._stamp)

    def _complete(self, checkpoints: Mapping[str, bytes]) -> None:
        """A run without events writes no entry, unless an earlier one was cut short: its items await completion."""
        if self._recorder.has_events() or self._recorder.entries or not self._archive.last_was_complete():
            self._recorder.complete(checkpoints)

    def _keep_what_is_done(self, error: MailkeepError) -> None:
        """The server failed, not the archive: what had arrived is recorded, the checkpoint stays where it was."""
        if self._session.error is not error:
            self._recorder.abort()
            return
        try:
            self._intake.flush()
            self._recorder.commit()
        except (LeaseLost, Fenced):
            raise
        except MailkeepError as second:
            _log.warning("%s: what had arrived could not be recorded: %s", self._archive.mailbox, second.message)

    def _ending(self, lines: Sequence[LedgerLine]) -> Ending:
        if self._shrink is not None:
            return outcome.of_shrink(*self._shrink)
        names = {number: branch.name for number, branch in self._branches.items()}
        distrusted = [number for number, heard in self._heard.items() if not heard.trusted]
        refused = {SECTION_LABELS[section]: said for section, said in self._closed.items()}
        refused |= {names[number]: each.message for number, each in sorted(self._refused.items())}
        return outcome.of_lines(lines, names, distrusted, refused)
