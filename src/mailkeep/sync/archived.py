"""Our side of a mailbox, and what its last run left to be done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from mailkeep.archive.events import Head, RunStamp
from mailkeep.archive.repository import Repository
from mailkeep.sync.ports import Known, Projection


@dataclass(frozen=True)
class Archive:
    """A mailbox's chain, what the catalog knows of it, and where the catalog takes what is new. One run's long."""

    mailbox: str
    repository: Repository
    known: Known
    projection: Projection
    began: Head  # the chain's head when the run began

    @cached_property
    def cut_short(self) -> Mapping[int, datetime]:
        """The entries of runs that did not go to their end, after the last that did: number → when it was written."""
        completed = self.known.completed()
        if completed >= self.began.number:
            return {}
        entries = self.repository.history(self.mailbox).read(completed)
        return {entry.number: entry.time for entry, _ in entries if entry.number <= self.began.number}

    def last_was_complete(self) -> bool:
        last = self._last_stamp
        return last is None or last.complete

    def same_task_as_last(self, now: RunStamp) -> bool:
        """And that run went to its end: one cut short under these options has not judged everything by them."""
        last = self._last_stamp
        return last is not None and last.complete and (last.task, last.revision) == (now.task, now.revision)

    @cached_property
    def _last_stamp(self) -> RunStamp | None:
        """Of the newest entry when this run began; None before the first."""
        if not self.began.number:
            return None
        return next((entry.run for entry, _ in self.repository.history(self.mailbox).read(self.began.number - 1)), None)
