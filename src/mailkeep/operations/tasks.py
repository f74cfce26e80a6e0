"""Synchronization tasks: create, change, start, stop, delete, preview (SPEC A4–A14)."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from django.db import transaction
from django.utils import timezone

from mailkeep.catalog import records
from mailkeep.catalog.models import Connection, Mailbox, Task, TaskRevision
from mailkeep.errors import GiveUp
from mailkeep.mail.items import Kind, Section
from mailkeep.operations import connections, groups, members
from mailkeep.tasks.document import options_document, options_from
from mailkeep.tasks.names import checked_name
from mailkeep.tasks.options import Exclusion, TaskOptions


@dataclass(frozen=True, slots=True)
class TaskDetails:
    """A task as it is configured."""

    id: str
    name: str
    connection: str
    group: str
    active: bool
    deleting: bool
    revision: int
    options: dict[str, object]


@dataclass(frozen=True, slots=True)
class Preview:
    """What a task would do, before it does it."""

    connection: str
    group: str
    mailboxes: int
    owned_elsewhere: dict[str, list[str]]  # owner's name → addresses
    same_address_elsewhere: dict[str, list[str]]  # connection's name → addresses
    kinds: list[str] = field(default_factory=list)  # of item that it archives, where a task is asked about
    sections: list[str] = field(default_factory=list)  # of each mailbox that it reads


def create(
    name: str, connection: str, group: str, options: TaskOptions, actor: str, *, active: bool = True
) -> TaskDetails:
    """Create the task and, unless told otherwise, start it: one transaction, all or nothing."""
    name = checked_name(name)
    options = options_from(options_document(options))  # the same checks, whoever filled it in
    with transaction.atomic():
        if Task.objects.filter(name__iexact=name).exists():
            raise GiveUp("name_taken", f"there is already a task named {name}", "choose another name")
        task = Task.objects.create(
            name=name, connection=connections.find(connection), group=groups.find(group), active=active
        )
        TaskRevision.objects.create(task=task, number=1, options=options_document(options))
        records.save(task, actor)
        members.resolve(task, actor)
    return _details(task)


def change(
    name: str,
    actor: str,
    *,
    new_name: str | None = None,
    connection: str | None = None,
    group: str | None = None,
    options: TaskOptions | None = None,
) -> TaskDetails:
    """A new revision. A running mailbox synchronisation ends under the one it began with (SPEC A12)."""
    with transaction.atomic():
        task = find(name, lock=True)
        if new_name is not None:
            task.name = _free_name(task, checked_name(new_name))
        if connection is not None:
            _move_connection(task, connections.find(connection))
        if group is not None:
            task.group = groups.find(group)
        document = options_document(options) if options is not None else _document(task)
        options_from(document)
        task.revision += 1
        TaskRevision.objects.create(task=task, number=task.revision, options=document)
        task.save()
        records.save(task, actor)
        members.resolve(task, actor)
        members.reschedule(task, options_from(document))
    return _details(task)


def start(name: str, actor: str) -> TaskDetails:
    return _switch(name, True, actor)


def stop(name: str, actor: str) -> TaskDetails:
    """Nothing new starts from this transaction on; what is running completes (SPEC A13)."""
    return _switch(name, False, actor)


def delete(name: str, actor: str) -> bool:
    """Delete the task, or mark it *Deleting* while a synchronisation of it is running (SPEC A14). True: it is gone now.

    Archived mailboxes stay.
    """
    with transaction.atomic():
        task = find(name, lock=True)
        task.deleting, task.active = True, False
        task.save()
        if task.leases.exists():
            records.save(task, actor)
            return False
        records.gone(task, actor)
        task.delete()
    return True


def show(name: str) -> TaskDetails:
    return _details(find(name))


def preview(connection: str, group: str, task: str | None = None) -> Preview:
    """What a task on this connection and group would meet (SPEC A4, A15)."""
    server, people = connections.find(connection), groups.find(group)
    addresses = [one.address.lower() for one in people.members.all()]
    owned: dict[str, list[str]] = {}
    elsewhere: dict[str, list[str]] = {}
    for mailbox in Mailbox.objects.select_related("owner", "connection"):
        if mailbox.address.lower() not in addresses:
            continue
        if mailbox.connection_id != server.pk:
            elsewhere.setdefault(mailbox.connection.name, []).append(mailbox.address)
        elif mailbox.owner is not None and mailbox.owner.name != task:
            owned.setdefault(mailbox.owner.name, []).append(mailbox.address)
    options = current_options(find(task)) if task is not None else None
    return Preview(
        connection=server.name,
        group=people.name,
        mailboxes=len(addresses),
        owned_elsewhere=owned,
        same_address_elsewhere=elsewhere,
        kinds=[kind.value for kind in Kind if options and kind in options.kinds],
        sections=[section.value for section in Section if options and section in options.sections],
    )


def find(name: str, *, lock: bool = False) -> Task:
    """By name or id."""
    rows = Task.objects.select_for_update(of=("self",)) if lock else Task.objects.all()
    rows = rows.select_related("connection", "group")
    for row in rows.filter(name__iexact=name.strip()):
        return row
    if re.fullmatch(r"[0-9a-f-]{32,36}", name):
        for row in rows.filter(uid=uuid.UUID(name)):
            return row
    raise GiveUp("task_not_found", f"there is no task named {name}", "see: mailkeep task list")


def current_options(task: Task) -> TaskOptions:
    return options_from(_document(task))


def changed_options(
    name: str,
    *,
    switches: Mapping[Kind, bool],
    classes: tuple[str, ...] | None,
    sensitive: bool | None,
    exclusions: tuple[Exclusion, ...] | None,
    slots_per_day: int | None,
    sections: Mapping[Section, bool] = MappingProxyType({}),
) -> TaskOptions:
    """The task's present options with what is given put in their place; None leaves a thing as it is."""
    options = current_options(find(name))
    on = {kind for kind, wanted in switches.items() if wanted}
    off = {kind for kind, wanted in switches.items() if not wanted}
    return TaskOptions(
        kinds=frozenset((options.kinds | on) - off),
        classes=options.classes if classes is None else classes,
        sensitive=options.sensitive if sensitive is None else sensitive,
        exclusions=options.exclusions if exclusions is None else exclusions,
        slots_per_day=slots_per_day or options.slots_per_day,
        sections=frozenset(one for one in Section if sections.get(one, one in options.sections)),
    )


def _document(task: Task) -> dict[str, object]:
    document: dict[str, object] = task.revisions.get(number=task.revision).options
    return document


def _switch(name: str, active: bool, actor: str) -> TaskDetails:
    with transaction.atomic():
        task = find(name, lock=True)
        if task.deleting:
            raise GiveUp("deleting", f"task {task.name} is being deleted", "create it again if you still need it")
        if task.active != active:
            task.active, task.switched_at = active, timezone.now()
            task.save()
            records.save(task, actor)
    return _details(task)


def _free_name(task: Task, name: str) -> str:
    if Task.objects.filter(name__iexact=name).exclude(pk=task.pk).exists():
        raise GiveUp("name_taken", f"there is already a task named {name}", "choose another name")
    return name


def _move_connection(task: Task, connection: Connection) -> None:
    """The same address on another connection is another mailbox: the old ones leave, keeping their archive."""
    if connection.pk != task.connection_id:
        task.memberships.update(present=False, next_slot=None)
        task.connection = connection


def _details(task: Task) -> TaskDetails:
    return TaskDetails(
        id=task.uid.hex,
        name=task.name,
        connection=task.connection.name,
        group=task.group.name,
        active=task.active,
        deleting=task.deleting,
        revision=task.revision,
        options=_document(task),
    )
