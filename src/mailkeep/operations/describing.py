"""An archived item as people read it, by whichever provider reads its native form. Nobody asks which one that is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mailkeep.connectors.base import Description, Provider
from mailkeep.mail.items import NativePart
from mailkeep.operations import connections


def described(parts: Sequence[NativePart]) -> Description | None:
    """None where no provider of ours reads any of the parts."""
    provider = _reader(parts)
    return provider.describe(parts) if provider else None


def properties(parts: Sequence[NativePart]) -> Mapping[str, str]:
    """What the native form says, property by property; empty as above."""
    provider = _reader(parts)
    return provider.properties(parts) if provider else {}


def _reader(parts: Sequence[NativePart]) -> Provider | None:
    forms = {part.name.partition(".")[0] for part in parts}
    return next((one for one in connections.PROVIDERS.values() if one.forms & forms), None)
