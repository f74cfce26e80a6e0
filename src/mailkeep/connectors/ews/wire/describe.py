"""SIGNATURES; being built."""

from __future__ import annotations

from collections.abc import Sequence

from mailkeep.connectors.base import Description
from mailkeep.mail.items import NativePart


def describe(parts: Sequence[NativePart]) -> Description | None:
    """As `Provider.describe`."""
    ...
