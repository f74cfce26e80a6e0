"""A cluster of an older major version."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mailkeep.errors import GiveUp
from mailkeep.host import database, postgres, upgrade
from mailkeep.host import home as host_home
from mailkeep.host.engine import PACKAGE, Engine
from mailkeep.host.postgres import SUPERUSER, Cluster

TUNING = {"fsync": "off"}
DEBIAN = sorted(Path("/usr/lib/postgresql").glob("1[0-7]")) if Path("/usr/lib/postgresql").is_dir() else []


def older_engine(home: host_home.Home) -> Engine:
    """What an earlier wheel would have left in the home: here the system's own older version, by links."""
    engine = Engine(home.engine / f"{DEBIAN[-1].name}.0", f"{DEBIAN[-1].name}.0")
    engine.programs.mkdir(parents=True)
    for program in ("postgres", "initdb"):
        (engine.programs / program).symlink_to(DEBIAN[-1] / "bin" / program)
    return engine


def older_cluster(cluster: Cluster, engine: Engine) -> None:
    """Made and filled by the older version."""
    cluster.prepare()
    password = postgres.password_file(cluster.home.database_password.read_text().strip(), cluster.account)
    with password as descriptor:
        arguments = ["-D", cluster.path(cluster.data), "-U", SUPERUSER, "--auth=scram-sha-256", "--encoding=UTF8"]
        arguments += [f"--pwfile=/proc/self/fd/{descriptor}", "--locale=C", "--no-sync"]
        cluster.run(engine, "initdb", arguments, descriptors=[descriptor])
    server = cluster.spawn(engine, cluster.data, {})
    cluster.wait_ready(server, cluster.data)
    with postgres.sign_in(cluster.home, SUPERUSER, "postgres") as connection:
        cluster.make_role(connection)
    with postgres.sign_in(cluster.home) as connection:
        connection.execute("CREATE TABLE kept (id serial PRIMARY KEY, word text)")
        connection.execute("INSERT INTO kept (word) SELECT 'wörd ' || n FROM generate_series(1, 1000) n")
    postgres.finish(server)


@pytest.mark.skipif(not DEBIAN, reason="needs an older PostgreSQL of the system's")
@pytest.mark.parametrize("killed_in_between", [False, True])
def test_an_older_cluster_is_brought_over_whole(home: Path, killed_in_between: bool) -> None:
    ours = host_home.prepare(home)
    cluster = Cluster(ours, TUNING)
    older_cluster(cluster, older_engine(ours))
    if killed_in_between:  # after the first of the two renames
        cluster.data.rename(cluster.data.with_name("data.before"))
    with database.running(ours, TUNING), postgres.sign_in(ours) as connection:
        assert connection.execute("SELECT count(*), max(id) FROM kept").fetchone() == (1000, 1000)
        assert connection.execute("INSERT INTO kept (word) VALUES ('more') RETURNING id").fetchone() == (1001,)
        assert connection.execute(
            "SELECT pg_get_userbyid(relowner) FROM pg_class WHERE relname = 'kept'"
        ).fetchone() == ("mailkeep",)
    assert [path.name for path in ours.engine.iterdir()] == [cluster.engine.version], (
        "the old programs have done their work"
    )
    assert os.listdir(ours.postgres) == ["data"]


def test_without_the_older_programs_the_refusal_says_what_to_do(home: Path) -> None:
    ours = host_home.prepare(home)
    cluster = Cluster(ours, TUNING)
    cluster.data.mkdir(parents=True)
    (cluster.data / "PG_VERSION").write_text("12\n")
    with pytest.raises(GiveUp) as caught:
        upgrade.bring_over(cluster)
    assert caught.value.code == "database_version"
    assert "PostgreSQL 12" in caught.value.message
    assert "mailkeep rebuild" in caught.value.hint
    assert (ours.engine / cluster.engine.version / PACKAGE).is_dir()
