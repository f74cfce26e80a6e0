"""Recipes: how a blob is rebuilt from literal runs, decoded runs and other blobs.

u32 steps · u32 parts · u32 spills
steps   of 8 bytes: u8 kind, u8 newline (0 none, 1 LF, 2 CRLF), u16 line length, u32 bytes
parts   32-byte ids, one for each step of kind SHARED or SHARED_BASE64, in their order
spills  32-byte ids of blobs that begin the inline stream, should it be long
rest    the end of the inline stream, from which LITERAL and BASE64 steps take their bytes
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mailkeep.archive.crypto import ID_BYTES
from mailkeep.archive.cut import BASE64, LITERAL, SHARED, SHARED_BASE64, Piece, encode

_STEP = struct.Struct("<BBHI")
_COUNTS = struct.Struct("<III")


class BadRecipe(Exception):
    """The bytes are no recipe."""


class RecipeBuilder:
    """Gathers steps. The inline stream stays in memory until the caller takes pieces of it away as spills."""

    def __init__(self) -> None:
        self._steps = bytearray()
        self._parts: list[bytes] = []
        self._spills: list[bytes] = []
        self.inline = bytearray()

    def inline_piece(self, piece: Piece) -> None:
        self._steps += _STEP.pack(piece.kind, piece.newline, piece.line, len(piece.data))
        self.inline += piece.data

    def part(self, piece: Piece, blob: bytes) -> None:
        self._steps += _STEP.pack(piece.kind, piece.newline, piece.line, len(piece.data))
        self._parts.append(blob)

    def spill(self, blob: bytes, size: int) -> None:
        """The first `size` bytes of `inline` are now the blob's."""
        self._spills.append(blob)
        del self.inline[:size]

    def encoded(self) -> bytes:
        counts = _COUNTS.pack(len(self._steps) // _STEP.size, len(self._parts), len(self._spills))
        return b"".join((counts, self._steps, *self._parts, *self._spills, self.inline))


@dataclass(frozen=True, slots=True)
class Recipe:
    steps: list[tuple[int, int, int, int]]  # kind, newline, line, bytes
    parts: list[bytes]
    spills: list[bytes]
    rest: bytes


def decode_recipe(data: bytes) -> Recipe:
    """Raises BadRecipe."""
    try:
        counts, parts, spills = _COUNTS.unpack_from(data)
        start = _COUNTS.size + counts * _STEP.size
        rest = start + ID_BYTES * (parts + spills)
        steps = list(_STEP.iter_unpack(data[_COUNTS.size : start]))
    except struct.error as error:
        raise BadRecipe from error
    if rest > len(data) or len(steps) != counts or sum(kind in (SHARED, SHARED_BASE64) for kind, *_ in steps) != parts:
        raise BadRecipe
    ids = [data[at : at + ID_BYTES] for at in range(start, rest, ID_BYTES)]
    return Recipe(steps, ids[:parts], ids[parts:], data[rest:])


def follow(recipe: Recipe, fetch: Callable[[bytes], bytes]) -> Iterator[bytes]:
    """The blob's bytes in pieces of at most some MiB; `fetch` opens the blobs it refers to. Raises BadRecipe."""
    inline = _Inline(recipe, fetch)
    parts = iter(recipe.parts)
    for kind, newline, line, size in recipe.steps:
        if kind in (LITERAL, BASE64):
            data = inline.take(size)
        elif kind in (SHARED, SHARED_BASE64):
            data = fetch(next(parts))
        else:
            raise BadRecipe
        if len(data) != size or newline > 2:
            raise BadRecipe
        yield encode(data, line, newline) if kind in (BASE64, SHARED_BASE64) else data


class _Inline:
    """The inline stream, its spills opened one at a time."""

    def __init__(self, recipe: Recipe, fetch: Callable[[bytes], bytes]) -> None:
        self._sources = iter((*recipe.spills, None))
        self._rest = recipe.rest
        self._fetch = fetch
        self._open = b""
        self._at = 0

    def take(self, size: int) -> bytes:
        taken = self._open[self._at : self._at + size]
        self._at += len(taken)
        while len(taken) < size:
            source = next(self._sources, b"")
            if source == b"":
                raise BadRecipe
            self._open, self._at = self._rest if source is None else self._fetch(source), size - len(taken)
            taken += self._open[: self._at]
        return taken
