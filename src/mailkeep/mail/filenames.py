"""File names out of mail, made safe to offer and to write: no path, no control or direction characters, never empty."""

from __future__ import annotations

import mimetypes
import re
import unicodedata

LENGTH_MAX = 120  # characters
BYTES_MAX = 200  # in UTF-8; file systems take 255, and a number may be put before the name
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)
_SEPARATORS = re.compile(r"[/\\]")
_STRANGE = re.compile(r'[<>:"|?*]')


def safe_name(name: str, fallback: str) -> str:
    """One component of a path that shows what it is; `fallback` where nothing is left of it."""
    name = _SEPARATORS.split(unicodedata.normalize("NFC", name))[-1]
    # Cc control, Cf direction marks that turn "exe.pdf" round, Cs surrogates, Zl and Zp line ends
    shown = "".join(char for char in name if unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Zl", "Zp"))
    shown = _STRANGE.sub("_", shown).strip(" .")
    if _RESERVED.match(shown):
        shown = f"_{shown}"
    return _shortened(shown) or fallback


def extension(content_type: str) -> str:
    """ ".pdf" for application/pdf; "" where nobody knows."""
    return (
        {"message/rfc822": ".eml", "text/plain": ".txt"}.get(content_type)
        or mimetypes.guess_extension(content_type)
        or ""
    )


def _shortened(name: str) -> str:
    stem, dot, end = name.rpartition(".")
    if not stem or len(end) > 16:
        stem, dot, end = name, "", ""
    stem = stem[:LENGTH_MAX]
    while len(f"{stem}{dot}{end}".encode()) > BYTES_MAX:
        stem = stem[:-1]
    return f"{stem}{dot}{end}"
