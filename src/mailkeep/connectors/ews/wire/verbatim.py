"""An item's bytes cut out of its response message, as a document that stands alone: what `ews.properties` holds.

    <m:GetItemResponseMessage ResponseClass="Success"><m:ResponseCode>…
      <m:Items><t:Message>…</t:Message></m:Items>…        ─▶  <?xml …?> <m:Items xmlns:m="…" xmlns:t="…"><t:Message>…</m:Items>

Not a byte between the container's tags is touched: prefixes, order, white space and what XML forbids stay as they came.
"""

from __future__ import annotations

import functools
import re

from mailkeep.connectors.ews.wire.carver import DECLARATION, TAG, Block, declarations

_PROLOG = b'<?xml version="1.0" encoding="utf-8"?>\n'
_CONTAINER = re.compile(rb"<((?:[^\s<>/:]+:)?(?:Items|Attachments|Folders))(?=[\s>])")


def standing_alone(block: Block) -> bytes:
    """The first container (Items, Attachments, Folders) of the block; b"" where there is none, or nothing in it."""
    xml = block.xml
    first = None if xml is None else _CONTAINER.search(xml)
    if xml is None or first is None:
        return b""
    closing = xml.rfind(b"</" + first[1])
    own = TAG.match(xml)
    inner = TAG.match(xml, first.start())
    if closing < 0 or own is None or inner is None:
        return b""
    added = _inherited(block.scope, own[2], inner[2])
    name_end = first.end()
    return b"".join((_PROLOG, xml[first.start() : name_end], added, xml[name_end : xml.find(b">", closing) + 1]))


@functools.lru_cache(maxsize=64)
def _inherited(scope: bytes, around: bytes, own: bytes) -> bytes:
    """The declarations to add: those of the scope and of the message's own tag that the container does not make itself."""
    declared = {
        found[1] or b"": found[2] for attributes in (scope, around) for found in DECLARATION.finditer(attributes)
    }
    for found in DECLARATION.finditer(own):
        declared.pop(found[1] or b"", None)
    return declarations(declared)
