"""How a run ended, in the codes of SPEC C7: machine code, one plain sentence, what to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from mailkeep.errors import MailkeepError, RetryLater, RetryNow
from mailkeep.sync.ledger import Tally, differing
from mailkeep.sync.ports import LedgerLine, RunResult

WARNINGS = frozenset({"owned_by_other_task", "throttled", "partial", "item_too_large", "mailbox_moving", "shrunk"})
ADMISSION_REASONS = frozenset({"kind", "class", "sensitive", "excluded"})  # the task's own choice: nobody is warned
TOO_LARGE = "item_too_large"
_REASONS_NAMED_MAX = 4
_HINTS = {  # of a warning that comes without its own: what to do, or that there is nothing to do
    "throttled": "nothing to do: it goes on by itself",
    "mailbox_moving": "nothing to do: it goes on by itself once the server has moved the mailbox",
    "item_too_large": "see the left-out items",
    "partial": "see the left-out items; they are tried again at every synchronisation",
}


@dataclass(frozen=True, slots=True)
class Ending:
    """`result` "ok", "warning" or "error", with its code, sentence and hint."""

    result: str
    code: str = ""
    message: str = ""
    hint: str = ""
    retry_seconds: float | None = None
    whole_server: bool = False


OK = Ending("ok")


def of_error(error: MailkeepError) -> Ending:
    """A diagnosed failure. A line that keeps breaking is a server that cannot be reached."""
    result = "warning" if error.code in WARNINGS else "error"
    if isinstance(error, RetryNow):
        hint = error.hint or "it is tried again at the next synchronisation; look at the server if this lasts"
        return Ending("error", "unreachable", f"the server cannot be talked to: {error.message}", hint)
    hint = error.hint or _HINTS.get(error.code, "")
    if isinstance(error, RetryLater):
        return Ending(result, error.code, error.message, hint, error.wait_seconds, error.whole_server)
    return Ending(result, error.code, error.message, hint)


def of_fault(error: Exception) -> Ending:
    """An exception that nobody diagnosed; its traceback is in the log."""
    return Ending(
        "error",
        "internal",
        f"Mailkeep failed in a way it does not know: {type(error).__name__}: {error}"[:500],
        "see the worker's log for the traceback and report it; it is tried again at the next synchronisation",
    )


def of_shrink(gone: int, known: int) -> Ending:
    return Ending(
        "warning",
        "shrunk",
        f"{gone:,} of {known:,} items are no longer on the server; none is recorded as deleted until someone confirms",
        "look at the mailbox on the server; if it really became smaller, confirm that in the mailbox's page",
    )


def of_lines(
    lines: Iterable[LedgerLine], names: dict[int, str], distrusted: Sequence[int], refused: Mapping[str, str]
) -> Ending:
    """What the ledger says at the end of a run that went through. `refused`: folder → why the server would not give it."""
    lines = list(lines)
    odd = differing(lines)
    if refused:
        return _refused(refused)
    if odd or distrusted:
        return _partial(odd, names, distrusted)
    too_large = _count(lines, lambda reason: reason == TOO_LARGE)
    failing = _count(lines, lambda reason: reason not in ADMISSION_REASONS and reason != TOO_LARGE)
    if too_large and not failing:
        return Ending("warning", TOO_LARGE, f"{_items(too_large)} too large to be archived", _HINTS[TOO_LARGE])
    if failing:
        message = f"{_items(failing + too_large)} not to be had from the server: {_by_reason(lines)}"
        return Ending("warning", "partial", message, _HINTS["partial"])
    return OK


def result_of(
    ending: Ending, tally: Tally, lines: Sequence[LedgerLine], requests: int, shrink: tuple[int, int] | None
) -> RunResult:
    """The ending with everything that was counted on the way."""
    return RunResult(
        result=ending.result,
        code=ending.code,
        message=ending.message,
        hint=ending.hint,
        listed=tally.listed,
        fetched=tally.fetched,
        bytes=tally.bytes,
        moved=tally.moved,
        reflagged=tally.reflagged,
        removed=tally.removed,
        left_out=sum(sum(each.left_out.values()) for each in lines),
        requests=requests,
        retry_seconds=ending.retry_seconds,
        whole_server=ending.whole_server,
        shrink=shrink,
        ledger=tuple(lines),
    )


def _refused(refused: Mapping[str, str]) -> Ending:
    said = [f"{name} ({message})" for name, message in list(refused.items())[:3]]
    rest = len(refused) - len(said)
    sentence = "not to be read: " + "; ".join(said) + (f"; and {rest} more folders" if rest else "")
    hint = "mend the folder or its permissions on the server; what is archived of it stays, and it is tried again"
    return Ending("warning", "partial", sentence, hint)


def _partial(odd: Sequence[LedgerLine], names: dict[int, str], distrusted: Sequence[int]) -> Ending:
    parts = []
    for each in odd[:3]:
        more = "more on the server than archived" if each.pending > 0 else "more archived than on the server"
        parts.append(f"{names.get(each.folder, '?')}: {abs(each.pending):,} {more}")
    only_distrusted = [folder for folder in distrusted if folder not in {each.folder for each in odd}]
    parts += [
        f"{names.get(folder, '?')}: the server lists fewer items than it counts" for folder in only_distrusted[:3]
    ]
    rest = len(odd) + len(only_distrusted) - len(parts)
    sentence = "the counts do not add up in " + "; ".join(parts) + (f"; and {rest} more folders" if rest > 0 else "")
    return Ending("warning", "partial", sentence, "it is listed again at the next synchronisation; see the ledger")


def _count(lines: Iterable[LedgerLine], wanted: Callable[[str], bool]) -> int:
    return sum(count for each in lines for reason, count in each.left_out.items() if wanted(reason))


def _by_reason(lines: Iterable[LedgerLine]) -> str:
    """ "3 unreadable, 1 item_too_large": why they are in quarantine, the most first."""
    reasons: Counter[str] = Counter()
    for each in lines:
        reasons.update({reason: n for reason, n in each.left_out.items() if reason not in ADMISSION_REASONS})
    named = [f"{count:,} {reason}" for reason, count in reasons.most_common(_REASONS_NAMED_MAX)]
    return ", ".join(named) + (", …" if len(reasons) > len(named) else "")


def _items(count: int) -> str:
    return "1 item is" if count == 1 else f"{count:,} items are"
