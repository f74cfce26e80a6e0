"""The memory server's native form: what an item is beside its content, in the simplest terms that a restore can be tried with.

memory.properties      a JSON object of texts: {"Subject": "…", "Body": "…", "Categories": "…", …}
memory.attachment.0    any bytes
memory.export          any bytes, of no meaning but the server's own
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence

from mailkeep.connectors.base import Description
from mailkeep.mail.items import NativePart

FORMS = frozenset({"memory"})
PROPERTIES = "memory.properties"
BODY = "Body"


def properties_part(properties: Mapping[str, str]) -> NativePart:
    return NativePart(PROPERTIES, json.dumps(dict(properties), sort_keys=True).encode())


def form_of(part: NativePart) -> str:
    return part.name.partition(".")[0]


def properties(parts: Sequence[NativePart]) -> dict[str, str]:
    """See `Provider.properties`."""
    found = _told(parts)
    for part in parts:
        if part.name.startswith("memory.attachment."):
            digest = hashlib.sha256(part.content).hexdigest()
            found[part.name.removeprefix("memory.")] = f"{len(part.content)} bytes, {digest}"
    return found


def describe(parts: Sequence[NativePart]) -> Description | None:
    """See `Provider.describe`."""
    told = _told(parts)
    if not told:
        return None
    return Description(tuple((name, text) for name, text in told.items() if name != BODY), told.get(BODY, ""))


def _told(parts: Sequence[NativePart]) -> dict[str, str]:
    """A part that is no object of texts (a generated one) tells nothing."""
    for part in parts:
        if part.name == PROPERTIES:
            try:
                document = json.loads(bytes(part.content))
            except ValueError:
                return {}
            return {str(name): str(text) for name, text in document.items()}
    return {}
