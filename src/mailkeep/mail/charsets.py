"""Bytes of mail as text: charset labels as mailers really use them, and RFC 2047 encoded words.

Never raises, runs in linear time, and gives no lone surrogates: what cannot be decoded becomes U+FFFD. Control and
bidirectional characters are kept; a view decides how to show them.
"""

from __future__ import annotations

import binascii
import codecs
import re
from functools import lru_cache

# Labels that Python lacks, or whose common use is a larger set than the label says.
_LABELS = {
    "us-ascii": "cp1252",
    "ascii": "cp1252",
    "iso-8859-1": "cp1252",
    "latin1": "cp1252",
    "gb2312": "gb18030",
    "gb_2312-80": "gb18030",
    "gbk": "gb18030",
    "x-gbk": "gb18030",
    "ks_c_5601-1987": "cp949",
    "euc-kr": "cp949",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "x-sjis": "cp932",
    "windows-31j": "cp932",
    "big5": "big5hkscs",
    "iso-8859-8-i": "iso-8859-8",
    "unicode-1-1-utf-7": "utf-7",
    "unicode": "utf-16",
    "utf8": "utf-8",
    "utf-8mb4": "utf-8",
    "x-mac-roman": "mac-roman",
}
# Python also calls idna, punycode, unicode_escape and rot13 codecs: slow on hostile input, and no charset of mail.
_CHARSETS = re.compile(
    r"(utf|iso|cp|windows|koi8|big5|gb|hz|euc|shift|johab|mac|latin|tis|ascii|kz|ptcp|hp)[\w.-]*", re.ASCII
)

_WORD = re.compile(rb"=\?([!-)+->@-~]{1,60})(?:\*[^?]{0,40})?\?([bBqQ])\?([^?]*)\?=")
_QUOTED = re.compile(rb"=([0-9A-Fa-f]{2})")
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]+")


@lru_cache(maxsize=512)
def codec(label: str) -> str | None:
    """The Python codec of a charset label, or None for one that is no charset."""
    name = label.strip().strip("'\"").lower()
    name = _LABELS.get(name, name)
    if not _CHARSETS.fullmatch(name):
        return None
    try:
        return codecs.lookup(name).name
    except (LookupError, ValueError):
        return None


def decode_text(content: bytes, label: str) -> str:
    """A part's text. Valid UTF-8 is read as such under a label of ASCII or Latin-1 too: it is seldom so by accident."""
    name = codec(label) if label else None
    if name is None or name == "utf-8":
        return decode_unlabelled(content)
    if name == "cp1252":
        return _utf8(content) or content.decode("cp1252", "replace")
    return _without_surrogates(content.decode(name, "replace"))


def decode_unlabelled(content: bytes) -> str:
    """Bytes whose charset nobody names: ISO-2022-JP by its escapes, else UTF-8, else Windows' Western one."""
    if b"\x1b$" in content:
        return content.decode("iso2022_jp", "replace")
    text = _utf8(content)
    if text:
        return text
    broken = content.decode("utf-8", "replace")
    # Mostly UTF-8 with a broken byte or two (a cut in a list's footer) stays UTF-8.
    mostly = broken.count("\ufffd") * 3 < sum(char > "\x7f" for char in broken)
    return broken if mostly else content.decode("cp1252", "replace")


def _utf8(content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return ""


def decode_header(raw: bytes) -> str:
    """A header's value, unfolded, its encoded words decoded."""
    value = raw.replace(b"\r", b"").replace(b"\n", b"").strip()
    if b"=?" not in value:
        return decode_unlabelled(value)
    pieces: list[str] = []
    label, pending, end = "", bytearray(), 0
    for word in _WORD.finditer(value):
        between = value[end : word.start()]
        own = word[1].decode("ascii").lower()
        adjacent = end > 0 and not between.strip()  # white space between two words is not shown
        if not adjacent or own != label:
            pieces.append(_flush(pending, label))
            pieces.append("" if adjacent else decode_unlabelled(between))
        # A character may be cut across words of one charset, so their bytes are joined first.
        label, end = own, word.end()
        pending += _word_bytes(word[2], word[3])
    pieces.append(_flush(pending, label))
    pieces.append(decode_unlabelled(value[end:]))
    return "".join(pieces)


def _word_bytes(encoding: bytes, text: bytes) -> bytes:
    if encoding in b"qQ":
        return _QUOTED.sub(lambda code: bytes((int(code[1], 16),)), text.replace(b"_", b" "))
    letters = _NOT_BASE64.sub(b"", text)
    letters = letters[: len(letters) - 1] if len(letters) % 4 == 1 else letters
    return binascii.a2b_base64(letters + b"=" * (-len(letters) % 4))


def _flush(pending: bytearray, label: str) -> str:
    text = decode_text(bytes(pending), label) if pending else ""
    pending.clear()
    return text


def _without_surrogates(text: str) -> str:
    """UTF-7 and UTF-16 with "replace" let lone surrogates through; nothing above may meet one."""
    if text.isascii() or not any("\ud800" <= char <= "\udfff" for char in text):
        return text
    return text.encode("utf-8", "replace").decode("utf-8")
