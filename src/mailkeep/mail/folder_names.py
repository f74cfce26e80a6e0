"""Folder names in modified UTF-7 (RFC 3501 5.1.3), on the IMAP wire and in Maildir++: read leniently, written strictly. Pure.

Entwürfe  ⇄  Entw&APw-rfe        R&D  ⇄  R&-D
"""

from __future__ import annotations

import base64
import binascii
import re

_SHIFTED = re.compile(r"&([^-&]*)-")
_UNSAFE = re.compile(r"[^\x20-\x7e]+|&")


def decode(raw: bytes) -> str:
    """The name as people read it. Bytes that are not modified UTF-7 (sloppy servers) are shown as UTF-8, else as Latin-1."""
    try:
        text = raw.decode("ascii")
    except UnicodeDecodeError:
        return _eight_bit(raw)
    return _SHIFTED.sub(_unshift, text) if "&" in text else text


def encode(name: str) -> bytes:
    """The name in modified UTF-7: pure ASCII."""
    return _UNSAFE.sub(_shift, name).encode("ascii")


def _unshift(match: re.Match[str]) -> str:
    coded = match.group(1)
    if not coded:
        return "&"
    padded = coded.replace(",", "/") + "=" * (-len(coded) % 4)
    try:
        return base64.b64decode(padded, validate=True).decode("utf-16-be")
    except (binascii.Error, UnicodeDecodeError):
        return match.group(0)  # not a shift after all: shown as it came


def _shift(match: re.Match[str]) -> str:
    text = match.group(0)
    if text == "&":
        return "&-"
    coded = base64.b64encode(text.encode("utf-16-be", "surrogatepass")).decode("ascii")
    return "&" + coded.rstrip("=").replace("/", ",") + "-"


def _eight_bit(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")
