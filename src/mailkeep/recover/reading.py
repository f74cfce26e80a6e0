"""The archived side of a restore: an item's bytes and native form, its print, and its comparison with what came back."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mailkeep.connectors.base import Capabilities, NewItem
from mailkeep.mail.items import ItemRef, Kind, NativePart
from mailkeep.mail.parse import parse
from mailkeep.recover.fidelity import Compared, Comparing, Held, Print, Properties, Read, same
from mailkeep.recover.ports import Earlier, Line, Source, SourceItem


def no_properties(parts: Sequence[NativePart]) -> Mapping[str, str]:  # noqa: ARG001 - as `Provider.properties`
    """Of a target whose provider reads no native form."""
    return {}


def no_earlier(items: Sequence[SourceItem]) -> Sequence[Line]:  # noqa: ARG001 - as `Earlier`
    return ()


@dataclass(frozen=True, slots=True)
class Ways:
    """What recovery is given to look at items with.

    `read` parses messages: give `mail.cell.Cell.parse` for mail of strangers. `properties` is the target provider's.
    """

    read: Read = parse
    properties: Properties = no_properties
    earlier: Earlier = no_earlier


@dataclass(frozen=True, slots=True)
class Reading:
    """One source, read for one target."""

    source: Source
    ways: Ways
    capabilities: Capabilities

    @property
    def comparing(self) -> Comparing:
        return Comparing(self.capabilities.regenerates_content, self.ways.read, self.ways.properties)

    def new_item(self, item: SourceItem) -> NewItem:
        """What the target is asked to create. It gets the native forms that it can use, and no others."""
        content, parts = self.source.content(item), self._parts(item)
        return NewItem(item.kind, content, item.flags, item.received, parts, item.message_class)

    def print_of(self, ref: ItemRef, held: Held) -> Print:
        return self.comparing.print_of(ref.kind, held)

    def same(self, item: SourceItem, there: Print) -> bool:
        """Reads of the archived item only what is needed to tell."""
        own = Print(item.sha256)
        if (item.kind is Kind.MAIL or not there.native) and own.sha256 == there.sha256:
            return True
        if there.native is None and there.decoded is None:
            return False
        held = Held(self.source.content(item) if there.decoded else b"", self._parts(item))
        return same(item.kind, self.comparing.print_of(item.kind, held), there)

    def compare(self, item: SourceItem, ref: ItemRef, there: Held) -> tuple[Compared, ...]:
        equal = hashlib.sha256(there.content).digest() == item.sha256
        own = Held(there.content if equal else self.source.content(item), self._parts(item))
        return self.comparing.compare(item, own, ref, there)

    def earlier(self, items: Sequence[SourceItem]) -> list[Line]:
        """Of earlier restores' lines, those that were made of the very bytes."""
        wanted = {item.number: item.sha256 for item in items}
        return [line for line in self.ways.earlier(items) if wanted.get(line.item) == line.sha256]

    def _parts(self, item: SourceItem) -> tuple[NativePart, ...]:
        """The archived native form, as far as the target can use it."""
        forms = self.capabilities.native_forms
        if not any(form_of_part(one.name) in forms for one in item.native):
            return ()
        return tuple(part for part in self.source.parts(item) if form_of_part(part.name) in forms)


def form_of_part(name: str) -> str:
    """`ews` of `ews.attachment.0`: the provider that can read it."""
    return name.partition(".")[0]
