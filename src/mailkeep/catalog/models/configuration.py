"""What people decide. Every change also leaves an `OutboxLine` in its transaction, for the organisation's history."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone


class Connection(models.Model):
    """A server connection. `settings` is the public part of `connectors.base.Endpoint`; `secrets` its sealed rest."""

    uid = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=100)
    kind = models.CharField(max_length=20)
    settings = models.JSONField(default=dict)
    secrets = models.BinaryField(default=b"")  # AES-GCM under a key of the archive's, bound to `uid`
    secrets_set_at = models.DateTimeField(null=True)
    slots = models.PositiveIntegerField(default=16)  # mailboxes synchronised over it at once
    paused_until = models.DateTimeField(null=True)
    pause_reason = models.CharField(max_length=300, default="")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(Lower("name"), name="connection_name")]

    def __str__(self) -> str:
        return self.name


class Group(models.Model):
    """A local group: a named set of addresses."""

    uid = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=100)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(Lower("name"), name="group_name")]

    def __str__(self) -> str:
        return self.name


class GroupMember(models.Model):
    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="members")
    address = models.CharField(max_length=320)  # as typed; compared in lower case

    class Meta:
        constraints = [models.UniqueConstraint("group", Lower("address"), name="group_member")]

    def __str__(self) -> str:
        return self.address


class Task(models.Model):
    """A synchronization task. Its status is derived (`tasks.status`), never stored."""

    uid = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=100)
    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="tasks")
    group = models.ForeignKey(Group, on_delete=models.PROTECT, related_name="tasks")
    active = models.BooleanField(default=True)
    deleting = models.BooleanField(default=False)
    revision = models.PositiveIntegerField(default=1)
    switched_at = models.DateTimeField(default=timezone.now)  # when `active` last changed
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(Lower("name"), name="task_name")]

    def __str__(self) -> str:
        return self.name


class TaskRevision(models.Model):
    """A task's options as of one change; a run keeps the revision its lease names."""

    task = models.ForeignKey(Task, on_delete=models.CASCADE, related_name="revisions")
    number = models.PositiveIntegerField()
    options = models.JSONField()  # `tasks.options.TaskOptions`, as `tasks.document` writes it
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["task", "number"], name="task_revision")]

    def __str__(self) -> str:
        return f"{self.task} r{self.number}"


class Mailbox(models.Model):
    """A mailbox ever met: (connection, address) under an opaque id of ours. The head is the catalog's, caught up from
    the archive.
    """

    uid = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="mailboxes")
    address = models.CharField(max_length=320)
    owner = models.ForeignKey(Task, on_delete=models.SET_NULL, null=True, related_name="owned")
    head_number = models.BigIntegerField(default=0)
    head_hash = models.BinaryField(default=bytes(32))
    head_time = models.DateTimeField(null=True)
    next_item = models.BigIntegerField(default=1)
    next_folder = models.IntegerField(default=1)
    checkpoints = models.BinaryField(default=b"")  # as `archive.documents` writes them
    initial_replication = models.DateTimeField(null=True)  # time of the first entry that completed a run
    last_activity = models.DateTimeField(null=True)
    paused_until = models.DateTimeField(null=True)
    shrink_gone = models.BigIntegerField(null=True)  # a shrink that waits for a person
    shrink_known = models.BigIntegerField(null=True)
    shrink_confirmed_at = models.DateTimeField(null=True)
    counts = models.JSONField(default=dict)  # live archived items by kind, at the head
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint("connection", Lower("address"), name="mailbox_address")]

    def __str__(self) -> str:
        return self.address


class Membership(models.Model):
    """A mailbox in a task's group: present or left, its next slot, and its last result under that task."""

    task = models.ForeignKey(Task, on_delete=models.CASCADE, related_name="memberships")
    mailbox = models.ForeignKey(Mailbox, on_delete=models.CASCADE, related_name="memberships")
    present = models.BooleanField(default=True)
    next_slot = models.DateTimeField(null=True)
    asked_at = models.DateTimeField(null=True)  # Synchronise now
    override = models.BooleanField(default=False)  # … even inside a "do not synchronise" window
    result = models.CharField(max_length=10, default="")  # "" none yet, "ok", "warning", "error"
    code = models.CharField(max_length=60, default="")
    message = models.TextField(default="")
    hint = models.TextField(default="")
    result_since = models.DateTimeField(null=True)  # first time in a row with this code
    result_at = models.DateTimeField(null=True)
    retry_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["task", "mailbox"], name="membership")]
        indexes = [models.Index(fields=["next_slot"], name="membership_due", condition=models.Q(present=True))]

    def __str__(self) -> str:
        return f"{self.mailbox} in {self.task}"


class OutboxLine(models.Model):
    """A change on its way into the organisation's history; deleted once an entry holds it."""

    uid = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)  # tells whether an entry holds it already
    at = models.DateTimeField()
    actor = models.CharField(max_length=150)
    kind = models.CharField(max_length=30)  # "connection" "group" "task" "mailbox" "owner" "user" "restore" "audit" …
    subject = models.CharField(max_length=64)  # the thing's opaque id
    document = models.JSONField(null=True)  # its whole new state; None: it is gone

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}"


class OrganisationHead(models.Model):
    """The end of the organisation's chain: one row."""

    number = models.BigIntegerField(default=0)
    hash = models.BinaryField(default=bytes(32))
    time = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return str(self.number)
