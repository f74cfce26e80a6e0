"""Sessions on the mailboxes of an Exchange server, the connection test, and the reading of its native form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from mailkeep.connectors.base import Description, Endpoint, Step
from mailkeep.connectors.ews.connector import FORM, EwsConnector
from mailkeep.connectors.ews.fetching import ITEM_BYTES_MAX
from mailkeep.connectors.ews.opening import Opening
from mailkeep.connectors.ews.trial import Trial
from mailkeep.connectors.ews.wire import describe, properties
from mailkeep.mail.items import NativePart, Section


@dataclass(frozen=True, slots=True)
class EwsProvider:
    """See `connectors.base.Provider`."""

    opening: Opening = field(default_factory=Opening)
    item_bytes_max: int = ITEM_BYTES_MAX
    forms: frozenset[str] = frozenset({FORM})

    def open(
        self, endpoint: Endpoint, address: str, sections: frozenset[Section] = frozenset({Section.PRIMARY})
    ) -> EwsConnector:
        return EwsConnector(self.opening.enter(endpoint, address), sections, self.item_bytes_max)

    def properties(self, parts: Sequence[NativePart]) -> Mapping[str, str]:
        return properties.properties(parts)

    def describe(self, parts: Sequence[NativePart]) -> Description | None:
        return describe.describe(parts)

    def test(self, endpoint: Endpoint) -> Iterator[Step]:
        return Trial(endpoint, self.opening).steps()
