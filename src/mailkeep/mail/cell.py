"""Where hostile mail is read: a child process with little memory and little time, which may die.

    with Cell() as cell:
        match cell.parse(content):
            case Parsed() as parsed: …
            case Unparsed(reason=reason): …     # the child died or was killed; the next call has a new one

The child lives on between messages (starting one costs 0.2 s). It may use `MEMORY_MAX` of address space and `SECONDS_MAX` per
message, gets no environment but its path, and ends when its parent does. Both sides talk in frames over its standard streams:

    question   8 bytes count, 8 bytes length, count times 8 bytes: the numbers of attachments (none: parse), the message
    answer     8 bytes status (0: msgpack of Parsed, 1: of a list of attachments' bytes, 2: of Unparsed), 8 bytes length, the payload
"""

from __future__ import annotations

import os
import selectors
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from types import TracebackType
from typing import IO, TypeVar

import msgspec

from mailkeep.mail.parse import Parsed, Unparsed

MEMORY_MAX = 1 << 30  # bytes of address space
SECONDS_MAX = 30.0
ANSWER_MAX = 256 << 20  # bytes; an attachment is the largest answer
FRAME, NUMBER = struct.Struct(">QQ"), struct.Struct(">Q")
PARSED, BYTES, FAILED = 0, 1, 2
T = TypeVar("T")


class Cell:
    """One child, used by one thread at a time: further callers wait. Made after a fork, never before."""

    def __init__(self, memory_max: int = MEMORY_MAX, seconds_max: float = SECONDS_MAX) -> None:
        self._memory_max = memory_max
        self._seconds_max = seconds_max
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None

    def parse(self, content: bytes) -> Parsed | Unparsed:
        """What a view shows of the message."""
        return self._answer([], content, PARSED, Parsed)

    def attachment(self, content: bytes, number: int) -> bytes | Unparsed:
        """The bytes of the attachment that `Parsed.attachments` numbers so."""
        found = self.attachments(content, [number])
        return found if isinstance(found, Unparsed) else found[0]

    def attachments(self, content: bytes, numbers: Sequence[int]) -> list[bytes] | Unparsed:
        """The bytes of at least one attachment, in the order asked for: one question, within the seconds of one."""
        found = self._answer(numbers, content, BYTES, list[bytes])
        return found if isinstance(found, Unparsed) or len(found) == len(numbers) else _odd()

    def close(self) -> None:
        with self._lock:
            self._end()

    def __enter__(self) -> Cell:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _answer(self, numbers: Sequence[int], content: bytes, wanted: int, form: type[T]) -> T | Unparsed:
        """The answer in that form. One that does not fit it (the mail has taken the child over) is no answer."""
        status, payload = self._ask(numbers, content)
        try:
            if status == wanted:
                return msgspec.msgpack.decode(payload, type=form)
            return msgspec.msgpack.decode(payload, type=Unparsed)
        except msgspec.DecodeError:
            self.close()
            return _odd()

    def _ask(self, numbers: Sequence[int], content: bytes) -> tuple[int, bytes | bytearray]:
        with self._lock:
            deadline = time.monotonic() + self._seconds_max
            head = FRAME.pack(len(numbers), len(content)) + b"".join(map(NUMBER.pack, numbers))
            try:
                return self._converse(head, content, deadline)
            except TimeoutError:
                unparsed = Unparsed("too_long", f"reading the message took more than {self._seconds_max:g} seconds")
            except (BrokenPipeError, EOFError):
                unparsed = Unparsed("crashed", "the message broke the process that reads it")
            self._end()
            return FAILED, msgspec.msgpack.encode(unparsed)

    def _converse(self, head: bytes, content: bytes, deadline: float) -> tuple[int, bytearray]:
        child = self._started()
        assert child.stdin is not None
        assert child.stdout is not None
        _write(child.stdin, head, deadline)
        _write(child.stdin, content, deadline)
        status, length = FRAME.unpack(_read(child.stdout, FRAME.size, deadline))
        if length > ANSWER_MAX:
            raise EOFError  # no answer of ours: the child has been taken over
        return status, _read(child.stdout, length, deadline)

    def _started(self) -> subprocess.Popen[bytes]:
        if self._child is None or self._child.poll() is not None:
            self._end()
            environment = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "LANG") if name in os.environ}
            self._child = subprocess.Popen(
                [
                    sys.executable,
                    "-P",
                    "-m",
                    "mailkeep.mail.cell_child",
                    str(self._memory_max),
                    str(int(self._seconds_max) + 1),
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,  # a dying child's last words would quote the mail
                bufsize=0,
                env=environment,
                start_new_session=True,  # a Ctrl-C in the terminal is its parent's to handle
            )
            for stream in (self._child.stdin, self._child.stdout):
                if stream is not None:
                    os.set_blocking(stream.fileno(), False)
        return self._child

    def _end(self) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        child.kill()
        for stream in (child.stdin, child.stdout):
            if stream is not None:
                stream.close()
        child.wait()


def _odd() -> Unparsed:
    return Unparsed("crashed", "the process that reads the message gave an answer that makes no sense")


def _write(stream: IO[bytes], data: bytes, deadline: float) -> None:
    view = memoryview(data)
    while view:
        _wait(stream, selectors.EVENT_WRITE, deadline)
        try:
            view = view[os.write(stream.fileno(), view[: 1 << 20]) :]
        except BlockingIOError:
            continue


def _read(stream: IO[bytes], length: int, deadline: float) -> bytearray:
    data = bytearray()
    while len(data) < length:
        _wait(stream, selectors.EVENT_READ, deadline)
        try:
            piece = os.read(stream.fileno(), min(1 << 20, length - len(data)))
        except BlockingIOError:
            continue
        if not piece:
            raise EOFError
        data += piece
    return data


def _wait(stream: IO[bytes], event: int, deadline: float) -> None:
    with selectors.DefaultSelector() as selector:
        selector.register(stream, event)
        if not selector.select(max(0.0, deadline - time.monotonic())):
            raise TimeoutError
