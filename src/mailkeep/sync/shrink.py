"""Emptiness is suspect (SPEC C3): a mailbox that lost most of its items at once waits for a person before they count as removed."""

from __future__ import annotations

from mailkeep.sync.limits import Limits


def is_shrink(gone: int, known: int, limits: Limits) -> bool:
    """More than so many items, and more than such a share of all that was there, are gone."""
    return gone > limits.shrink_items and gone > known * limits.shrink_share
