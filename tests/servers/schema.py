"""Holding what passes over the line to Microsoft's schemas, which the corpus has."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from lxml import etree

ROOT = Path(__file__).resolve().parents[2]
_BYTES_MAX = 8 << 20  # what is larger says the same again and again
_SOAP = "{http://schemas.xmlsoap.org/soap/envelope/}"


@cache
def ews_schema() -> etree.XMLSchema | None:
    """None where the corpus has not been unpacked yet: the test that is about schemas unpacks it."""
    named = Path(os.environ.get("MAILKEEP_CORPUS") or ROOT / "../shared/corpus")
    unpacked = sorted((Path.home() / ".cache/mailkeep-corpus").glob("*"))
    for place in (named, *reversed(unpacked)):
        path = place / "open/ews-xsd-ready/messages.xsd"
        if path.is_file():
            return etree.XMLSchema(etree.parse(path))
    return None


@dataclass(slots=True)
class SchemaWatch:
    """A listener of the server's recorder: `requests` and `responses` list what broke the schema."""

    schema: etree.XMLSchema
    checked: int = 0
    requests: list[str] = field(default_factory=list)
    responses: list[str] = field(default_factory=list)

    def __call__(self, kind: str, operation: str, envelope: bytes) -> None:
        if len(envelope) > _BYTES_MAX:
            return
        body = etree.fromstring(envelope, etree.XMLParser(huge_tree=True, resolve_entities=False)).find(f"{_SOAP}Body")
        assert body is not None
        self.checked += 1
        if not self.schema.validate(body[0]):
            log: Any = self.schema.error_log
            broken = self.requests if kind == "request" else self.responses
            broken.append(f"{operation}: {log[0].message}")
