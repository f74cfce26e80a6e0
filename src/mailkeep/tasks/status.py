"""The five statuses of a task (SPEC A3), derived and never stored.

    Disabled              the task has been stopped
    Failed                active; every present member has had its attempt, and every one is in error
    Enabled With Errors   active; at least one member is in error
    Enabled With Warning  active; at least one member has a warning, or the group is empty
    Enabled               active; nothing to report

The first that applies, read from above. A member without a result counts as neither. A connection that cannot sign in,
or a group that cannot be resolved, is a `fault` of the whole task: an error of every mailbox.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from mailkeep.tasks.causes import general_sentence


class Status(StrEnum):
    DISABLED = "Disabled"
    FAILED = "Failed"
    ERRORS = "Enabled With Errors"
    WARNING = "Enabled With Warning"
    ENABLED = "Enabled"


WORST_FIRST = (Status.FAILED, Status.ERRORS, Status.WARNING, Status.ENABLED, Status.DISABLED)
RUNNING, DELETING = "Running", "Deleting"
GROUP_EMPTY = "group_empty"


class Result(StrEnum):
    """A member's last result."""

    NONE = ""
    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class MemberResult:
    """The last result of one present member, or of `count` members that share it."""

    result: str = Result.NONE
    code: str = ""
    message: str = ""
    hint: str = ""
    since: datetime | None = None  # first time in a row with this code
    retry_at: datetime | None = None
    count: int = 1


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a status is not better: members in error or warning that share a code."""

    result: Result
    code: str
    count: int  # mailboxes
    message: str
    hint: str  # what to do
    since: datetime | None  # the earliest
    retry_at: datetime | None  # the next try of any of them


@dataclass(frozen=True, slots=True)
class TaskStatus:
    status: Status
    causes: tuple[Cause, ...]  # errors first, then the most mailboxes
    ok: int = 0
    warnings: int = 0
    errors: int = 0
    waiting: int = 0  # members without a result yet

    @property
    def mailboxes(self) -> int:
        return self.ok + self.warnings + self.errors + self.waiting


def status(active: bool, results: Iterable[MemberResult], fault: MemberResult | None = None) -> TaskStatus:
    """A pure function of the task's switch and its present members' last results.

    `fault` is an error of the whole task (its connection, its group); its `count` is not read.
    """
    members = [member for member in results if member.count > 0]
    if fault is not None:
        members = [_as_fault(fault, sum(member.count for member in members))]
    counts = {result: sum(m.count for m in members if Result(m.result) is result) for result in Result}
    return TaskStatus(
        status=_status(active, counts, failed=fault is not None),
        causes=_causes(members) or _empty_group(counts, faulty=fault is not None),
        ok=counts[Result.OK],
        warnings=counts[Result.WARNING],
        errors=counts[Result.ERROR],
        waiting=counts[Result.NONE],
    )


def severity(status: Status) -> int:
    """0 is the worst: a sort key."""
    return WORST_FIRST.index(status)


def labels(running: int, deleting: bool) -> tuple[str, ...]:
    """What stands beside the status."""
    return ((RUNNING,) if running else ()) + ((DELETING,) if deleting else ())


def _status(active: bool, counts: dict[Result, int], failed: bool) -> Status:
    total = sum(counts[result] for result in Result)
    if not active:
        return Status.DISABLED
    if failed or (total and counts[Result.ERROR] == total):
        return Status.FAILED
    if counts[Result.ERROR]:
        return Status.ERRORS
    if counts[Result.WARNING] or not total:
        return Status.WARNING
    return Status.ENABLED


def _causes(members: Sequence[MemberResult]) -> tuple[Cause, ...]:
    groups: dict[tuple[Result, str], list[MemberResult]] = {}
    for member in members:
        if member.result in (Result.ERROR, Result.WARNING):
            groups.setdefault((Result(member.result), member.code), []).append(member)
    causes = [_cause(result, code, group) for (result, code), group in groups.items()]
    return tuple(sorted(causes, key=lambda c: (c.result is not Result.ERROR, -c.count, c.code)))


def _cause(result: Result, code: str, group: Sequence[MemberResult]) -> Cause:
    return Cause(
        result=result,
        code=code,
        count=sum(member.count for member in group),
        message=_shared([member.message for member in group]) or general_sentence(code) or group[0].message,
        hint=_shared([member.hint for member in group]) or group[0].hint,
        since=min((member.since for member in group if member.since), default=None),
        retry_at=min((member.retry_at for member in group if member.retry_at), default=None),
    )


def _shared(texts: Sequence[str]) -> str:
    """The one text they all have, or "" where they differ (each names its own mailbox, say)."""
    return texts[0] if len(set(texts)) == 1 else ""


def _as_fault(fault: MemberResult, count: int) -> MemberResult:
    return MemberResult(Result.ERROR, fault.code, fault.message, fault.hint, fault.since, fault.retry_at, count)


def _empty_group(counts: dict[Result, int], faulty: bool) -> tuple[Cause, ...]:
    if faulty or any(counts.values()):
        return ()
    hint = "add a member to the group, or choose another group"
    return (Cause(Result.WARNING, GROUP_EMPTY, 0, "the group has no members", hint, None, None),)
