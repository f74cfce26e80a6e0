"""From the archive and its key alone: every view equal to what it was (law 1)."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone

from mailkeep.archive.events import Flagged, FolderGone, FolderPut, Moved, Removed
from mailkeep.archive.repository import Repository
from mailkeep.catalog import audit, outbox, records, secrets, views
from mailkeep.catalog import rebuild as rebuilding
from mailkeep.catalog.blob_index import TableIndex
from mailkeep.catalog.known import CatalogKnown
from mailkeep.catalog.models import (
    AuditLine,
    Blob,
    Connection,
    Group,
    Mailbox,
    Membership,
    OutboxLine,
    Restore,
    RestoreLine,
    Task,
    TaskRevision,
)
from mailkeep.catalog.projection import CatalogProjection
from mailkeep.catalog.rebuild import FOUND_CONNECTION, rebuild
from mailkeep.catalog.recall import Gathered
from mailkeep.catalog.replay import catch_up, documents
from mailkeep.errors import GiveUp, RetryLater
from mailkeep.store.memory import MemoryStore
from mailkeep.sync.ports import RunResult
from tests.catalog import world

pytestmark = pytest.mark.django_db(transaction=True)


def fill(repository: Repository) -> None:
    """An organisation with a past: two tasks, a mailbox handed over, a restore, accounts, and mail that moved about."""
    on = world.connection()
    on.secrets = secrets.seal(repository, on.uid, {"password": "s3cret"})
    on.secrets_set_at = timezone.now()
    on.save()
    records.save(on, "alice")
    of = world.task("Everybody", on, world.group("All", "anna@example.org", "Bob@example.org"))
    TaskRevision.objects.create(task=of, number=2, options={"kinds": ["mail"], "sensitive": True})
    of.revision = 2
    of.save()
    records.save(of, "alice")
    going = world.task("Going", on, world.group("Few", "anna@example.org"))
    going.active, going.deleting = False, True
    going.save()
    records.save(going, "alice")
    anna = world.mailbox(on, "anna@example.org", going)
    anna.owner = of
    anna.save()
    records.save(anna, "dispatcher")
    left = world.mailbox(on, "left@example.org", of)
    for box in (anna, left):
        fill_mailbox(repository, of, box)
    user = User.objects.create_user("alice", password=None, is_superuser=True)
    user.password = "argon2$not-a-real-hash"
    user.save()
    records.save(user, "alice")
    fill_restore(anna)
    audit.record("alice", "view_content", "anna's mail", "a reason", {"items": [1, 2]})


def fill_mailbox(repository: Repository, of: Task, box: Mailbox) -> None:
    projection = CatalogProjection(box.pk, world.lease(of, box).token)
    seen = frozenset({"seen"})
    steps: list[tuple[list[Any], bool]] = [
        ([FolderPut(1, b""), FolderPut(2, b""), *(world.put(item, 1) for item in range(1, 21))], False),
        ([world.put(21, 2, left_out="sensitive"), Flagged(3, seen)], True),
        ([Moved(1, 2, "8.1"), Removed(2), world.put(4, 1, version=2), Flagged(3, frozenset())], True),
        ([FolderPut(3, b""), Moved(5, 3, "9.5"), Flagged(5, seen)], True),
        ([Removed(5), FolderGone(3), world.put(22, 1)], True),
    ]
    for events, complete in steps:
        checkpoints = {"id-1": b"\x01mod", "id-2": str(len(events)).encode()} if complete else None
        entry, head = world.archive_entry(repository, box, events, complete=complete, checkpoints=checkpoints)
        projection.apply(entry, head, *documents(repository, entry))
    assert checkpoints is not None
    projection.finish(RunResult("ok"), checkpoints)


def fill_restore(source: Mailbox) -> None:
    restore = Restore.objects.create(
        source=source,
        target_connection=source.connection.uid,
        target_address="other@example.org",
        into=["Restored"],
        as_of=world.START,
        reason="lost",
        actor="alice",
        started_at=timezone.now(),
        planned={"create": 2},
    )
    records.save(restore, "alice")
    lines = [RestoreLine(restore=restore, item=n, folder=["In"], sha256=bytes([n]) * 32) for n in (1, 2)]
    for line in lines:
        line.save()
    records.save_lines(restore, lines, "alice")
    for line in lines:
        line.state, line.created_id = "verified", f"7.{line.item}"
        line.save()
    records.save_lines(restore, lines, "alice")


def everything(repository: Repository) -> dict[str, Any]:
    """All that must be equal afterwards, row keys aside."""
    things: dict[str, Any] = {
        "connections": [
            (*facts(row, "uid", "name", "kind", "settings", "created_at", "secrets_set_at"), opened(repository, row))
            for row in Connection.objects.order_by("name")
        ],
        "groups": [
            (row.uid, row.name, sorted(row.members.values_list("address", flat=True)), row.created_at)
            for row in Group.objects.order_by("name")
        ],
        "tasks": [
            (*facts(row, "uid", "name", "revision", "created_at"), row.connection.uid, row.group.uid, options(row))
            for row in Task.objects.filter(deleting=False).order_by("name")
        ],
        "accounts": list(User.objects.values_list("id", "username", "password", "is_superuser", "date_joined")),
        "audit": list(AuditLine.objects.order_by("id").values_list("at", "actor", "action", "subject", "detail")),
        "restores": [
            (*facts(row, "uid", "target_address", "into", "as_of", "reason", "planned", "started_at"), row.source.uid)
            for row in Restore.objects.all()
        ],
        "journal": [
            (line.restore.uid, line.item, line.folder, bytes(line.sha256), line.created_id, line.state)
            for line in RestoreLine.objects.order_by("item")
        ],
    }
    for box in Mailbox.objects.order_by("uid"):
        things[box.uid.hex] = mailbox_views(box)
    return things


def facts(row: Any, *names: str) -> tuple[Any, ...]:
    return tuple(getattr(row, name) for name in names)


def opened(repository: Repository, row: Connection) -> dict[str, Any]:
    return secrets.unseal(repository, row.uid, bytes(row.secrets))


def options(row: Task) -> list[Any]:
    return list(row.revisions.order_by("number").values_list("number", "options", "created_at"))


def mailbox_views(box: Mailbox) -> dict[str, Any]:
    known = CatalogKnown(box.pk)
    live = views.moment(box)
    times = [None, *(world.START + timedelta(minutes=30 * n) for n in range(14))]
    moments = [views.everything(box), *(views.moment(box, at) for at in times)]
    return {
        "row": facts(box, "address", "head_number", "head_time", "next_item", "next_folder", "initial_replication"),
        "owner": box.owner and box.owner.name,
        "counts": box.counts,
        "checkpoints": known.checkpoints(),
        "folders": known.folders(),
        "completed": known.completed(),
        "moments": [(at, views.folders(box, at), list(views.items(box, at))) for at in moments],
        "left out": list(views.left_out(box)),
        "ledger": known.ledger(),
        "known": [list(known.items(folder.number)) for folder in known.folders()],
        "histories": [views.item_history(row.id) for row in views.items(box, live)],
    }


def located() -> list[Any]:
    """The blob index, as far as it says where bytes lie."""
    return sorted(
        (
            bytes(row.blob),
            bytes(row.pack.name),
            row.ordinal,
            row.offset,
            row.length,
            row.raw_length,
            row.inside,
            row.kind,
        )
        for row in Blob.objects.select_related("pack")
    )


def test_every_view_is_equal_after_a_rebuild(tmp_path: Path) -> None:
    store = MemoryStore()
    repository = world.archive(tmp_path, store)
    fill(repository)
    outbox.flush(repository)
    before, blobs = everything(repository), located()
    empty_database()
    with_new_index = Repository.open(store, TableIndex(), tmp_path / "archive.key")
    done = rebuild(with_new_index)
    assert everything(with_new_index) == before
    assert located() == blobs
    assert (done.mailboxes, done.entries, done.items, done.damaged) == (2, 10, 46, ())
    task = Task.objects.get()
    assert (task.name, task.active) == ("Everybody", False), "stopped, and the one being deleted has gone"
    members = {row.mailbox.address: row.present for row in Membership.objects.all()}
    assert members == {"anna@example.org": True, "left@example.org": False}
    fresh = User.objects.create_user("bob")
    assert fresh.pk > max(row[0] for row in before["accounts"])


def test_a_rebuild_of_what_is_there_keeps_what_had_not_been_flushed_and_may_be_repeated(tmp_path: Path) -> None:
    repository = world.archive(tmp_path)
    fill(repository)
    before = everything(repository)
    rebuild(repository)
    assert everything(repository) == before
    assert outbox.flush(repository) == 1, "that the task is stopped, and that the deleted one is gone"
    rebuild(repository)
    assert everything(repository) == before
    assert outbox.flush(repository) == 0


def test_one_damaged_mailbox_does_not_keep_the_others_away(tmp_path: Path) -> None:
    store = MemoryStore()
    repository = world.archive(tmp_path, store)
    fill(repository)
    outbox.flush(repository)
    anna, left = Mailbox.objects.order_by("address")
    whole = mailbox_views(left)
    name = f"history/{anna.uid.hex}/000000000003"
    store.objects[name] = store.objects[name][:-1] + bytes([store.objects[name][-1] ^ 1])
    done = rebuild(repository)
    assert [address for address, _ in done.damaged] == ["anna@example.org"]
    assert name in done.damaged[0][1]
    assert Mailbox.objects.get(uid=anna.uid).head_number == 2
    after = mailbox_views(Mailbox.objects.get(uid=left.uid))
    assert after == whole


def test_a_history_without_a_mailbox_in_the_configuration_is_kept_in_sight(tmp_path: Path) -> None:
    repository = world.archive(tmp_path)
    fill(repository)
    uid = Mailbox.objects.order_by("address")[0].uid
    empty_database()  # before anything was flushed
    done = rebuild(repository)
    assert done.mailboxes == 2
    found = Mailbox.objects.get(uid=uid)
    assert (found.connection.name, found.address, found.head_number) == (FOUND_CONNECTION, uid.hex, 5)


def test_a_damaged_organisation_history_does_not_keep_the_rest_away(tmp_path: Path) -> None:
    store = MemoryStore()
    repository = world.archive(tmp_path, store)
    world.connection("Early")
    outbox.flush(repository)
    fill(repository)
    outbox.flush(repository)
    world.connection("Late")
    outbox.flush(repository)
    world.connection("Waiting")  # and cannot be flushed once the last entry known is damaged
    assert outbox.known_head().number == 3
    uids = {row.uid for row in Mailbox.objects.all()}
    damage(store, "history/organisation/000000000002")
    done = rebuild(repository)
    assert any(name == "organisation" and "000000000002" in problem for name, problem in done.damaged)
    assert {row.uid for row in Mailbox.objects.all()} == uids
    assert all(row.head_number == 5 for row in Mailbox.objects.all())
    names = {row.name for row in Connection.objects.all()}
    assert names == {"Early", "Late", "Waiting", FOUND_CONNECTION}


@pytest.mark.parametrize("lost", [False, True])
def test_a_damaged_or_lost_end_of_the_organisations_history_keeps_what_waits(tmp_path: Path, lost: bool) -> None:
    store = MemoryStore()
    repository = world.archive(tmp_path, store)
    fill(repository)
    outbox.flush(repository)
    world.connection("Second")
    outbox.flush(repository)
    world.connection("Waiting")
    whole = {row.uid.hex: mailbox_views(row) for row in Mailbox.objects.all()}
    name = "history/organisation/000000000002"
    if lost:
        del store.objects[name]
    else:
        damage(store, name)
    done = rebuild(repository)
    assert bool(done.damaged) is not lost, "that the end is missing only `verify` can see"
    assert {row.uid.hex: mailbox_views(row) for row in Mailbox.objects.all()} == whole
    assert {row.name for row in Connection.objects.all()} == {"Dovecot", "Waiting"}
    assert OutboxLine.objects.filter(kind="connection").count() == 1
    if lost:
        assert outbox.flush(repository) == 1
        assert not rebuild(repository).damaged
        assert {row.name for row in Connection.objects.all()} == {"Dovecot", "Waiting"}


def test_nothing_is_cleared_while_the_store_is_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryStore()
    repository = world.archive(tmp_path, store)
    fill(repository)
    outbox.flush(repository)
    before = everything(repository)
    get = store.get

    def offline(name: str, start: int = 0, length: int | None = None) -> bytes:
        if name.startswith("history/organisation/"):
            raise RetryLater("store_offline", "the disk is gone")
        return get(name, start, length)

    with monkeypatch.context() as patch:
        patch.setattr(store, "get", offline)
        with pytest.raises(RetryLater):
            rebuild(repository)
    assert everything(repository) == before


def test_what_another_process_records_between_flush_and_clearing_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = world.archive(tmp_path)
    world.connection("First")
    gather, names = rebuilding.gather, iter(["Second", "Third"])

    def interrupted(from_repository: Repository) -> Gathered:
        gathered = gather(from_repository)
        if (name := next(names, None)) is not None:
            world.connection(name)
            if name == "Third":
                outbox.flush(from_repository)  # the line has gone, and what was gathered does not hold it
        return gathered

    monkeypatch.setattr(rebuilding, "gather", interrupted)
    rebuild(repository)
    assert {row.name for row in Connection.objects.all()} == {"First", "Second", "Third"}


def test_a_rebuild_that_is_always_interrupted_gives_up_and_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = world.archive(tmp_path)
    world.connection("First")
    gather = rebuilding.gather

    def interrupted(from_repository: Repository) -> Gathered:
        gathered = gather(from_repository)
        world.connection(f"No. {Connection.objects.count()}")
        return gathered

    monkeypatch.setattr(rebuilding, "gather", interrupted)
    with pytest.raises(GiveUp) as told:
        rebuild(repository)
    assert told.value.code == "busy"
    assert Connection.objects.count() == 1 + rebuilding.CLEARING_ATTEMPTS_MAX


def damage(store: MemoryStore, name: str) -> None:
    store.objects[name] = store.objects[name][:-1] + bytes([store.objects[name][-1] ^ 1])


def test_a_confirmation_that_has_served_does_not_come_back_to_life(tmp_path: Path) -> None:
    repository = world.archive(tmp_path)
    box = world.mailbox(world.connection(), "anna@example.org")
    Mailbox.objects.filter(pk=box.pk).update(shrink_gone=60, shrink_known=100, shrink_confirmed_at=timezone.now())
    records.save(Mailbox.objects.get(pk=box.pk), "alice")
    rebuild(repository)
    found = Mailbox.objects.get(uid=box.uid)
    assert (found.shrink_gone, found.shrink_confirmed_at) == (None, None)


def test_the_catalog_catches_up_with_what_was_appended_before_a_crash(tmp_path: Path) -> None:
    repository = world.archive(tmp_path)
    on = world.connection()
    box = world.mailbox(on, "anna@example.org")
    world.archive_entry(repository, box, [FolderPut(1, b""), world.put(1, 1)], complete=False)
    world.archive_entry(repository, box, [world.put(2, 1)], checkpoints={"id-1": b"mark"})
    told: list[int] = []
    assert catch_up(repository, box, told.append) == 2
    assert catch_up(repository, box) == 0
    assert told == [1, 1]
    assert [row.number for row in views.items(box, views.moment(box))] == [2, 1]
    assert CatalogKnown(box.pk).checkpoints() == {"id-1": b"mark"}


def empty_database() -> None:
    """As after the loss of the database: tables there, nothing in them."""
    tables = [name for name in connection.introspection.table_names() if name.startswith(("catalog_", "auth_user"))]
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {', '.join(tables)} RESTART IDENTITY CASCADE")
    assert not Blob.objects.exists()
