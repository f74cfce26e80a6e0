"""Pages of what a search found: which slice a view asks for, and what the answer says of it.

    <m:IndexedPageItemView MaxEntriesReturned="100" Offset="200" BasePoint="Beginning"/>   of 250 → 200…249
        → IndexedPagingOffset="250" TotalItemsInView="250" IncludesLastItemInRange="true"

Without a view everything comes at once, unless it is more than the policy's EWSFindCountLimit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lxml import etree

from mailkeep.simulator.ews.envelope import EwsError, M, boolean


@dataclass(frozen=True, slots=True)
class View:
    """`size` None: everything."""

    offset: int = 0
    size: int | None = None
    from_end: bool = False


@dataclass(frozen=True, slots=True)
class Slice:
    """Entries `start` up to `end` of `total`."""

    start: int
    end: int
    total: int
    paged: bool

    def attributes(self) -> Mapping[str, str]:
        """Of RootFolder."""
        shown = {"TotalItemsInView": str(self.total), "IncludesLastItemInRange": boolean(self.end >= self.total)}
        return {"IndexedPagingOffset": str(self.end), **shown} if self.paged else shown


def read_view(request: etree._Element, name: str) -> View | None:
    """From `m:IndexedPage…View`; None where there is none. Raises EwsError."""
    node = request.find(f"{M}{name}")
    if node is None:
        return None
    try:
        size = node.get("MaxEntriesReturned")
        view = View(int(node.get("Offset", "0")), None if size is None else int(size), node.get("BasePoint") == "End")
    except ValueError as error:
        raise EwsError("ErrorInvalidIndexedPagingParameters", "The indexed paging parameters are invalid.") from error
    if view.offset < 0:
        raise EwsError("ErrorInvalidIndexedPagingParameters", "The paging offset must not be negative.")
    if view.size is not None and view.size < 1:
        raise EwsError("ErrorInvalidPagingMaxRows")
    return view


def sliced(view: View | None, total: int, limit: int) -> Slice:
    """`limit`: how many entries one answer holds at most. Raises EwsError where too many were asked for at once."""
    if view is None:
        if total > limit:
            raise EwsError(
                "ErrorExceededFindCountLimit", "You have exceeded the maximum number of objects that can be returned."
            )
        return Slice(0, total, total, False)
    size = min(view.size or limit, limit)
    if view.from_end:
        end = max(0, total - view.offset)
        return Slice(max(0, end - size), end, total, True)
    start = min(view.offset, total)
    return Slice(start, min(start + size, total), total, True)
