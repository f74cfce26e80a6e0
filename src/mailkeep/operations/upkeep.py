"""Proving the archive, and making the catalog again from it (SPEC D2, D3)."""

from __future__ import annotations

from dataclasses import asdict

from django.utils import timezone

from mailkeep.archive import verify as proving
from mailkeep.archive import witness as statements
from mailkeep.archive.damage import Damaged
from mailkeep.archive.verify import Verdict
from mailkeep.catalog import audit
from mailkeep.catalog import rebuild as rebuilding
from mailkeep.catalog.models import Lease
from mailkeep.catalog.rebuild import Rebuilt
from mailkeep.dispatch.tick import LIMITS
from mailkeep.errors import GiveUp
from mailkeep.operations import synchronise
from mailkeep.operations.archive import repository, witness_folder
from mailkeep.operations.witness import heads
from mailkeep.progress import Report

SILENCE = LIMITS.silence


def verify(report: Report) -> Verdict:
    """Read and prove every object; compare the heads with the catalog's and with the latest signed statement."""
    archive = repository()
    known = heads()
    try:
        statement = statements.latest(archive, witness_folder())
    except Damaged:  # `verify` reads every statement itself, and names this one
        statement = None
    return proving.verify(archive, known or None, statement, report, witness_folder=witness_folder())


def rebuild(actor: str, report: Report) -> Rebuilt:
    """Empty the catalog and make it again. Refused while a synchronisation runs."""
    synchronise.release_the_dead()
    if Lease.objects.filter(heartbeat__gt=timezone.now() - SILENCE).exists():
        raise GiveUp("busy", "a synchronisation is running", "stop `mailkeep serve` and try again")
    archive = repository()
    done = rebuilding.rebuild(archive, report)
    audit.record(actor, "rebuild", "", "", asdict(done))
    return done
