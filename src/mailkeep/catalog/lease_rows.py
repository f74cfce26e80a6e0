"""A worker's hold on a mailbox, as rows: `dispatch.ports.Leases`. Each call is a transaction of its own, by the
database's clock.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import connection, transaction

from mailkeep.catalog.dispatch_rows import end_unfinished
from mailkeep.dispatch.ports import Held

_BEGIN = """
    UPDATE catalog_lease l SET started = true, heartbeat = clock_timestamp() FROM catalog_mailbox b
    WHERE b.id = l.mailbox_id AND l.token = %s AND NOT l.started
    RETURNING l.token, l.run_id, b.id, b.uid, l.task_id, l.revision, b.connection_id
"""
_ALIVE = "UPDATE catalog_lease SET heartbeat = clock_timestamp() WHERE token = %s RETURNING id"
_END = "DELETE FROM catalog_lease WHERE token = %s RETURNING run_id, clock_timestamp()"


class LeaseRows:
    """`Leases` over PostgreSQL."""

    def begin(self, token: UUID) -> Held | None:
        row = _row(_BEGIN, token)
        return Held(*row) if row else None

    def alive(self, token: UUID) -> bool:
        return _row(_ALIVE, token) is not None

    def end(self, token: UUID) -> bool:
        with transaction.atomic():
            row = _row(_END, token)
            if row is None:
                return False
            end_unfinished(*row)
        return True


def _row(statement: str, token: UUID) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(statement, [token])
        return cursor.fetchone()
