"""Pictures of people who don't exist: head and shoulders before a coloured wall, drawn by code, the same for the same name."""

from __future__ import annotations

import hashlib
from functools import cache

from mailkeep.simulator.attachments import png

SIDE = 96  # pixels
_WALLS = ((214, 226, 240), (240, 228, 210), (220, 236, 222), (238, 222, 230), (226, 224, 240))
_SKINS = ((246, 214, 186), (224, 178, 140), (190, 138, 98), (140, 94, 62), (255, 226, 204))
_HAIRS = ((40, 30, 26), (94, 62, 36), (166, 120, 62), (70, 70, 74), (196, 190, 184), (124, 46, 30))
_CLOTHES = ((46, 74, 112), (120, 46, 58), (48, 98, 80), (70, 70, 80), (180, 130, 40))


@cache
def photo(name: str) -> bytes:
    """A PNG of `SIDE` × `SIDE` pixels."""
    drawn = hashlib.sha256(name.encode()).digest()
    wall, skin = _WALLS[drawn[0] % 5], _SKINS[drawn[1] % 5]
    hair, clothes = _HAIRS[drawn[2] % 6], _CLOTHES[drawn[3] % 5]
    long_hair, fringe = drawn[4] % 2 == 0, 26 + drawn[5] % 8
    rows = bytearray()
    for y in range(SIDE):
        for x in range(SIDE):
            rows += bytes(_pixel(x, y, (wall, skin, hair, clothes), long_hair, fringe))
    return png(SIDE, SIDE, bytes(rows))


def _pixel(
    x: int, y: int, colours: tuple[tuple[int, int, int], ...], long_hair: bool, fringe: int
) -> tuple[int, int, int]:
    wall, skin, hair, clothes = colours
    across = abs(x - SIDE // 2)
    in_face = (across / 17) ** 2 + ((y - 42) / 21) ** 2 <= 1
    if in_face and y > fringe:
        eyes = abs(across - 7) <= 1 and abs(y - 40) <= 1
        mouth = across <= 6 and y == 53 - across // 4
        return (50, 40, 40) if eyes or mouth else skin
    if (across / 21) ** 2 + ((y - 38) / 25) ** 2 <= 1 and (long_hair or y < 40):
        return hair
    if across <= 7 and 58 <= y < 74:
        return skin
    if (across / 38) ** 2 + ((y - 100) / 32) ** 2 <= 1:
        return clothes
    return wall
