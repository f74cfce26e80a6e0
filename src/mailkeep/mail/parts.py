"""A message's MIME tree, from one of two parsers behind one shape.

    1 fast-mail-parser, lazily      fast; refuses broken base64, more than 100 MiB, more than 256 levels
    2 the standard library          slower, forgives nearly everything; `compat32`, for the default policy dies of real mail

The second is asked only where the first refuses, or would be slow: encoded words by the thousand take it minutes. Headers and
charsets are not taken from either, but from `headers` and `charsets`.
"""

from __future__ import annotations

import email
import email.message
import email.policy
import email.utils
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

from fast_mail_parser import ParseError, PyLazyMimePart, parse_email_tree

from mailkeep.mail.charsets import decode_header

DEPTH_MAX = 100
PARTS_MAX = 2_000  # parts a view lists; the message keeps all
_WORDS_MAX = 2_000
_CHARSET = re.compile(r"charset\s*=\s*\"?([^\";\s]{1,60})", re.IGNORECASE)
_START = re.compile(r"start\s*=\s*\"?<?([^\">;\s]{1,400})", re.IGNORECASE)


@dataclass(slots=True)
class Part:
    """One node. `load` gives a leaf's decoded bytes; a container has none."""

    content_type: str  # "text/plain", lower case
    charset: str
    filename: str  # decoded, not yet made safe
    content_id: str
    disposition: str  # "inline", "attachment" or ""
    load: Callable[[], bytes]
    start: str = ""  # multipart/related: the root's Content-ID
    is_message: bool = False
    children: list[Part] = field(default_factory=list)


@dataclass(slots=True)
class Tree:
    root: Part
    notes: list[str] = field(default_factory=list)  # what a person should know of the reading


class _Budget:
    def __init__(self) -> None:
        self.parts = PARTS_MAX
        self.notes: list[str] = []

    def refuses(self, depth: int) -> bool:
        self.parts -= 1
        if self.parts >= 0 and depth <= DEPTH_MAX:
            return False
        note = "too many parts: the rest is not listed" if self.parts < 0 else "parts nested too deep are not listed"
        if note not in self.notes:
            self.notes.append(note)
        return True


def tree(content: bytes) -> Tree:
    """The tree of a message. Raises `RecursionError` or `MemoryError` where even the second parser gives up."""
    if content.count(b"=?") <= _WORDS_MAX:
        try:
            return _fast(content)
        except ParseError:
            pass  # the second parser forgives what the first refuses
    return _forgiving(content)


def _fast(content: bytes) -> Tree:
    budget = _Budget()
    return _loaded(Tree(_from_fast(parse_email_tree(content, mode="lazy"), budget, 0), budget.notes))


def _loaded(found: Tree) -> Tree:
    """The tree, every leaf decoded once: broken base64 and bottomless nesting show here, while there is another way."""
    for part in leaves(found.root):
        part.load()
    return found


def _from_fast(node: PyLazyMimePart, budget: _Budget, depth: int) -> Part:
    header = _header_of(node.headers, "content-type")
    children = [] if node.is_message else node.children
    return Part(
        content_type=(node.content_type or "text/plain").lower(),
        charset=_found(_CHARSET, header),
        filename=_file_name(node.filename, node.headers),
        content_id=node.content_id or "",
        disposition=(node.disposition or "").strip().lower(),
        load=lambda: node.content or b"",
        start=_found(_START, header),
        is_message=node.is_message,
        children=[_from_fast(child, budget, depth + 1) for child in children if not budget.refuses(depth + 1)],
    )


def _header_of(headers: dict[str, list[str]], name: str) -> str:
    return next((values[0] for key, values in headers.items() if key.lower() == name and values), "")


def _file_name(name: str, headers: dict[str, list[str]]) -> str:
    """The name, read again by the standard library where the first parser cut a character (RFC 2231 segments)."""
    if "\ufffd" not in name and "=?" not in name:
        return name
    message = email.message.Message(policy=email.policy.compat32)
    for header in ("content-type", "content-disposition"):
        if value := _header_of(headers, header):
            message[header] = value.replace("\r", "").replace("\n", "")
    return _forgiven_name(message) or name


def _forgiving(content: bytes) -> Tree:
    budget = _Budget()
    message = email.message_from_bytes(content, policy=email.policy.compat32)
    return _loaded(Tree(_from_forgiving(message, budget, 0), budget.notes))


def _from_forgiving(message: email.message.Message, budget: _Budget, depth: int) -> Part:
    header = str(message.get("Content-Type", ""))
    children = message.get_payload() if message.get_content_maintype() == "multipart" else []
    return Part(
        content_type=message.get_content_type(),
        charset=_found(_CHARSET, header),
        filename=_forgiven_name(message),
        content_id=str(message.get("Content-ID", "")).strip().strip("<>"),
        disposition=str(message.get("Content-Disposition", "")).partition(";")[0].strip().lower(),
        load=cache(lambda: _forgiven_bytes(message)),
        start=_found(_START, header),
        is_message=message.get_content_type() == "message/rfc822",
        children=[
            _from_forgiving(child, budget, depth + 1)
            for child in (children if isinstance(children, list) else [])
            if isinstance(child, email.message.Message) and not budget.refuses(depth + 1)
        ],
    )


def _forgiven_name(message: email.message.Message) -> str:
    try:
        name = message.get_filename() or ""
    except (ValueError, LookupError, TypeError):  # a parameter no parser understands
        return ""
    return decode_header(name.encode("utf-8", "surrogateescape"))


def _forgiven_bytes(message: email.message.Message) -> bytes:
    payload = message.get_payload()
    if isinstance(payload, list):
        inner = payload[0] if len(payload) == 1 else None
        return inner.as_bytes(policy=email.policy.compat32) if isinstance(inner, email.message.Message) else b""
    decoded = message.get_payload(decode=True)
    return decoded if isinstance(decoded, bytes) else b""


def _found(pattern: re.Pattern[str], header: str) -> str:
    match = pattern.search(header)
    return match[1] if match else ""


def leaves(part: Part) -> list[Part]:
    """Every part without children, in the message's order."""
    if part.children:
        return [leaf for child in part.children for leaf in leaves(child)]
    return [] if part.content_type.startswith("multipart/") else [part]
