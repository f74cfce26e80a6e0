"""What mailboxes hold, as intervals `[since, until)` in entry numbers of the mailbox's history. `until` null: live at the head.

One `Item` row is one stretch in which an item's content, version and place did not change; its number names the item through all
of them. `flags` on the row are those it began with; each later change is a `Flagging` (the newest at or before a moment holds).
"""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models

from mailkeep.catalog.models.configuration import Mailbox


class Entry(models.Model):
    """A projected entry of a mailbox's history: when, and whether a completed run ended with it."""

    mailbox = models.ForeignKey(Mailbox, on_delete=models.CASCADE, related_name="entries")
    number = models.BigIntegerField()
    time = models.DateTimeField()
    hash = models.BinaryField()
    complete = models.BooleanField(default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["mailbox", "number"], name="entry_number")]
        indexes = [models.Index(fields=["mailbox", "time"], name="entry_time")]

    def __str__(self) -> str:
        return f"entry {self.number}"


class Folder(models.Model):
    mailbox = models.ForeignKey(Mailbox, on_delete=models.CASCADE, related_name="folders")
    number = models.IntegerField()
    since = models.BigIntegerField()
    until = models.BigIntegerField(null=True)
    server_id = models.TextField()
    path = ArrayField(models.TextField())
    kind = models.CharField(max_length=10)
    role = models.CharField(max_length=20, default="")
    selectable = models.BooleanField(default=True)

    class Meta:
        indexes = [models.Index(fields=["mailbox", "number"], name="folder_number")]

    def __str__(self) -> str:
        return "/".join(self.path)


class Item(models.Model):
    mailbox = models.ForeignKey(Mailbox, on_delete=models.CASCADE, related_name="items", db_index=False)
    number = models.BigIntegerField()
    since = models.BigIntegerField()
    until = models.BigIntegerField(null=True)
    folder = models.IntegerField()
    server_id = models.TextField(db_collation="C")  # sorted as Python sorts
    version = models.TextField(default="")
    stable_id = models.TextField(default="")
    kind = models.CharField(max_length=10)
    message_class = models.CharField(max_length=255)
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

    class Meta:
        indexes = [
            models.Index(fields=["mailbox", "number", "since"], name="item_number"),
            models.Index(fields=["mailbox", "folder", "server_id"], name="item_live", condition=models.Q(until=None)),
            models.Index(fields=["mailbox", "folder", "-time"], name="item_time"),
        ]

    def __str__(self) -> str:
        return f"item {self.number}"


class Flagging(models.Model):
    mailbox = models.ForeignKey(Mailbox, on_delete=models.CASCADE, related_name="flaggings", db_index=False)
    item = models.BigIntegerField()
    since = models.BigIntegerField()
    flags = ArrayField(models.TextField(), default=list)

    class Meta:
        indexes = [models.Index(fields=["mailbox", "item", "-since"], name="flagging_item")]

    def __str__(self) -> str:
        return f"flags of {self.item}"


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
