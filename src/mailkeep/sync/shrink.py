"""Emptiness is suspect (SPEC C3): where most of a mailbox is gone at once, a person is asked first."""

from __future__ import annotations

from mailkeep.sync.limits import Limits


def is_shrink(gone: int, known: int, limits: Limits) -> bool:
    """More than so many items, and more than such a share of all that was there, are gone."""
    return gone > limits.shrink_items and gone > known * limits.shrink_share
