"""Configuration, people and journals, read back from the organisation's history: the reverse of `records`.

The last document of a thing is its state. Those are gathered first (they are as many as there are things), then made
into rows, those that are referred to before those that refer. Audit lines and restore journals, of which there may be
millions, are written as they are read.
"""

from __future__ import annotations

import base64
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ObjectDoesNotExist
from django.db import IntegrityError, connection, transaction

from mailkeep.archive.chain import ORGANISATION, Chain, Link
from mailkeep.archive.damage import Damaged
from mailkeep.archive.events import EMPTY_HEAD, Head
from mailkeep.archive.organisation import OrganisationEvent
from mailkeep.archive.repository import Repository
from mailkeep.catalog import outbox, records
from mailkeep.catalog.models import (
    AuditLine,
    Connection,
    Group,
    GroupMember,
    Mailbox,
    Membership,
    OutboxLine,
    Restore,
    RestoreLine,
    Task,
    TaskRevision,
)
from mailkeep.catalog.outbox import Document
from mailkeep.store.base import NotFound

ACTOR = "rebuild"
DAMAGED_NAMED_MAX = 1000  # a lost pack may hit millions of events

States = dict[str, dict[str, Document]]  # kind → subject → its last document


@dataclass(slots=True)
class Gathered:
    """What the organisation's history tells, as far as it can be read, and what is wrong with the rest."""

    states: States = field(default_factory=dict)
    head: Head = EMPTY_HEAD
    written: set[uuid.UUID] = field(default_factory=set)  # waiting lines that an entry holds already
    damaged: list[tuple[str, str]] = field(default_factory=list)  # the first DAMAGED_NAMED_MAX

    def note(self, thing: str, problem: str) -> None:
        if len(self.damaged) < DAMAGED_NAMED_MAX:
            self.damaged.append((thing, problem))


def gather(repository: Repository) -> Gathered:
    """The last state of everything, and lines that wait as the newest word. Changes nothing. RetryLater: store offline."""
    gathered = Gathered()
    waiting = {line.uid: line for line in OutboxLine.objects.order_by("id")}
    for event in _events(repository, gathered):
        line, document = outbox.opened(event)
        if line in waiting:
            gathered.written.add(waiting.pop(line).uid)
        _gather(gathered.states, event.kind, event.subject, document)
    for line_row in waiting.values():
        _gather(gathered.states, line_row.kind, line_row.subject, line_row.document)
    return gathered


def recall(repository: Repository, gathered: Gathered) -> dict[str, int]:
    """Rows for everything that was gathered, into empty tables. Returns how many of each kind.

    Tasks come back stopped, and those that were being deleted stay away; what that changes is recorded in its turn.
    What refers to something that could not be read stays away too, and is added to what is damaged.
    """
    with transaction.atomic():
        OutboxLine.objects.filter(uid__in=gathered.written).delete()
        outbox.keep(gathered.head)
        for kind, make in _MAKERS.items():
            for subject, document in gathered.states.get(kind, {}).items():
                _made(make, kind, subject, document, gathered)
        _number_accounts_on()
        _join_members()
        _stop_tasks(gathered.states)
    for event in _events(repository, Gathered()):
        if event.kind == "audit":
            _audit(outbox.opened(event)[1])
        elif event.kind == "restore_lines":
            _journal(event)
    counts = {kind: len(found) for kind, found in gathered.states.items()}
    return {**counts, "audit": AuditLine.objects.count(), "restore_lines": RestoreLine.objects.count()}


def _made(
    make: Callable[[str, Document], None], kind: str, subject: str, document: Document, gathered: Gathered
) -> None:
    try:
        with transaction.atomic():
            make(subject, document)
    except (ObjectDoesNotExist, IntegrityError) as error:
        gathered.note(f"{kind} {subject}", f"it does not fit what else could be read: {error}")


def _events(repository: Repository, gathered: Gathered) -> Iterator[OrganisationEvent]:
    """Every event that can be read; damage and the end of the chain are noted in `gathered`."""
    organisation = repository.organisation()
    for link in _links(organisation.chain, gathered):
        try:
            named = organisation.decode(link)
        except Damaged as damage:
            gathered.note(ORGANISATION, damage.message)
            continue
        for at, kind, blob in named:
            try:
                yield organisation.event(at, kind, blob)
            except (Damaged, NotFound) as damage:
                gathered.note(ORGANISATION, f"entry {link.number}: {damage.message}")


def _links(chain: Chain, gathered: Gathered) -> Iterator[Link]:
    for first, last in chain.units():
        try:
            held = chain.unit(first, last)
        except (Damaged, NotFound) as damage:
            gathered.note(ORGANISATION, damage.message)
            continue
        for number, stored in enumerate(held, first):
            try:
                link = chain.open(number, stored)
            except Damaged as damage:
                gathered.note(ORGANISATION, damage.message)
                continue
            if (number, link.previous) != (gathered.head.number + 1, gathered.head.hash):
                problem = f"entry {number} does not follow entry {gathered.head.number}, the last that can be read"
                gathered.note(ORGANISATION, problem)
            yield link
            gathered.head = link.head


def _gather(states: States, kind: str, subject: str, document: Document | None) -> None:
    if kind not in _MAKERS:
        return
    of_kind = states.setdefault(kind, {})
    if document is None:
        of_kind.pop(subject, None)
    else:
        of_kind[subject] = document


# One function for each kind: a document becomes rows.


def _connection(subject: str, document: Document) -> None:
    Connection.objects.create(
        uid=uuid.UUID(subject),
        name=document["name"],
        kind=document["kind"],
        settings=document["settings"],
        slots=document["slots"],
        secrets=base64.b64decode(document["secrets"]),
        secrets_set_at=_time(document["secrets_set_at"]),
        created_at=_time(document["created_at"]),
    )


def _group(subject: str, document: Document) -> None:
    group = Group.objects.create(
        uid=uuid.UUID(subject), name=document["name"], created_at=_time(document["created_at"])
    )
    GroupMember.objects.bulk_create(GroupMember(group=group, address=address) for address in document["members"])


def _task(subject: str, document: Document) -> None:
    if document["deleting"]:
        return
    task = Task.objects.create(
        uid=uuid.UUID(subject),
        name=document["name"],
        connection=Connection.objects.get(uid=document["connection"]),
        group=Group.objects.get(uid=document["group"]),
        active=False,
        revision=document["revision"],
        switched_at=_time(document["switched_at"]),
        created_at=_time(document["created_at"]),
    )
    TaskRevision.objects.bulk_create(
        TaskRevision(task=task, number=one["number"], options=one["options"], created_at=_time(one["created_at"]))
        for one in document["revisions"]
    )


def _mailbox(subject: str, document: Document) -> None:
    """Without a shrink's confirmation: it may have served already. The next run sees the shrink, and asks again."""
    owner = document["owner"]
    Mailbox.objects.create(
        uid=uuid.UUID(subject),
        connection=Connection.objects.get(uid=document["connection"]),
        address=document["address"],
        owner=Task.objects.filter(uid=owner).first() if owner else None,  # a task deleted since owns nothing
        created_at=_time(document["created_at"]),
    )


def _user(subject: str, document: Document) -> None:
    User.objects.create(pk=int(subject), **{**document, "date_joined": _time(document["date_joined"])})


def _restore(subject: str, document: Document) -> None:
    Restore.objects.create(
        uid=uuid.UUID(subject),
        source=Mailbox.objects.get(uid=document["source"]),
        target_connection=uuid.UUID(document["target"]["connection"]),
        target_address=document["target"]["address"],
        into=document["into"],
        folder=document["folder"],
        as_of=_time(document["as_of"]),
        entry=document["entry"],
        reason=document["reason"],
        actor=document["actor"],
        started_at=_time(document["started_at"]),
        finished_at=_time(document["finished_at"]),
        planned=document["planned"],
        report=document["report"],
    )


def _audit(document: Document | None) -> None:
    if document is not None:
        AuditLine.objects.create(**{**document, "at": _time(document["at"])})


def _journal(event: OrganisationEvent) -> None:
    """A batch of a restore's lines: the last word on each item."""
    _, document = outbox.opened(event)
    restore = Restore.objects.filter(uid=event.subject).first()
    if document is None or restore is None:
        return
    told = {line["item"]: line for line in document["lines"]}
    known = {line.item: line for line in RestoreLine.objects.filter(restore=restore, item__in=list(told))}
    for item, line in told.items():
        row = known.get(item) or RestoreLine(restore=restore, item=item)
        row.folder, row.sha256 = line["folder"], bytes.fromhex(line["sha256"])
        row.created_id, row.state, row.differences = line["created_id"], line["state"], line["differences"]
        row.stored_sha256, row.version = bytes.fromhex(line["stored_sha256"]), line.get("version", "")
        row.save()


_MAKERS: dict[str, Callable[[str, Document], None]] = {
    "user": _user,
    "connection": _connection,
    "group": _group,
    "task": _task,
    "mailbox": _mailbox,
    "restore": _restore,
}


def _number_accounts_on() -> None:
    """Accounts keep their numbers, so the next new one must get one that was never used."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT setval(pg_get_serial_sequence('auth_user', 'id'), coalesce(max(id), 0) + 1, false) FROM auth_user"
        )


def _join_members() -> None:
    """Memberships follow from groups and owners: who is in the group is present, what a task only owns has left it."""
    mailboxes: dict[tuple[int, str], Mailbox] = {}
    for mailbox in Mailbox.objects.all():
        mailboxes[mailbox.connection_id, mailbox.address.lower()] = mailbox
    for task in Task.objects.prefetch_related("group__members", "owned"):
        keys = [(task.connection_id, member.address.lower()) for member in task.group.members.all()]
        present = {mailboxes[key].pk for key in keys if key in mailboxes}
        left = {mailbox.pk for mailbox in task.owned.all()} - present
        Membership.objects.bulk_create(
            Membership(task=task, mailbox_id=mailbox, present=mailbox in present) for mailbox in sorted(present | left)
        )


def _stop_tasks(states: States) -> None:
    for subject, document in states.get("task", {}).items():
        if document["deleting"]:
            outbox.record("task", subject, None, ACTOR)
        elif document["active"]:
            for task in Task.objects.select_related("connection", "group").filter(uid=subject):
                records.save(task, ACTOR)


def _time(text: str | None) -> Any:
    return None if text is None else datetime.fromisoformat(text)
