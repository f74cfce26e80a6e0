"""The signed statement of all heads: what a rolled-back archive is found out by (ARCHITECTURE.md, and `archive.witness`)."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils import timezone

from mailkeep.archive import witness
from mailkeep.archive.chain import ORGANISATION
from mailkeep.archive.events import Head
from mailkeep.catalog import outbox
from mailkeep.catalog.models import Mailbox
from mailkeep.operations.archive import repository, witness_folder


def heads() -> Mapping[str, Head]:
    """The end of every chain, as the catalog knows it."""
    found = {
        row.uid.hex: Head(row.head_number, bytes(row.head_hash), row.head_time)
        for row in Mailbox.objects.filter(head_number__gt=0)
    }
    organisation = outbox.known_head()
    return found | ({ORGANISATION: organisation} if organisation.number else {})


def state_heads(*, at_once: bool = False) -> bool:
    """State the heads where something changed and, unless `at_once`, the last statement is a minute old. True: done now."""
    archive, now = repository(), timezone.now()
    present = heads()
    if not at_once and not witness.due(witness.latest(archive, witness_folder()), present, now):
        return False
    witness.write(archive, present, now, witness_folder())
    return True
