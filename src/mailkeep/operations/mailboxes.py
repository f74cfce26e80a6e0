"""Synced mailboxes: every mailbox ever met, inactive ones too (SPEC E1), and the confirmation of a shrink (C3)."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from mailkeep.catalog import audit, records
from mailkeep.catalog.models import Mailbox, Membership
from mailkeep.errors import GiveUp


@dataclass(frozen=True, slots=True)
class MailboxRow:
    """One mailbox as people see it. `task` is the one whose result is shown: the owner, else the one that wants it."""

    id: str
    address: str
    connection: str
    task: str | None
    owner: str | None
    active: bool  # a task has it in its group now
    result: str
    code: str
    message: str
    hint: str
    initial_replication: datetime | None
    last_activity: datetime | None
    running: bool
    counts: dict[str, int]


def listed() -> list[MailboxRow]:
    rows = Mailbox.objects.select_related("connection", "owner", "lease")
    return [_row(row) for row in rows.prefetch_related("memberships__task").order_by("address", "id")]


def show(name: str, connection: str | None = None) -> MailboxRow:
    return _row(find(name, connection))


def find(name: str, connection: str | None = None) -> Mailbox:
    """By address or id. GiveUp `mailbox_ambiguous` where two connections have the address and none is named."""
    rows = Mailbox.objects.select_related("connection", "owner")
    is_id = re.fullmatch(r"[0-9a-f]{32}", name)
    found = list(rows.filter(uid=uuid.UUID(name)) if is_id else rows.filter(address__iexact=name.strip()))
    if connection is not None:
        found = [row for row in found if row.connection.name.lower() == connection.lower()]
    if not found:
        raise GiveUp("no_such_mailbox", f"the archive knows no mailbox {name}", "see: mailkeep mailboxes")
    if len(found) > 1:
        choices = ", ".join(f"{row.uid.hex} ({row.connection.name})" for row in found)
        raise GiveUp("mailbox_ambiguous", f"{name} is on several connections", f"name one by its id: {choices}")
    return found[0]


def confirm_shrink(name: str, reason: str, actor: str) -> MailboxRow:
    """A person says that the mailbox really became smaller; the next run records the removals."""
    with transaction.atomic():
        row = Mailbox.objects.select_for_update(of=("self",)).get(pk=find(name).pk)
        if row.shrink_gone is None:
            raise GiveUp("nothing_to_confirm", f"nothing is missing from {row.address}", "see: mailkeep mailboxes")
        if not reason.strip():
            raise GiveUp("bad_reason", "a confirmation needs a reason", "give --reason")
        row.shrink_confirmed_at = timezone.now()
        row.save(update_fields=["shrink_confirmed_at"])
        row.memberships.filter(present=True).update(asked_at=timezone.now())
        records.save(row, actor)
        audit.record(actor, "confirm_shrink", row.address, reason, {"gone": row.shrink_gone, "known": row.shrink_known})
    return _row(find(row.uid.hex))


def _row(row: Mailbox) -> MailboxRow:
    memberships = list(row.memberships.all())
    shown = _shown_membership(row, memberships)
    return MailboxRow(
        id=row.uid.hex,
        address=row.address,
        connection=row.connection.name,
        task=shown.task.name if shown else None,
        owner=row.owner.name if row.owner else None,
        active=any(one.present and one.task.active for one in memberships),
        result=shown.result if shown else "",
        code=shown.code if shown else "",
        message=shown.message if shown else "",
        hint=shown.hint if shown else "",
        initial_replication=row.initial_replication,
        last_activity=row.last_activity,
        running=hasattr(row, "lease"),
        counts=row.counts,
    )


def _shown_membership(row: Mailbox, memberships: list[Membership]) -> Membership | None:
    owners = [one for one in memberships if one.task_id == row.owner_id]
    present = [one for one in memberships if one.present]
    return next(iter(owners or present or memberships), None)
