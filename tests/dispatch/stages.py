"""One stage for both implementations of the dispatcher's rows: set up an organisation, look at what came of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Protocol
from uuid import UUID

from django.db import connection
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from mailkeep.catalog.dispatch_rows import DispatchRows, asked
from mailkeep.catalog.lease_rows import LeaseRows
from mailkeep.catalog.models import Connection, Lease, Mailbox, Membership, Task, TaskRevision
from mailkeep.dispatch import memory
from mailkeep.dispatch.memory import MemoryRows
from mailkeep.dispatch.ports import Leases, Rows
from mailkeep.jobs.queue import put
from mailkeep.tasks.document import options_document
from mailkeep.tasks.options import TaskOptions
from tests.catalog import world


class Stage(Protocol):
    rows: Rows
    leases: Leases

    def now(self) -> datetime: ...
    def slots(self, number: int) -> None: ...
    def task(self, name: str, options: TaskOptions = TaskOptions()) -> int: ...  # noqa: B008 - frozen
    def switch(self, task: int, *, active: bool = True, deleting: bool = False) -> None: ...
    def exists(self, task: int) -> bool: ...
    def mailbox(self) -> int: ...
    def member(self, task: int, mailbox: int) -> int: ...
    def leave(self, membership: int) -> None: ...
    def due_since(self, membership: int, seconds: float) -> None: ...
    def slot(self, membership: int) -> datetime | None: ...
    def ask(self, membership: int) -> None: ...
    def code(self, membership: int) -> str: ...
    def connection(self) -> int: ...
    def leased(self) -> list[int]: ...
    def silence(self, seconds: float) -> None:
        """Every lease's last sign of life is that much older."""
        ...

    def fetch(self) -> UUID:
        """A worker takes the oldest job from the queue; it has not begun with it yet."""
        ...


class MemoryStage:
    def __init__(self) -> None:
        self.rows = MemoryRows(datetime(2026, 11, 23, 12, tzinfo=UTC))
        self.leases = self.rows
        self.rows.connections[1] = memory.Connection()

    def now(self) -> datetime:
        return self.rows.now

    def slots(self, number: int) -> None:
        self.rows.connections[1].slots = number

    def task(self, name: str, options: TaskOptions = TaskOptions()) -> int:  # noqa: B008
        number = len(self.rows.tasks) + 1
        self.rows.tasks[number] = memory.Task(name, 1, options)
        return number

    def switch(self, task: int, *, active: bool = True, deleting: bool = False) -> None:
        self.rows.tasks[task].active, self.rows.tasks[task].deleting = active, deleting

    def exists(self, task: int) -> bool:
        return task in self.rows.tasks

    def mailbox(self) -> int:
        return self.rows.add_mailbox(1)

    def member(self, task: int, mailbox: int) -> int:
        return self.rows.join(task, mailbox)

    def leave(self, membership: int) -> None:
        self.rows.memberships[membership].present = False

    def due_since(self, membership: int, seconds: float) -> None:
        self.rows.memberships[membership].next_slot = self.rows.now - timedelta(seconds=seconds)

    def slot(self, membership: int) -> datetime | None:
        return self.rows.memberships[membership].next_slot

    def ask(self, membership: int) -> None:
        self.rows.memberships[membership].asked_at = self.rows.now

    def code(self, membership: int) -> str:
        return self.rows.memberships[membership].code

    def connection(self) -> int:
        return 1

    def leased(self) -> list[int]:
        return sorted(self.rows.leases)

    def silence(self, seconds: float) -> None:
        for lease in self.rows.leases.values():
            lease.sign_of_life -= timedelta(seconds=seconds)

    def fetch(self) -> UUID:
        token = self.rows.queue.pop(0)
        self.rows.fetched.append(token)
        return token


def put_lease(token: UUID) -> None:
    put("of-a-test", queue="mailboxes", key=str(token), token=str(token))


class CatalogStage:
    def __init__(self) -> None:
        self.rows = DispatchRows(put_lease)
        self.leases = LeaseRows()
        self._connection = world.connection()
        self._group = world.group("All")

    def now(self) -> datetime:
        return timezone.now()

    def slots(self, number: int) -> None:
        Connection.objects.update(slots=number)

    def task(self, name: str, options: TaskOptions = TaskOptions()) -> int:  # noqa: B008
        row = world.task(name, self._connection, self._group)
        TaskRevision.objects.filter(task=row).update(options=options_document(options))
        return row.pk

    def switch(self, task: int, *, active: bool = True, deleting: bool = False) -> None:
        Task.objects.filter(pk=task).update(active=active, deleting=deleting)

    def exists(self, task: int) -> bool:
        return Task.objects.filter(pk=task).exists()

    def mailbox(self) -> int:
        return world.mailbox(self._connection, f"m{Mailbox.objects.count()}@example.org").pk

    def member(self, task: int, mailbox: int) -> int:
        return world.member(Task.objects.get(pk=task), Mailbox.objects.get(pk=mailbox)).pk

    def leave(self, membership: int) -> None:
        Membership.objects.filter(pk=membership).update(present=False)

    def due_since(self, membership: int, seconds: float) -> None:
        Membership.objects.filter(pk=membership).update(next_slot=self.now() - timedelta(seconds=seconds))

    def slot(self, membership: int) -> datetime | None:
        return Membership.objects.get(pk=membership).next_slot

    def ask(self, membership: int) -> None:
        asked([membership], self.now())

    def code(self, membership: int) -> str:
        return Membership.objects.get(pk=membership).code

    def connection(self) -> int:
        return self._connection.pk

    def leased(self) -> list[int]:
        return sorted(Lease.objects.values_list("mailbox", flat=True))

    def silence(self, seconds: float) -> None:
        for lease in Lease.objects.all():
            Lease.objects.filter(pk=lease.pk).update(heartbeat=lease.heartbeat - timedelta(seconds=seconds))

    def fetch(self) -> UUID:
        job = ProcrastinateJob.objects.filter(status="todo").order_by("id")[0]
        with connection.cursor() as cursor:
            cursor.execute("UPDATE procrastinate_jobs SET status = 'doing' WHERE id = %s", [job.pk])
        return UUID(job.args["token"])
