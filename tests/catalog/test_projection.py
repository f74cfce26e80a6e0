"""A run's writes: fenced by the lease's token, whole or not at all, no harm when done twice."""

from __future__ import annotations

import re
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from mailkeep.archive.events import FolderPut, Moved, Removed
from mailkeep.catalog import views
from mailkeep.catalog.known import CatalogKnown
from mailkeep.catalog.models import Entry, Item, Lease, LedgerLine, Mailbox, Membership, Run
from mailkeep.catalog.projection import CatalogProjection
from mailkeep.errors import GiveUp
from mailkeep.progress import Progress
from mailkeep.sync.ports import LeaseLost, RunResult
from mailkeep.sync.ports import LedgerLine as Line
from tests.catalog import world

pytestmark = pytest.mark.django_db
FOLDER = FolderPut(1, bytes(32))


def rows_of(mailbox: Mailbox) -> list[Any]:
    """Everything a run may write about a mailbox."""
    tables = (Mailbox.objects.filter(pk=mailbox.pk), mailbox.entries, mailbox.items, mailbox.runs, mailbox.memberships)
    return [list(rows.order_by("pk").values()) for rows in tables]


def test_a_run_that_lost_its_lease_writes_nothing() -> None:
    task, mailbox = world.organisation()
    writer = world.Writer.of(task, mailbox)
    writer.write([FOLDER, world.put(1, 1)])
    Lease.objects.filter(mailbox=mailbox).update(token=uuid.uuid4())
    before = rows_of(mailbox)
    with pytest.raises(LeaseLost):
        writer.write([world.put(2, 1)])
    with pytest.raises(LeaseLost):
        writer.projection.finish(RunResult("ok"), {"f": b"1"})
    with pytest.raises(LeaseLost):
        writer.projection.heartbeat(Progress("listing", 1, None))
    assert rows_of(mailbox) == before


def test_an_entry_that_fails_half_way_leaves_no_row() -> None:
    task, mailbox = world.organisation()
    writer = world.Writer.of(task, mailbox)
    entry, head = writer.entry([FOLDER, world.put(1, 1), world.put(2, 1)])
    with pytest.raises(KeyError):  # the second item's summary is missing
        writer.projection.apply(entry, head, {1: world.folder(1)}, {1: world.summary(1)})
    assert (Item.objects.count(), Entry.objects.count(), CatalogKnown(mailbox.pk).head().number) == (0, 0, 0)


def test_an_entry_out_of_turn_is_refused_and_says_what_to_do() -> None:
    task, mailbox = world.organisation()
    writer = world.Writer.of(task, mailbox)
    skipped = writer.entry([FOLDER])
    writer.head = skipped[1]
    with pytest.raises(GiveUp) as behind:
        writer.write([FOLDER])
    writer.head = world.EMPTY_HEAD
    writer.write([FOLDER])
    entry, head = skipped
    with pytest.raises(GiveUp) as diverged:
        world.apply(writer.projection, entry, head, {})
    assert (behind.value.code, diverged.value.code) == ("catalog_behind", "catalog_diverged")
    assert "rebuild" in behind.value.hint


def test_what_an_entry_and_a_listing_name_is_found_by_key() -> None:
    """Of a mailbox that has just come in the planner has no statistics; the more it holds, the less may be read in vain."""
    task, mailbox = world.organisation()
    writer = world.Writer.of(task, mailbox)
    writer.write([FOLDER, *(world.put(item, 1) for item in range(1, 501))])
    plans: list[str] = []

    def explained(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if "unnest" in sql and "catalog_item" in sql:
            plans.append("\n".join(row[0] for row in _explain(sql, params)))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(explained):
        writer.write([*(Moved(item, 1, f"8.{item:010d}") for item in range(1, 101)), Removed(101)])
        found = CatalogKnown(mailbox.pk).find(1, [f"8.{item:010d}" for item in range(1, 201)])
    assert len(found) == 100
    assert mailbox.items.filter(until=None).count() == 499
    moved, closed, listed = plans
    for plan, index in ((moved, "catalog_item_pkey"), (closed, "catalog_item_pkey"), (listed, "item_live")):
        assert re.findall(r"using (\w+) on catalog_item", plan) == [index], plan
        assert "Seq Scan on catalog_item" not in plan
    assert re.search("Index Cond: .*server_id", listed)


def _explain(sql: str, params: Any) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.cursor.execute(f"EXPLAIN {sql}", params)
        return list(cursor.fetchall())


def test_hostile_properties_become_rows() -> None:
    task, mailbox = world.organisation()
    writer = world.Writer.of(task, mailbox)
    text = "a\tb\\c\nd\0e\ud800" + "x" * 100_000
    entry, head = writer.entry([FOLDER, world.put(1, 1, flags=frozenset({'we"ird\\', "{,}", "null"}))])
    hostile = world.Summary(text, text, text, text, text)
    writer.projection.apply(entry, head, {1: world.Folder("i", ("/", text[:50]))}, {1: hostile})
    (row,) = views.items(mailbox, views.moment(mailbox))
    assert row.subject == "a\tb\\c\nd\ufffde\ufffd" + "x" * 100_000
    assert row.flags == ("null", 'we"ird\\', "{,}")
    assert row.path == ("/", text[:50].replace("\0", "\ufffd").replace("\ud800", "\ufffd"))


def test_finish_tells_the_run_the_membership_and_the_mailbox() -> None:
    task, mailbox = world.organisation()
    writer = world.Writer.of(task, mailbox)
    writer.write([FOLDER])
    line = Line(1, 5, 3, {"class": 1}, 1)
    result = RunResult("warning", "partial", "one is missing", "wait", listed=5, fetched=3, bytes=99, ledger=[line])
    writer.projection.finish(result, {"f": b"\x00checkpoint"})
    run, membership = Run.objects.get(mailbox=mailbox), Membership.objects.get(mailbox=mailbox)
    assert (run.result, run.code, run.listed, run.fetched, run.bytes) == ("warning", "partial", 5, 3, 99)
    assert (membership.result, membership.code, membership.message) == ("warning", "partial", "one is missing")
    assert CatalogKnown(mailbox.pk).checkpoints() == {"f": b"\x00checkpoint"}
    assert views.ledger(mailbox) == [views.LedgerRow(("Top", "Folder 1"), 1, 5, 3, {"class": 1}, 1)]
    mailbox.refresh_from_db()
    assert mailbox.last_activity == run.finished_at
    assert mailbox.initial_replication == mailbox.head_time


def test_a_run_that_failed_keeps_checkpoints_and_ledger() -> None:
    task, mailbox = world.organisation()
    writer = world.Writer.of(task, mailbox)
    writer.projection.finish(RunResult("ok", ledger=[Line(1, 1, 1, {}, 0)]), {"f": b"1"})
    writer.projection.finish(RunResult("error", "auth_failed", "no", "mend it"), None)
    assert CatalogKnown(mailbox.pk).checkpoints() == {"f": b"1"}
    assert LedgerLine.objects.filter(mailbox=mailbox).count() == 1


def test_result_since_is_the_first_time_in_a_row() -> None:
    task, mailbox = world.organisation()
    projection = world.Writer.of(task, mailbox).projection

    def since(result: RunResult) -> Any:
        projection.finish(result, None)
        membership = Membership.objects.get(mailbox=mailbox)
        return membership.result_since, membership.retry_at

    first, _ = since(RunResult("error", "auth_failed"))
    assert since(RunResult("error", "auth_failed"))[0] == first
    throttled, retry_at = since(RunResult("warning", "throttled", retry_seconds=60))
    assert throttled > first
    assert timedelta(seconds=59) < retry_at - throttled < timedelta(seconds=61)
    assert since(RunResult("warning", "throttled"))[0] == throttled
    again, retry_at = since(RunResult("error", "auth_failed"))
    assert again > throttled
    assert retry_at is None


def test_a_shrink_waits_for_a_person_and_a_confirmation_serves_once() -> None:
    task, mailbox = world.organisation()
    projection = world.Writer.of(task, mailbox).projection
    projection.finish(RunResult("warning", "shrunk", shrink=(60, 100)), None)
    assert not projection.shrink_confirmed()
    mailbox.refresh_from_db()
    assert (mailbox.shrink_gone, mailbox.shrink_known) == (60, 100)
    Mailbox.objects.filter(pk=mailbox.pk).update(shrink_confirmed_at=projection.now())
    assert projection.shrink_confirmed()
    projection.finish(RunResult("error", "unreachable"), None)
    assert projection.shrink_confirmed(), "a run that did not complete has not used it"
    projection.finish(RunResult("ok"), {})
    assert not projection.shrink_confirmed()


def test_heartbeats_are_written_once_a_second() -> None:
    task, mailbox = world.organisation()
    now = [100.0]
    projection = CatalogProjection(mailbox.pk, world.lease(task, mailbox).token, lambda: now[0])
    for tenth in range(31):
        now[0] = 100 + tenth / 10
        projection.heartbeat(Progress("fetching", tenth, 30, note="n" * 300))
    run = Run.objects.get(mailbox=mailbox)
    assert (run.phase, run.done, run.total, len(run.note)) == ("fetching", 30, 30, 200)
    with connection.execute_wrapper(_refused):
        now[0] += 0.5
        projection.heartbeat(Progress("fetching", 99, None))


def _refused(*_: Any) -> None:
    raise AssertionError("written within the second")


@pytest.mark.django_db(transaction=True)
def test_an_iteration_shows_the_head_it_began_with_whatever_the_run_applies() -> None:
    task, mailbox = world.organisation()
    writer = world.Writer.of(task, mailbox)
    writer.write([FOLDER, *(world.put(item, 1) for item in range(1, 5001))])
    known = CatalogKnown(mailbox.pk)
    items = known.items(1)
    seen = [next(items).number]
    writer.write([Moved(item, 1, f"9.{item:010d}") for item in range(4000, 5001)])
    seen += [item.number for item in items]
    assert seen == list(range(1, 5001))
    assert len(list(known.items(1))) == known.count(1) == 5000
