"""Base64 text decoded as it arrives, in pieces cut anywhere, into one growing buffer and nothing beside it."""

from __future__ import annotations

import binascii
import re
from dataclasses import dataclass

import pybase64

_SPACE = b" \t\r\n"
_SPACE_REFERENCES = re.compile(rb"&#(?:13|10|9|32|[xX]0*(?:[dDaA9]|20));")  # how .NET writes CR inside element text
_REFERENCE_MAX = 12  # bytes; a longer `&…` is none of these
_AT_ONCE = 256 * 1024  # bytes; a larger piece is decoded in steps, so that the buffer is all there is


@dataclass(frozen=True, slots=True)
class Carved:
    """Content taken out of the stream: its element's local name (`MimeContent`, `Data`, `Content`), and its bytes.

    `problem`: "" or why the bytes are not there whole: "damaged" (it is no base64), "too_large".
    """

    element: str
    content: bytearray
    problem: str = ""


class Base64Text:
    """Feed it text, then ask for what was `carved`. Text that is no base64 is this content's problem and no error."""

    def __init__(self, element: str, bytes_max: int) -> None:
        self._element = element
        self._bytes_max = bytes_max
        self._content = bytearray()
        self._held = b""  # less than a quantum of four, or a character reference that a border cut
        self._problem = ""
        self._padded = False  # a padded quantum was seen; nothing may follow it

    def feed(self, text: memoryview) -> None:
        for start in range(0, len(text), _AT_ONCE):
            if self._problem:
                return
            self._take(text[start : start + _AT_ONCE])

    def carved(self) -> Carved:
        """What was decoded. Text that ended within a quantum is damaged."""
        if not self._problem and self._held.strip(_SPACE):
            self._fail("damaged")
        return Carved(self._element, self._content, self._problem)

    def interrupted(self) -> Carved:
        """What was decoded, where an element stands inside: nothing, unless there was text before it, which is damaged."""
        if self._content or self._held.strip(_SPACE):
            self._fail("damaged")
        return self.carved()

    def _take(self, text: memoryview) -> None:
        lacking = -len(self._held) % 4
        whole = lacking + (len(text) - lacking) // 4 * 4
        if whole < lacking or not self._decode(self._held + bytes(text[:lacking]), text[lacking:whole]):
            self._take_closely(bytes(text))
        else:
            self._held = bytes(text[whole:])

    def _take_closely(self, text: bytes) -> None:
        """As `_take`, for text with line ends, or that is none."""
        plain, cut_off = _plain(self._held + text)
        quanta = len(plain) // 4 * 4
        self._held = plain[quanta:] + cut_off
        if not self._problem and not self._decode(plain[:quanta]):
            self._fail("damaged")

    def _decode(self, *texts: bytes | memoryview) -> bool:
        """Decodes texts of whole quanta, all of them or none. False: one is no clean base64."""
        padded, decoded = self._padded, []
        for text in texts:
            if not text:
                continue
            if padded:
                return False
            try:
                decoded.append(pybase64.b64decode(text, validate=True))
            except binascii.Error:
                return False
            padded = text[-1] == _PAD
        self._padded = padded
        for content in decoded:
            self._content += content
        if len(self._content) > self._bytes_max:
            self._fail("too_large")
        return True

    def _fail(self, problem: str) -> None:
        self._problem = problem
        self._content = bytearray()


_PAD = 0x3D  # "="


def _plain(text: bytes) -> tuple[bytes, bytes]:
    """The text without white space, and the start of a character reference that a border cut."""
    cut_off = b""
    if b"&" in text:
        last = text.rfind(b"&")
        if b";" not in text[last:] and len(text) - last <= _REFERENCE_MAX:
            text, cut_off = text[:last], text[last:]
        text = _SPACE_REFERENCES.sub(b"", text)
    return text.translate(None, _SPACE), cut_off
