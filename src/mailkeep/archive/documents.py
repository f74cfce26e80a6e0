"""The documents that history entries name by blob id: JSON in one canonical form, so that equal ones are one blob.

    folder       {"id", "kind", "path": […], "role", "selectable", "section"}, the last left out of the primary mailbox's
    summary      {"subject", "sender", "recipients", "message_id", "detail"}, empty ones left out
    checkpoints  {folder id: base64}

Whatever a server sent as a subject can be written, lone surrogates and NULs included.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any, Protocol

from mailkeep.mail.items import Folder, Kind, Role, Section

SUMMARY_TEXTS = ("subject", "sender", "recipients", "message_id", "detail")


class Texts(Protocol):
    """What a summary is made from."""

    @property
    def subject(self) -> str: ...
    @property
    def sender(self) -> str: ...
    @property
    def recipients(self) -> str: ...
    @property
    def message_id(self) -> str: ...
    @property
    def detail(self) -> str: ...


class BadDocument(ValueError):
    """The bytes are not the document they are taken for."""


def canonical(value: Any) -> bytes:
    """JSON, keys sorted, no spaces, UTF-8; all in ASCII escapes where a text has no UTF-8 form."""
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def encode_folder(folder: Folder) -> bytes:
    document: dict[str, Any] = {"id": folder.id, "path": list(folder.path), "kind": folder.kind.value}
    document |= {"role": folder.role.value if folder.role else None, "selectable": folder.selectable}
    if folder.section is not Section.PRIMARY:
        document["section"] = folder.section.value
    return canonical(document)


def decode_folder(data: bytes) -> Folder:
    """Raises BadDocument."""
    document = _mapping(data)
    try:
        role = Role(document["role"]) if document["role"] is not None else None
        return Folder(
            id=document["id"],
            path=tuple(document["path"]),
            kind=Kind(document["kind"]),
            role=role,
            selectable=bool(document["selectable"]),
            section=Section(document.get("section", Section.PRIMARY)),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise BadDocument(f"no folder: {error}") from error


def encode_summary(summary: Texts | Mapping[str, str]) -> bytes:
    """`summary` has some of SUMMARY_TEXTS, as attributes or as keys."""
    texts = summary if isinstance(summary, Mapping) else {name: getattr(summary, name) for name in SUMMARY_TEXTS}
    if unknown := set(texts) - set(SUMMARY_TEXTS):
        raise ValueError(f"a summary has no {', '.join(sorted(unknown))}")
    return canonical({name: text for name, text in texts.items() if text})


def decode_summary(data: bytes) -> dict[str, str]:
    """Those of SUMMARY_TEXTS that are there. Raises BadDocument."""
    document = _mapping(data)
    if not all(isinstance(value, str) for value in document.values()):
        raise BadDocument("no summary: something in it is no text")
    return document


def encode_checkpoints(checkpoints: Mapping[str, bytes]) -> bytes:
    """By folder id; the checkpoints themselves are the connector's affair."""
    return canonical({folder: b64encode(checkpoint).decode() for folder, checkpoint in checkpoints.items()})


def decode_checkpoints(data: bytes) -> dict[str, bytes]:
    """Raises BadDocument."""
    try:
        return {folder: b64decode(checkpoint, validate=True) for folder, checkpoint in _mapping(data).items()}
    except (TypeError, ValueError) as error:
        raise BadDocument(f"no checkpoints: {error}") from error


def _mapping(data: bytes) -> dict[str, Any]:
    try:
        document = json.loads(data)
    except ValueError as error:
        raise BadDocument(f"no JSON: {error}") from error
    if not isinstance(document, dict):
        raise BadDocument("no JSON object")
    return document
