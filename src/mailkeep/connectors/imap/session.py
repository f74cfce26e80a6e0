"""A conversation with a server: commands in flight, and their answers handed to whoever asked.

Several commands may be under way, and a server may mix their responses: each goes to the command that claims it, one that
nobody claims to the oldest command without a claim. What belongs to somebody else waits in that command's queue. So a listing
may be paused in the middle, items fetched, and the listing resumed, all on one line.

    pending = session.send(b"UID FETCH 1:500 (UID FLAGS)", claim=Claim(attribute=b"FLAGS", uids=range(1, 501)))
    for response in session.responses(pending): …                # until it completes
    session.accept(pending, "list the folder")                   # raises where the server refused
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterator

from mailkeep.connectors.base import Usage
from mailkeep.connectors.imap import refusals
from mailkeep.connectors.imap.command import Literal, Part
from mailkeep.connectors.imap.line import Line
from mailkeep.connectors.imap.wire import Claim, Completion, Response, WireError, completion
from mailkeep.errors import GiveUp, MailkeepError, RetryNow

_LITERAL_MINUS_BYTES_MAX = 4096
_COPIED_BYTES_MAX = 64 * 1024  # a larger literal goes out on its own


class Pending:
    """A command under way. `completion` is None until the server ended it."""

    __slots__ = ("abandoned", "claim", "completion", "held", "queue", "tag")

    def __init__(self, tag: bytes, claim: Claim | None) -> None:
        self.tag = tag
        self.claim = claim
        self.queue: deque[Response] = deque()
        self.held = 0  # bytes in the queue
        self.completion: Completion | None = None
        self.abandoned = False  # nobody will ask for its responses any more


class Session:
    """`capabilities`: upper-case words, as after sign-in. `selected`: (raw folder name, validity) of the open folder."""

    def __init__(self, line: Line, usage: Usage) -> None:
        self.line = line
        self.usage = usage
        self.capabilities: frozenset[str] = frozenset()
        self.enabled: frozenset[str] = frozenset()
        self.selected: tuple[bytes, int] | None = None
        self._tags = itertools.count(1)
        self._in_flight: dict[bytes, Pending] = {}  # by tag, oldest first

    def has(self, capability: str) -> bool:
        return capability in self.capabilities

    def send(self, *parts: Part, claim: Claim | None = None) -> Pending:
        """Send a command; literals go out at once where the server takes them so, else each waits for its go-ahead."""
        pending = Pending(b"m%d" % next(self._tags), claim)
        if not self._in_flight:
            self.usage.requests += 1
        out = bytearray(pending.tag + b" ")
        self._in_flight[pending.tag] = pending
        for part in parts:
            if isinstance(part, bytes):
                out += part
                continue
            out += self._announce(part)
            if not self._takes_at_once(part):
                self.line.send(bytes(out))
                out.clear()
                if not self._go_ahead(pending):
                    return pending
            if len(part.content) > _COPIED_BYTES_MAX:
                self.line.send(bytes(out))
                self.line.send(part.content)
                out.clear()
            else:
                out += part.content
        self.line.send(bytes(out) + b"\r\n")
        return pending

    def send_challenged(self, command: bytes, answer: bytes) -> Pending:
        """A command whose one argument the server asks for first (AUTHENTICATE without SASL-IR)."""
        pending = self.send(command)
        if self._go_ahead(pending):
            self.line.send(answer + b"\r\n")
        return pending

    def responses(self, pending: Pending) -> Iterator[Response]:
        """The untagged responses that answer this command, as they come."""
        try:
            while True:
                while pending.queue:
                    response = pending.queue.popleft()
                    pending.held -= response.size
                    yield response
                    del response  # or this frame would hold a large item while the next one comes
                if pending.completion is not None:
                    return
                self._read()
        finally:
            pending.abandoned = True
            pending.queue.clear()
            pending.held = 0

    def finish(self, pending: Pending, what: str, tolerated: tuple[str, ...] = ()) -> Completion:
        """Read to the command's end. Raises where it was refused, unless with one of the `tolerated` codes."""
        for _ in self.responses(pending):
            pass
        return self.accept(pending, what, tolerated)

    def accept(self, pending: Pending, what: str, tolerated: tuple[str, ...] = ()) -> Completion:
        """The same for a command whose responses were read."""
        answer = pending.completion
        if answer is None:
            raise RuntimeError("a command was judged before it ended")
        if not answer.ok and answer.code not in tolerated:
            raise refusals.command(answer, what)
        return answer

    def run(self, what: str, *parts: Part) -> list[Response]:
        """Send, read everything, raise where it was refused."""
        pending = self.send(*parts)
        found, held = [], 0
        for response in self.responses(pending):
            found.append(response)
            held += response.size
            if held > self.line.held_bytes_max:
                raise self.line.lost(f"more than {self.line.held_bytes_max:,} bytes where it was to {what}")
        self.accept(pending, what)
        return found

    def greeting(self) -> Completion:
        """The server's first words. RetryLater where it turns us away."""
        try:
            words = self.line.response()
            answer = completion(bytes(words[0][2:])) if words[0][:2] == b"* " else None
        except WireError:
            answer = None
        if answer is None:
            self.line.close()
            raise GiveUp(
                "unreachable", "what answers there is no IMAP server", "check host, port and TLS of the connection"
            )
        if not answer.ok and answer.status != "PREAUTH":
            self.line.close()
            raise refusals.throttled(answer) or refusals.command(answer, "talk to us")
        self.note_capabilities(answer)
        return answer

    def note_capabilities(self, answer: Completion) -> bool:
        """Take over `[CAPABILITY …]`; False where the answer has none."""
        if answer.code != "CAPABILITY":
            return False
        self.capabilities = frozenset(answer.argument.decode("ascii", "replace").upper().split())
        return True

    def close(self, politely: bool = True) -> None:
        """LOGOUT without waiting, then hang up."""
        if politely and self.line.broken is None:
            try:
                self.line.send(b"bye LOGOUT\r\n")
            except RetryNow:
                self.selected = None  # the line was dead already: nothing to take leave of
        self.line.close()

    # --- inside --------------------------------------------------------------------------------------------------------

    def settle(self) -> None:
        """Read until no command is under way; what they answer waits in their queues."""
        while self._in_flight:
            self._read()

    def _read(self) -> bool:
        """Take one response to where it belongs; True where it was a go-ahead (`+`)."""
        pieces = self.line.response()
        text = bytes(pieces[0])
        if text[:2] == b"* ":
            if text[2:6].upper() == b"BYE ":
                raise self._farewell(text[2:])
            self._hand_out(Response(pieces))
        elif text[:1] == b"+":
            return True
        else:
            tag, _, rest = text.partition(b" ")
            pending = self._in_flight.pop(tag, None)
            if pending is None:
                raise self._nonsense(text)
            pending.completion = completion(rest)
        return False

    def _hand_out(self, response: Response) -> None:
        unclaimed = None
        for pending in self._in_flight.values():
            if pending.claim is None:
                unclaimed = unclaimed or pending
            elif pending.claim.fits(response):
                unclaimed = pending
                break
        if unclaimed is not None and not unclaimed.abandoned:
            unclaimed.queue.append(response)
            unclaimed.held += response.size
            if unclaimed.held > self.line.held_bytes_max:
                raise self.line.lost(f"more than {self.line.held_bytes_max:,} bytes that nobody has read yet")

    def _go_ahead(self, pending: Pending) -> bool:
        """Wait for `+` before a literal; False where the command was refused instead."""
        while pending.completion is None:
            if self._read():
                return True
        return False

    def _nonsense(self, text: bytes | bytearray) -> WireError:
        """We no longer know where we are on this line: hang up."""
        self.line.close()
        self.line.broken = RetryNow("connection_lost", "the line was given up after nonsense", "it is tried again")
        return WireError(f"neither a response nor the end of a command: {bytes(text[:60])!r}")

    def _farewell(self, text: bytes) -> MailkeepError:
        answer = completion(text)
        self.line.close()
        self.line.broken = RetryNow("connection_lost", f"the server said good-bye: {answer.text}", "it is tried again")
        return refusals.throttled(answer) or self.line.broken

    def _takes_at_once(self, literal: Literal) -> bool:
        small = len(literal.content) <= _LITERAL_MINUS_BYTES_MAX
        return self.has("LITERAL+") or (self.has("LITERAL-") and small)

    def _announce(self, literal: Literal) -> bytes:
        plus = b"+" if self._takes_at_once(literal) else b""
        return b"%s{%d%s}\r\n" % (b"~" if literal.binary else b"", len(literal.content), plus)
