"""The installation while something runs on it: database up and migrated, archive there, changes on their way into its history."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db import OperationalError, connection
from django.db.migrations.executor import MigrationExecutor

from mailkeep.archive.damage import Damaged
from mailkeep.catalog import outbox
from mailkeep.errors import GiveUp, RetryLater
from mailkeep.host import database
from mailkeep.host.home import Home
from mailkeep.operations import archive, witness

log = logging.getLogger(__name__)

MIGRATION_LOCK = 0x6D6B_0003


def home() -> Home:
    return Home(Path(settings.HOME))


@contextmanager
def opened(*, behind_ok: bool = False) -> Iterator[None]:
    """For one command: shares or starts the database, and brings what changed into the organisation's history at the end.

    A catalog that is behind its archive (the database was lost) is refused, unless the command is there to mend it.
    """
    with database.running(home()) as started:
        ready(behind_ok=behind_ok)
        if started is not None:
            archive.repository().index_orphans()  # the index is committed lazily: a power cut may have cost its last rows
        try:
            yield
        finally:
            settle()


def ready(*, behind_ok: bool = False) -> bool:
    """Migrate, make the archive at the first start, compare the two. True when the archive was made now."""
    try:
        _migrate()
    except OperationalError as error:
        raise RetryLater(
            "database_offline",
            f"the database does not answer: {error}",
            "check DATABASE_URL, and that its server is running",
        ) from error
    made = archive.create_if_missing()
    if not behind_ok:
        _refuse_if_behind()
    return made


def settle() -> None:
    """What was changed reaches the organisation's history, and the heads a signed statement."""
    try:
        outbox.flush(archive.repository())
    except Damaged as error:  # the change is made and waits; a command that mends must not fail for it
        log.error("the organisation's history is damaged, run `mailkeep verify`: %s", error)
    witness.state_heads()
    connection.close()


def _migrate() -> None:
    """Two first commands may begin at once: one migrates, the other waits and finds it done."""
    if not _migrations_missing():
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [MIGRATION_LOCK])
        try:
            if _migrations_missing():
                call_command("migrate", verbosity=0, interactive=False)
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [MIGRATION_LOCK])


def _migrations_missing() -> bool:
    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def _refuse_if_behind() -> None:
    """A crash leaves the catalog one entry behind the organisation's history, at most; more means a lost or an older database."""
    known, kept = outbox.known_head().number, archive.repository().organisation().head().number
    if kept > known + 1 or (kept and not known):
        raise GiveUp(
            "catalog_behind",
            "the catalog is behind its archive: the database was lost, or is an older copy",
            "run `mailkeep rebuild`; it makes the catalog again from the archive",
        )
