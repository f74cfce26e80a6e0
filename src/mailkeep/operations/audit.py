"""The audit log, read (SPEC F3). Every operation that looks into mail or changes something writes it through `catalog.audit`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mailkeep.catalog.models import AuditLine


@dataclass(frozen=True, slots=True)
class AuditRow:
    at: datetime
    actor: str
    action: str
    subject: str
    reason: str
    detail: dict[str, Any]


def listed() -> Iterator[AuditRow]:
    """Every line, oldest first."""
    for row in AuditLine.objects.order_by("id").iterator(chunk_size=2000):
        yield AuditRow(row.at, row.actor, row.action, row.subject, row.reason, row.detail)
