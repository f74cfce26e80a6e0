"""What the engine is doing and has done: leases, runs, restores, audit."""

from __future__ import annotations

import uuid

from django.db import models

from mailkeep.catalog.models.configuration import Mailbox, Task


class Run(models.Model):
    """One synchronisation of one mailbox, live while `finished_at` is null."""

    uid = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    mailbox = models.ForeignKey(Mailbox, on_delete=models.CASCADE, related_name="runs")
    task = models.ForeignKey(Task, on_delete=models.SET_NULL, null=True, related_name="runs")
    revision = models.PositiveIntegerField()
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    result = models.CharField(max_length=10, default="")
    code = models.CharField(max_length=60, default="")
    message = models.TextField(default="")
    hint = models.TextField(default="")
    listed = models.BigIntegerField(default=0)
    fetched = models.BigIntegerField(default=0)
    bytes = models.BigIntegerField(default=0)
    moved = models.BigIntegerField(default=0)
    reflagged = models.BigIntegerField(default=0)
    removed = models.BigIntegerField(default=0)
    left_out = models.BigIntegerField(default=0)
    requests = models.BigIntegerField(default=0)
    phase = models.CharField(max_length=30, default="")
    done = models.BigIntegerField(default=0)
    total = models.BigIntegerField(null=True)
    note = models.CharField(max_length=200, default="")

    class Meta:
        indexes = [models.Index(fields=["mailbox", "-started_at"], name="run_of_mailbox")]

    def __str__(self) -> str:
        return f"{self.mailbox} at {self.started_at}"


class Lease(models.Model):
    """The right to synchronise a mailbox: every write of a run names its token; zero rows changed means stop."""

    mailbox = models.OneToOneField(Mailbox, on_delete=models.CASCADE, related_name="lease")
    task = models.ForeignKey(Task, on_delete=models.PROTECT, related_name="leases")
    revision = models.PositiveIntegerField()
    token = models.UUIDField(default=uuid.uuid4)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="leases")
    started = models.BooleanField(default=False)  # a worker has picked the job up
    holder = models.CharField(max_length=120, default="")  # that worker's process, as `host.process` names it
    taken_at = models.DateTimeField()
    heartbeat = models.DateTimeField()

    def __str__(self) -> str:
        return f"lease of {self.mailbox}"


class Restore(models.Model):
    """A restore: its plan's counts and its report. The lines are its journal."""

    uid = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    source = models.ForeignKey(Mailbox, on_delete=models.PROTECT, related_name="restores")
    target_connection = models.UUIDField()
    target_address = models.CharField(max_length=320)
    into = models.JSONField(default=list)  # folder path it went under; [] = original places
    folder = models.JSONField(default=list)  # the folder it was narrowed to, with those below; [] = the whole mailbox
    as_of = models.DateTimeField(null=True)  # as it was asked for
    entry = models.BigIntegerField(default=0)  # the moment it reads, whenever it goes on
    reason = models.TextField()
    actor = models.CharField(max_length=150)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    planned = models.JSONField(default=dict)  # create, skip, cannot
    report = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"restore {self.uid}"


class RestoreLine(models.Model):
    """One item of a restore: intent first, the new id after, the comparison last."""

    restore = models.ForeignKey(Restore, on_delete=models.CASCADE, related_name="lines")
    item = models.BigIntegerField()
    folder = models.JSONField()  # target path
    sha256 = models.BinaryField()
    created_id = models.TextField(default="")  # "" while only intended
    state = models.CharField(max_length=20, default="intended")  # intended, created, verified, differs, undone, kept
    stored_sha256 = models.BinaryField(default=b"")  # of what the server gave back, where that is something else
    differences = models.JSONField(default=list)
    version = models.TextField(default="")  # of the item as it was read back

    class Meta:
        indexes = [models.Index(fields=["restore", "item"], name="restore_line")]

    def __str__(self) -> str:
        return f"{self.restore} item {self.item}"


class AuditLine(models.Model):
    """Who did what, to what, why. A projection of the organisation's history."""

    at = models.DateTimeField(db_index=True)
    actor = models.CharField(max_length=150)
    action = models.CharField(max_length=60)
    subject = models.CharField(max_length=400, default="")
    reason = models.TextField(default="")
    detail = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"{self.at} {self.actor} {self.action}"
