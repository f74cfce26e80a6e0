"""What searches found, remembered a little: ids by folder, the folder's state, and the question."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence

_KEPT = 16


class Listings:
    """The last few answers; thread-safe. A key holds what the answer depends on, so none goes stale."""

    def __init__(self) -> None:
        self._found: OrderedDict[Hashable, Sequence[int]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable, search: Callable[[], Sequence[int]]) -> Sequence[int]:
        """The remembered answer, else what `search` finds."""
        with self._lock:
            if key in self._found:
                self._found.move_to_end(key)
                return self._found[key]
        found = search()
        with self._lock:
            self._found[key] = found
            while len(self._found) > _KEPT:
                self._found.popitem(last=False)
        return found
