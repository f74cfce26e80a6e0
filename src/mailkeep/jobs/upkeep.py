"""What dead workers held. The engine's own retry does not ask who holds a job, and prunes workers only when one
starts.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from asgiref.sync import async_to_sync
from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob
from procrastinate.jobs import Status

from mailkeep.jobs.queue import DECLARED, SILENT_SECONDS, app

log = logging.getLogger(__name__)

ATTEMPTS_MAX = 5  # a job that has killed that many workers is dropped
LOCK = 0x6D6B_6A6F  # "mkjo"


def resume_abandoned() -> tuple[int, int]:
    """(put back, dropped) of the jobs whose worker is dead. Several processes may call it at once: one does it."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK])
        if not cursor.fetchone()[0]:
            return 0, 0
        return _resume()


def _resume() -> tuple[int, int]:
    dead = Q(worker=None) | Q(worker__last_heartbeat__lt=timezone.now() - timedelta(seconds=SILENT_SECONDS))
    back = dropped = 0
    for row in ProcrastinateJob.objects.filter(dead, status="doing").values("id", "task_name", "attempts")[:500]:
        declared = DECLARED.get(row["task_name"])
        if declared is not None and declared.resumed and row["attempts"] < ATTEMPTS_MAX:
            log.warning("job %s (%s): its worker is dead, queued again", row["id"], row["task_name"])
            app.job_manager.retry_job_by_id(row["id"], timezone.now())
            back += 1
        else:
            level = logging.ERROR if declared is None or declared.resumed else logging.INFO
            log.log(level, "job %s (%s): its worker is dead, dropped", row["id"], row["task_name"])
            async_to_sync(app.job_manager.finish_job_by_id_async)(row["id"], Status.FAILED, True)
            dropped += 1
    return back, dropped
