"""From rows to the organisation's history, exactly once, whatever is cut off."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from django.db import connection, transaction

from mailkeep.archive.repository import Repository
from mailkeep.catalog import audit, outbox, records
from mailkeep.catalog.models import Blob, OutboxLine, Pack
from tests.catalog import world

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return world.archive(tmp_path)


def written(repository: Repository) -> list[tuple[str, str, str, object]]:
    events = [event for entry, _ in repository.organisation().read() for event in entry.events]
    return [(event.actor, event.kind, event.subject, outbox.opened(event)[1]) for event in events]


def test_what_was_recorded_arrives_in_order_and_once(repository: Repository) -> None:
    on = world.connection()
    on.name = "Renamed"
    on.save()
    records.save(on, "bob")
    records.gone(on, "bob")
    assert outbox.flush(repository) == 1
    assert outbox.flush(repository) == 0
    said = [(actor, kind, document and document["name"]) for actor, kind, _, document in written(repository)]  # type: ignore[index]
    assert said == [("alice", "connection", "Dovecot"), ("bob", "connection", "Renamed"), ("bob", "connection", None)]
    assert outbox.known_head() == repository.organisation().head()


def test_a_change_that_was_rolled_back_leaves_no_line(repository: Repository) -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        world.connection().pk / 0
    assert outbox.flush(repository) == 0


@pytest.mark.parametrize("index_lost", [False, True])
def test_a_crash_between_append_and_delete_doubles_nothing(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, index_lost: bool
) -> None:
    world.connection("one")
    audit.record("alice", "view", "a mailbox", "because", {"n": 1})

    def killed(head: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(outbox, "keep", killed)
        with pytest.raises(KeyboardInterrupt):
            outbox.flush(repository)
    assert len(written(repository)) == OutboxLine.objects.count() == 2
    if index_lost:
        Blob.objects.all().delete()
        Pack.objects.all().delete()
    world.connection("two")
    assert outbox.flush(repository) == 1
    assert [kind for _, kind, _, _ in written(repository)] == ["connection", "audit", "connection"]
    assert OutboxLine.objects.count() == 0


def test_many_lines_become_several_entries(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "EVENTS_PER_ENTRY_MAX", 3)
    for number in range(7):
        audit.record("alice", "view", str(number))
    assert outbox.flush(repository) == 3
    assert [document["subject"] for *_, document in written(repository)] == [str(n) for n in range(7)]  # type: ignore[index]


def test_while_another_process_flushes_this_one_leaves_it_to_it(repository: Repository) -> None:
    world.connection()
    settings = connection.get_connection_params()
    names = ("dbname", "user", "password", "host", "port")
    with psycopg.connect(**{name: settings[name] for name in names if settings.get(name)}) as other:
        other.execute("SELECT pg_advisory_lock(%s)", [outbox.FLUSH_LOCK])
        assert outbox.flush(repository) == 0
        other.execute(
            "SELECT pg_advisory_unlock(%s)", [outbox.FLUSH_LOCK]
        )  # a closed connection lets go a moment later
    assert outbox.flush(repository) == 1
