"""Who is in a task's group now: joiners get a mailbox and a slot, leavers keep their archive and become inactive (SPEC A6, E1)."""

from __future__ import annotations

from django.utils import timezone

from mailkeep.catalog import records
from mailkeep.catalog.models import Mailbox, Membership, Task
from mailkeep.tasks.options import TaskOptions
from mailkeep.tasks.schedule import next_slot


def resolve(task: Task, actor: str) -> int:
    """Bring the task's memberships in step with its group, inside the caller's transaction. Returns the members present."""
    addresses = {one.address.lower(): one.address for one in task.group.members.all()}
    here = task.memberships.filter(mailbox__connection=task.connection).select_related("mailbox")
    present = {row.mailbox.address.lower(): row for row in here}
    for key, row in present.items():
        if row.present != (key in addresses):
            row.present = key in addresses
            row.next_slot = timezone.now() if row.present else None
            row.save(update_fields=["present", "next_slot"])
    for key, address in addresses.items():
        if key not in present:
            _join(task, address, actor)
    return len(addresses)


def _join(task: Task, address: str, actor: str) -> None:
    mailbox = Mailbox.objects.filter(connection=task.connection, address__iexact=address).first()
    if mailbox is None:
        mailbox = Mailbox.objects.create(connection=task.connection, address=address)
        records.save(mailbox, actor)
    # The first synchronisation starts at once; afterwards the mailbox keeps its own stable slots.
    Membership.objects.create(task=task, mailbox=mailbox, next_slot=timezone.now())


def reschedule(task: Task, options: TaskOptions) -> None:
    """The members' next slots under a changed cadence."""
    now = timezone.now()
    for row in task.memberships.filter(present=True).select_related("mailbox"):
        if row.result:
            row.next_slot = next_slot(row.mailbox.uid, options, now)
            row.save(update_fields=["next_slot"])
