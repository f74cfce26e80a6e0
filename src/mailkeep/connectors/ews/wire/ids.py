"""How a request names items, folders and attachments. Ids are the server's opaque texts, sent back as they came."""

from __future__ import annotations

from dataclasses import dataclass

from mailkeep.connectors.ews.wire.names import attribute, text


@dataclass(frozen=True, slots=True)
class Id:
    """An id with its change key, which writing operations want on some servers. "" where there is none."""

    id: str
    change_key: str = ""


@dataclass(frozen=True, slots=True)
class OccurrenceId:
    """The `index`-th occurrence (from 1, deleted ones counted) of a recurring master."""

    master: str
    index: int
    change_key: str = ""


@dataclass(frozen=True, slots=True)
class MasterId:
    """The recurring master that an occurrence belongs to."""

    occurrence: str
    change_key: str = ""


@dataclass(frozen=True, slots=True)
class Distinguished:
    """A well-known folder: `inbox`, `msgfolderroot`, `archivemsgfolderroot`, `recoverableitemsroot` …

    `mailbox`: whose, by SMTP address, where a session with full access opens another's mailbox; "" means the session's own
    (which is the impersonated owner's).
    """

    name: str
    mailbox: str = ""


ItemName = str | Id | OccurrenceId | MasterId
FolderName = str | Id | Distinguished


def item_id(name: ItemName) -> str:
    """`<t:ItemId …/>` or one of its kin."""
    match name:
        case str():
            return f"<t:ItemId Id={attribute(name)}/>"
        case Id():
            return f"<t:ItemId Id={attribute(name.id)}{_change_key(name.change_key)}/>"
        case OccurrenceId():
            key = _change_key(name.change_key)
            return f'<t:OccurrenceItemId RecurringMasterId={attribute(name.master)}{key} InstanceIndex="{name.index}"/>'
        case MasterId():
            key = _change_key(name.change_key)
            return f"<t:RecurringMasterItemId OccurrenceId={attribute(name.occurrence)}{key}/>"


def folder_id(name: FolderName) -> str:
    """`<t:FolderId …/>` or `<t:DistinguishedFolderId …/>`."""
    match name:
        case str():
            return f"<t:FolderId Id={attribute(name)}/>"
        case Id():
            return f"<t:FolderId Id={attribute(name.id)}{_change_key(name.change_key)}/>"
        case Distinguished(name=known, mailbox=""):
            return f"<t:DistinguishedFolderId Id={attribute(known)}/>"
        case Distinguished():
            whose = f"<t:Mailbox><t:EmailAddress>{text(name.mailbox)}</t:EmailAddress></t:Mailbox>"
            return f"<t:DistinguishedFolderId Id={attribute(name.name)}>{whose}</t:DistinguishedFolderId>"


def _change_key(key: str) -> str:
    return f" ChangeKey={attribute(key)}" if key else ""
