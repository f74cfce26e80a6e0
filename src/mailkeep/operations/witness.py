"""The signed statement of all heads: what a rolled-back archive is found out by (ARCHITECTURE.md, and `archive.witness`)."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from django.utils import timezone

from mailkeep.archive import witness
from mailkeep.archive.chain import ORGANISATION
from mailkeep.archive.damage import Damaged
from mailkeep.archive.events import Head
from mailkeep.catalog import outbox
from mailkeep.catalog.models import Mailbox
from mailkeep.operations.archive import repository, witness_folder

log = logging.getLogger(__name__)


def heads() -> Mapping[str, Head]:
    """The end of every chain, as the catalog knows it."""
    found = {
        row.uid.hex: Head(row.head_number, bytes(row.head_hash), row.head_time)
        for row in Mailbox.objects.filter(head_number__gt=0)
    }
    organisation = outbox.known_head()
    return found | ({ORGANISATION: organisation} if organisation.number else {})


def state_heads(*, at_once: bool = False) -> bool:
    """State the heads where something changed and, unless `at_once`, the last statement is a minute old. True: done now.

    Never where a chain is shorter or other than it was stated before: a signature must not make a rollback good. `verify` says what is missing.
    """
    archive, now = repository(), timezone.now()
    present = heads()
    try:
        last = witness.latest(archive, witness_folder())
    except Damaged as error:
        log.error("no statement of heads is signed while the last one is damaged: %s", error)
        return False
    if not at_once and not witness.due(last, present, now):
        return False
    if gone_back := witness.regresses(last, present):
        log.error(
            "no statement of heads is signed: %s chains have gone back since the last one; run verify", len(gone_back)
        )
        return False
    witness.write(archive, present, now, witness_folder())
    return True
