"""FastTransfer streams (`ExportItems`), for servers that give them: whether one does is found out over single items.

That a server has no such thing is believed when it says so, or when it refuses two different items. Trouble that passes is
raised, so that no item goes without its stream for a moment's trouble. An item whose stream is lastingly refused, where
others have theirs, goes without: its content and its other parts are whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mailkeep.connectors.ews.asking import Line, Refused, ask, unwell
from mailkeep.connectors.ews.wire import codes, requests
from mailkeep.connectors.ews.wire.responses import ResponseMessage
from mailkeep.errors import GiveUp

_WHAT = "export items"
_REFUSALS_MAX = 2  # of different items before anything was exported: the server has no such thing
_DOUBTS_MAX = 3  # items in a row that the server fails over: then it is not the items
_NOT_FOR_US = frozenset({"access_denied", "refused_by_server"})


class Exports:
    """What is known of this server. `there` None: it was not found out yet."""

    def __init__(self) -> None:
        self.there: bool | None = None
        self.refused: set[str] = set()  # ids of items, before anything was exported

    def streams(self, line: Line, ids: Sequence[str]) -> Iterator[tuple[str, bytearray]]:
        """(id, stream) of those that have one. Raises where the server or the mailbox is in trouble."""
        left = list(ids)
        while left and self.there is None:
            yield from self._tried(line, left.pop(0))
        if self.there:
            yield from self._all(line, left)

    def _tried(self, line: Line, item_id: str) -> Iterator[tuple[str, bytearray]]:
        try:
            ((_, answer),) = ask(line, [item_id], requests.export_items, _WHAT)
        except GiveUp as error:
            if error.code not in _NOT_FOR_US:
                raise
            answer = Refused("unreadable", error.message)
        if isinstance(answer, Refused):
            if codes.is_missing_operation(answer.said or "Error"):
                self.there = False
            elif answer.code == "unreadable":
                self._note(item_id)
        elif (stream := _stream(answer)) is not None:
            self.there = True
            yield item_id, stream
        else:
            self._note(item_id)

    def _note(self, item_id: str) -> None:
        self.refused.add(item_id)
        if len(self.refused) >= _REFUSALS_MAX and self.there is None:
            self.there = False

    def _all(self, line: Line, ids: Sequence[str]) -> Iterator[tuple[str, bytearray]]:
        doubts = 0
        for number, answer in ask(line, ids, requests.export_items, _WHAT):
            if isinstance(answer, Refused):
                doubts += answer.doubtful
                if doubts > _DOUBTS_MAX:
                    raise unwell(answer.sentence)
            elif (stream := _stream(answer)) is not None:
                doubts = 0
                yield ids[number], stream


def _stream(message: ResponseMessage) -> bytearray | None:
    found = message.content
    held = message.ok and found is not None and not found.problem and found.content
    return found.content if held and found is not None else None
