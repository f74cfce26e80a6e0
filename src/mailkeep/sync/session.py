"""The thread that owns the connector, so that the one that owns the archive never waits for a server in silence.

    main thread                                    session thread (one)
    session.call(work)        ── work ──►          work(connector)                  result or error comes back
    session.stream(produce)   ◄── items ──         for item, bytes in produce(connector): …   bounded by bytes

While the main thread waits it calls `beat` about once a second: that is the heartbeat. Errors of the server's side
are raised in the main thread, after everything that came before them.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Generic, TypeVar

from mailkeep.connectors.base import Connector

T = TypeVar("T")
_log = logging.getLogger(__name__)

WAIT_SECONDS = 1.0  # between heartbeats
_CHUNK_ITEMS = 64  # handed over at once: a lock and a thread switch for each item would cost more than its work
_CHUNK_BYTES = 512 * 1024
_CHUNK_SECONDS = 0.5
ITEM_BYTES = (
    1024  # what an item counts beside its bytes: its words and numbers, or ten thousand empty ones would be free
)


class Stopped(Exception):
    """The run has ended; nobody wants more of this."""


class Session:
    """One connector in one thread of its own. `connect` is called there at first use."""

    def __init__(self, connect: Callable[[], Connector], beat: Callable[[], None]) -> None:
        self._connect = connect
        self._beat = beat
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="mailkeep-session")
        self._stopping = threading.Event()
        self._connector: Connector | None = None
        self._closed = False
        self.error: BaseException | None = None  # what the server's side ended with

    def call(self, work: Callable[[Connector], T]) -> T:
        """`work(connector)` in the session's thread; its result or its error here."""
        return self._wait(self._executor.submit(lambda: work(self._opened())))

    def stream(self, produce: Callable[[Connector], Iterable[tuple[T, int]]], bytes_max: int) -> Iterator[list[T]]:
        """Chunks of what `produce` yields with each item's bytes. At most `bytes_max` wait here, plus one chunk; each item
        counts `ITEM_BYTES` and its own.
        """
        channel: Channel[T] = Channel(bytes_max, self._stopping)
        future = self._executor.submit(lambda: channel.fill(produce(self._opened())))
        future.add_done_callback(lambda _: channel.end())
        while (chunk := channel.take(WAIT_SECONDS)) is not None:
            if chunk:
                yield chunk
            else:
                self._beat()
        self._outcome(future)

    def check(self) -> None:
        """For the session's thread, in long work: raises `Stopped` when the main thread has left."""
        if self._stopping.is_set():
            raise Stopped

    def requests(self) -> int:
        return self._connector.usage.requests if self._connector else 0

    def stop(self) -> None:
        """The session's thread is told at its next `check`."""
        self._stopping.set()

    def close(self) -> None:
        """Ends the thread and the connector; waits for a call under way, which the connector's time-outs bound."""
        if not self._closed:
            self._closed = True
            self._stopping.set()
            self._executor.submit(self._close_connector)
            self._executor.shutdown(wait=True)

    def _opened(self) -> Connector:
        self.check()
        if self._connector is None:
            self._connector = self._connect()
        return self._connector

    def _close_connector(self) -> None:
        if self._connector is None:
            return
        try:
            self._connector.close()
        except Exception as error:  # noqa: BLE001 - a session that cannot even be closed changes nothing of what was archived
            _log.warning("closing a session: %s", error)

    def _wait(self, future: Future[T]) -> T:
        while not wait([future], WAIT_SECONDS).done:
            self._beat()
        return self._outcome(future)

    def _outcome(self, future: Future[T]) -> T:
        self.error = future.exception()
        return future.result()


class Channel(Generic[T]):
    """A queue of chunks, bounded by bytes, from one thread to another."""

    def __init__(self, bytes_max: int, stopping: threading.Event) -> None:
        self._bytes_max = bytes_max
        self._stopping = stopping
        self._chunk: list[T] = []  # being filled
        self._chunk_bytes = 0
        self._since = 0.0
        self._chunks: deque[tuple[list[T], int]] = deque()
        self._bytes = 0
        self._ended = False
        self._changed = threading.Condition()

    def fill(self, items: Iterable[tuple[T, int]]) -> None:
        """All of them; where `items` fails, what came before it all the same."""
        self._since = time.monotonic()
        try:
            for item, size in items:
                self._chunk.append(item)
                del item  # or this frame would hold a large one while the next comes
                self._chunk_bytes += ITEM_BYTES + size
                full = self._chunk_bytes >= _CHUNK_BYTES or len(self._chunk) >= _CHUNK_ITEMS
                if full or time.monotonic() - self._since > _CHUNK_SECONDS:
                    self._hand_over()
        finally:
            self._hand_over()

    def _hand_over(self) -> None:
        if self._chunk:
            self._put(self._chunk, self._chunk_bytes)
        self._chunk, self._chunk_bytes, self._since = [], 0, time.monotonic()

    def _put(self, chunk: list[T], size: int) -> None:
        with self._changed:
            while self._bytes and self._bytes + size > self._bytes_max:
                if self._stopping.is_set():
                    raise Stopped
                self._changed.wait(WAIT_SECONDS)
            self._chunks.append((chunk, size))
            self._bytes += size
            self._changed.notify_all()
        if self._stopping.is_set():
            raise Stopped

    def end(self) -> None:
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def take(self, wait_seconds: float) -> list[T] | None:
        """The next chunk; an empty one after `wait_seconds` without; None at the end."""
        with self._changed:
            if not self._chunks and not self._ended:
                self._changed.wait(wait_seconds)
            if self._chunks:
                chunk, size = self._chunks.popleft()
                self._bytes -= size
                self._changed.notify_all()
                return chunk
            return None if self._ended else []
