"""SIGNATURES; being built."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mailkeep.mail.items import NativePart


def properties(parts: Sequence[NativePart]) -> Mapping[str, str]:
    """As `Provider.properties`."""
    ...  # type: ignore[empty-body]
