"""What mailboxes hold, as intervals `[since, until)` in entry numbers of the mailbox's history. `until` null: live at
the head.

One `Item` row is one stretch in which an item's content, version and place did not change; its number names the item
through all of them. `flags` on the row are those it began with; each later change is a `Flagging` (the newest at or
before a moment holds). A row that began and ended in one entry has an empty interval: no moment shows it, the archive
view does.

Rows arrive by COPY, tens of thousands a second, so the big tables carry no surrogate key and no checked foreign key:
their mailbox row is locked in the same transaction.
"""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models

from mailkeep.catalog.models.configuration import Mailbox


class Entry(models.Model):
    """A projected entry of a mailbox's history: when, and whether a completed run ended with it."""

    pk = models.CompositePrimaryKey("mailbox", "number")
    mailbox = models.ForeignKey(Mailbox, on_delete=models.CASCADE, related_name="entries", db_index=False)
    number = models.BigIntegerField()
    time = models.DateTimeField()
    hash = models.BinaryField()
    complete = models.BooleanField(default=False)

    class Meta:
        indexes = [models.Index(fields=["mailbox", "time"], name="entry_time")]

    def __str__(self) -> str:
        return f"entry {self.number}"


class Folder(models.Model):
    pk = models.CompositePrimaryKey("mailbox", "number", "since")
    mailbox = models.ForeignKey(Mailbox, on_delete=models.CASCADE, related_name="folders", db_index=False)
    number = models.IntegerField()
    since = models.BigIntegerField()
    until = models.BigIntegerField(null=True)
    server_id = models.TextField()
    path = ArrayField(models.TextField())
    kind = models.CharField(max_length=10)
    role = models.CharField(max_length=20, default="")
    selectable = models.BooleanField(default=True)
    section = models.CharField(max_length=20, default="primary")

    def __str__(self) -> str:
        return "/".join(self.path)


class Item(models.Model):
    pk = models.CompositePrimaryKey("mailbox", "number", "since")
    mailbox = models.ForeignKey(
        Mailbox, on_delete=models.CASCADE, related_name="items", db_index=False, db_constraint=False
    )
    number = models.BigIntegerField()
    since = models.BigIntegerField()
    until = models.BigIntegerField(null=True)
    folder = models.IntegerField()
    server_id = models.TextField(db_collation="C")  # sorted as Python sorts
    version = models.TextField(default="")
    stable_id = models.TextField(default="")
    kind = models.CharField(max_length=10)
    message_class = models.TextField()
    sensitivity = models.CharField(max_length=12, default="normal")
    size = models.BigIntegerField()
    time = models.DateTimeField()
    received = models.DateTimeField()
    flags = ArrayField(models.TextField(), default=list)
    subject = models.TextField(default="")
    sender = models.TextField(default="")
    recipients = models.TextField(default="")
    message_id = models.TextField(default="")
    summary = models.BinaryField()
    content = models.BinaryField(default=b"")
    sha256 = models.BinaryField(default=b"")
    identity = models.BinaryField(default=b"")
    left_out = models.CharField(max_length=30, default="")
    detail = models.TextField(default="")
    native = models.JSONField(
        null=True
    )  # its native parts (`copying.native`); null, which costs nothing, where it has none

    class Meta:
        indexes = [
            models.Index(fields=["mailbox", "folder", "server_id"], name="item_live", condition=models.Q(until=None)),
            models.Index(
                fields=["mailbox", "folder", "server_id"],
                name="item_left_out",
                condition=models.Q(until=None) & ~models.Q(left_out=""),
            ),
            models.Index(fields=["mailbox", "folder", "-time", "-number"], name="item_time"),
        ]

    def __str__(self) -> str:
        return f"item {self.number}"


class Flagging(models.Model):
    pk = models.CompositePrimaryKey("mailbox", "item", "since")
    mailbox = models.ForeignKey(
        Mailbox, on_delete=models.CASCADE, related_name="flaggings", db_index=False, db_constraint=False
    )
    item = models.BigIntegerField()
    since = models.BigIntegerField()
    flags = ArrayField(models.TextField(), default=list)

    def __str__(self) -> str:
        return f"flags of {self.item}"


class Holding(models.Model):
    """How many live items a folder holds, by kind and by why they were left out ("": archived). Kept with every entry,
    never counted.
    """

    pk = models.CompositePrimaryKey("mailbox", "folder", "kind", "left_out")
    mailbox = models.ForeignKey(Mailbox, on_delete=models.CASCADE, related_name="holdings", db_index=False)
    folder = models.IntegerField()
    kind = models.CharField(max_length=10)
    left_out = models.CharField(max_length=30, default="")
    items = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.items} in folder {self.folder}"


class LedgerLine(models.Model):
    """The completeness ledger after the last run, folder by folder (SPEC C6)."""

    mailbox = models.ForeignKey(Mailbox, on_delete=models.CASCADE, related_name="ledger")
    folder = models.IntegerField()
    server = models.BigIntegerField()
    archived = models.BigIntegerField()
    left_out = models.JSONField(default=dict)
    pending = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["mailbox", "folder"], name="ledger_folder")]

    def __str__(self) -> str:
        return f"ledger of folder {self.folder}"
