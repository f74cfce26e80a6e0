"""Proving the archive, and making the catalog again from it (SPEC D2, D3)."""

from __future__ import annotations

from mailkeep.archive import verify as proving
from mailkeep.archive import witness as statements
from mailkeep.archive.verify import Verdict
from mailkeep.catalog import audit, outbox
from mailkeep.catalog import rebuild as rebuilding
from mailkeep.catalog.models import Lease
from mailkeep.errors import GiveUp
from mailkeep.operations.archive import repository, witness_folder
from mailkeep.operations.witness import heads
from mailkeep.progress import Report


def verify(report: Report) -> Verdict:
    """Read and prove every object; compare the heads with the catalog's and with the latest signed statement."""
    archive = repository()
    known = heads()
    statement = statements.latest(archive, witness_folder())
    return proving.verify(archive, known or None, statement, report)


def rebuild(actor: str, report: Report) -> dict[str, int]:
    """Empty the catalog and make it again. Refused while a synchronisation runs."""
    if Lease.objects.exists():
        raise GiveUp("busy", "a synchronisation is running", "stop `mailkeep serve` and try again")
    archive = repository()
    counts = rebuilding.rebuild(archive, report)
    audit.record(actor, "rebuild", "", "", dict(counts))
    outbox.flush(archive)
    return counts
