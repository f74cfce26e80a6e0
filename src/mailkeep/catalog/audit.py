"""Who did what, to what, why (SPEC E7, F3): a row to look at and a line on its way into the organisation's history, in
one transaction.
"""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone

from mailkeep.catalog import records
from mailkeep.catalog.copying import clean
from mailkeep.catalog.models import AuditLine


def record(actor: str, action: str, subject: str = "", reason: str = "", detail: dict[str, Any] | None = None) -> None:
    """`action` is a word of ours ("export", "restore", "sign_in"); `subject` says to what, as people know it."""
    with transaction.atomic():
        line = AuditLine.objects.create(
            at=timezone.now(),
            actor=clean(actor)[:150],
            action=action,
            subject=clean(subject)[:400],
            reason=clean(reason),
            detail=detail or {},
        )
        records.save_audit(line)
