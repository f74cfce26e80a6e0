"""An item's properties one by one, as text: what restrictions and sort orders ask of it.

What the item's own fields and stored properties hold is read there; anything else is taken from the item as it would be
shown, so that a search finds what a client sees.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cache

from lxml import etree

from mailkeep.simulator.ews.envelope import Call, boolean
from mailkeep.simulator.ews.item_schema import property_name, words
from mailkeep.simulator.ews.markup import local_name, parsed, text_of
from mailkeep.simulator.ews.restrictions import Path, Reader
from mailkeep.simulator.ews.shapes import render_item
from mailkeep.simulator.ews.view import Shape
from mailkeep.simulator.exchange.series import written
from mailkeep.simulator.exchange.values import Item


def _time(when: datetime | None) -> str | None:
    return None if when is None else written(when)


_OWN: dict[str, Callable[[Item], str | None]] = {
    "item:DateTimeReceived": lambda item: _time(item.received),
    "item:DateTimeCreated": lambda item: _time(item.created),
    "item:DateTimeSent": lambda item: _time(item.sent),
    "item:LastModifiedTime": lambda item: _time(item.modified),
    "item:ItemClass": lambda item: item.item_class,
    "item:Size": lambda item: str(item.size),
    "item:IsDraft": lambda item: boolean(item.draft),
    "message:IsRead": lambda item: boolean(item.read),
}
_PLAIN = words("""
    item:Subject item:Importance item:Sensitivity item:InReplyTo message:InternetMessageId message:ConversationTopic
    message:References calendar:Start calendar:End calendar:Location calendar:UID task:Status task:DueDate
    task:StartDate contacts:GivenName contacts:Surname contacts:FileAs contacts:CompanyName
""")


def reader_of(call: Call, item: Item) -> Reader:
    """Raises EwsError for a property that no item has."""

    def read(path: Path) -> str | Sequence[str] | None:
        if path.extended:
            kept = item.extended.get(path.name)
            return _inner(kept[1]) if kept is not None else _shown(call, item, path)
        if path.name in _OWN:
            return _OWN[path.name](item)
        name = property_name(path.name)
        if path.name in _PLAIN and name in item.properties:
            return text_of(item.properties[name])
        return _shown(call, item, path)

    return read


def _inner(inner: str) -> str | Sequence[str]:
    """The value, or the values, of an extended property."""
    if "<" not in inner:
        return text_of(inner)
    return [each.text or "" for each in parsed(inner)]


def _shown(call: Call, item: Item, path: Path) -> str | Sequence[str] | None:
    shape = _shape(path)
    shown = render_item(call, item, shape)
    found = next((each for each in shown if local_name(each) != "ItemId"), None)
    if found is None:
        return None
    if path.extended:
        return _texts(found[-1])
    if path.index:
        entry = next((each for each in found if each.get("Key", each.get("HeaderName")) == path.index), None)
        return None if entry is None else "".join(str(part) for part in entry.itertext())
    return _texts(found)


@cache
def _shape(path: Path) -> Shape:
    """One for each path: a shape remembers how it is written."""
    if path.extended:
        return Shape(extended=((path.name, path.extended, "<t:ExtendedFieldURI/>"),))
    if path.index:
        return Shape(indexed=((path.name, path.index),))
    return Shape(names=frozenset({property_name(path.name)}))


def _texts(element: etree._Element) -> str | Sequence[str]:
    """The text of a plain element; of a list each entry's, of a person's name and address one after the other."""
    if not len(element):
        return element.text or ""
    return [" ".join(str(part) for part in each.itertext()) for each in element]
