"""The rows. `configuration` is what people decide, `running` what the engine is doing, `contents` what mailboxes hold,
`blobs` where bytes lie.
"""

from mailkeep.catalog.models.blobs import Blob, Pack
from mailkeep.catalog.models.configuration import (
    Connection,
    Group,
    GroupMember,
    Mailbox,
    Membership,
    OrganisationHead,
    OutboxLine,
    Task,
    TaskRevision,
)
from mailkeep.catalog.models.contents import Entry, Flagging, Folder, Holding, Item, LedgerLine
from mailkeep.catalog.models.running import AuditLine, Lease, Restore, RestoreLine, Run

__all__ = [
    "AuditLine",
    "Blob",
    "Connection",
    "Entry",
    "Flagging",
    "Folder",
    "Group",
    "GroupMember",
    "Holding",
    "Item",
    "Lease",
    "LedgerLine",
    "Mailbox",
    "Membership",
    "OrganisationHead",
    "OutboxLine",
    "Pack",
    "Restore",
    "RestoreLine",
    "Run",
    "Task",
    "TaskRevision",
]
