"""The organisation's things as documents: what each looks like in the organisation's history, defined here once.

Operations change a row and call `save` (or `gone`) in the same transaction; `recall` reads the documents back in a
rebuild. A document is the thing's whole state, so the last one of a subject is all a rebuild needs.

    kind          subject            document
    connection    uid                name kind settings slots secrets (sealed, base64) secrets_set_at created_at
    group         uid                name members created_at
    task          uid                name connection group active deleting revision revisions switched_at created_at
    mailbox       uid                connection address owner shrink created_at
    user          account number     username password (hash) email first_name last_name is_active is_staff is_superuser
                                     date_joined
    restore       uid                source target into folder as_of entry reason actor started_at finished_at planned report
    restore_lines the restore's uid  lines: item folder sha256 created_id state stored_sha256 differences version (a batch)
    audit         ""                 at actor action subject reason detail

Things name one another by uid. Subjects are opaque; names and people stand in the documents only.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import datetime

from django.contrib.auth.models import User

from mailkeep.catalog.models import AuditLine, Connection, Group, Mailbox, Restore, RestoreLine, Task
from mailkeep.catalog.outbox import Document, record

Thing = Connection | Group | Task | Mailbox | User | Restore


def save(thing: Thing, actor: str) -> None:
    """Record the row's present state. Call after saving it, inside the same transaction."""
    record(kind_of(thing), subject_of(thing), document_of(thing), actor)


def gone(thing: Thing, actor: str) -> None:
    """Record that the thing is being removed. Call before deleting the row, inside the same transaction."""
    record(kind_of(thing), subject_of(thing), None, actor)


def save_lines(restore: Restore, lines: Sequence[RestoreLine], actor: str) -> None:
    """Record a batch of a restore's journal, as it is now."""
    documents = [
        {
            "item": line.item,
            "folder": line.folder,
            "sha256": bytes(line.sha256).hex(),
            "created_id": line.created_id,
            "state": line.state,
            "stored_sha256": bytes(line.stored_sha256).hex(),
            "differences": line.differences,
            "version": line.version,
        }
        for line in lines
    ]
    record("restore_lines", restore.uid.hex, {"lines": documents}, actor)


def save_audit(line: AuditLine) -> None:
    document: Document = {
        "at": _time(line.at),
        "actor": line.actor,
        "action": line.action,
        "subject": line.subject,
        "reason": line.reason,
        "detail": line.detail,
    }
    record("audit", "", document, line.actor)


def kind_of(thing: Thing) -> str:
    return {
        Connection: "connection",
        Group: "group",
        Task: "task",
        Mailbox: "mailbox",
        User: "user",
        Restore: "restore",
    }[type(thing)]


def subject_of(thing: Thing) -> str:
    return str(thing.pk) if isinstance(thing, User) else thing.uid.hex


def document_of(thing: Thing) -> Document:
    match thing:
        case Connection():
            return _connection(thing)
        case Group():
            members = sorted(thing.members.values_list("address", flat=True))
            return {"name": thing.name, "members": members, "created_at": _time(thing.created_at)}
        case Task():
            return _task(thing)
        case Mailbox():
            return _mailbox(thing)
        case User():
            return _user(thing)
        case Restore():
            return _restore(thing)


def _connection(row: Connection) -> Document:
    return {
        "name": row.name,
        "kind": row.kind,
        "settings": row.settings,
        "slots": row.slots,
        "secrets": base64.b64encode(bytes(row.secrets)).decode(),
        "secrets_set_at": _time(row.secrets_set_at),
        "created_at": _time(row.created_at),
    }


def _task(row: Task) -> Document:
    revisions = [
        {"number": one.number, "options": one.options, "created_at": _time(one.created_at)}
        for one in row.revisions.order_by("number")
    ]
    return {
        "name": row.name,
        "connection": row.connection.uid.hex,
        "group": row.group.uid.hex,
        "active": row.active,
        "deleting": row.deleting,
        "revision": row.revision,
        "revisions": revisions,
        "switched_at": _time(row.switched_at),
        "created_at": _time(row.created_at),
    }


def _mailbox(row: Mailbox) -> Document:
    return {
        "connection": row.connection.uid.hex,
        "address": row.address,
        "owner": row.owner.uid.hex if row.owner else None,
        "shrink": {"gone": row.shrink_gone, "known": row.shrink_known, "confirmed_at": _time(row.shrink_confirmed_at)},
        "created_at": _time(row.created_at),
    }


def _user(row: User) -> Document:
    names = ("username", "password", "email", "first_name", "last_name", "is_active", "is_staff", "is_superuser")
    return {name: getattr(row, name) for name in names} | {"date_joined": _time(row.date_joined)}


def _restore(row: Restore) -> Document:
    return {
        "source": row.source.uid.hex,
        "target": {"connection": row.target_connection.hex, "address": row.target_address},
        "into": row.into,
        "folder": row.folder,
        "as_of": _time(row.as_of),
        "entry": row.entry,
        "reason": row.reason,
        "actor": row.actor,
        "started_at": _time(row.started_at),
        "finished_at": _time(row.finished_at),
        "planned": row.planned,
        "report": row.report,
    }


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
