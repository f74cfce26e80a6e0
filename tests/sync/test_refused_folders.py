"""A folder that the server shows and will not give: named in a warning, left as it was, and no other folder stops."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path

import pytest
from world import World

from mailkeep.archive.events import Removed
from mailkeep.connectors.base import Endpoint
from mailkeep.connectors.imap.provider import ImapProvider
from mailkeep.errors import GiveUp
from mailkeep.mail.items import Role, Section, Sensitivity
from mailkeep.simulator.dovecot import Dovecot

PROJECTS = ("Projects",)


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    for path in (("INBOX",), PROJECTS, ("Sent",)):
        folder = world.mailbox.add_folder(path, role=Role.INBOX if path == ("INBOX",) else None)
        for number in range(4):
            folder.deliver(mail(number, path[0]))
    return world


def mail(number: int, folder: str) -> bytes:
    return f"Subject: {folder} {number}\r\nMessage-ID: <{number}@{folder}>\r\n\r\nbody {number}\r\n".encode()


@contextmanager
def refusing(world: World, code: str, *paths: tuple[str, ...]):  # type: ignore[no-untyped-def]
    """Listing and counting these folders is refused."""
    plain = world.connect

    def connect():  # type: ignore[no-untyped-def]
        session = plain()
        changes, count = session.changes, session.count

        def guarded(work, folder, *rest):  # type: ignore[no-untyped-def]
            if folder.path in paths:
                raise GiveUp(code, f"the server would not open the folder {'/'.join(folder.path)}: Mailbox is corrupt")
            return work(folder, *rest)

        session.changes = lambda folder, since: guarded(changes, folder, since)
        session.count = lambda folder: guarded(count, folder)
        return session

    world.connect = connect  # type: ignore[method-assign]
    try:
        yield
    finally:
        world.connect = plain  # type: ignore[method-assign]


CODES = ("access_denied", "refused_by_server", "folder_not_found")


@pytest.mark.parametrize("code", CODES)
def test_at_the_first_synchronisation(world: World, code: str) -> None:
    with refusing(world, code, PROJECTS):
        result = world.run()
    assert (result.result, result.code, result.fetched) == ("warning", "partial", 8)
    assert "Projects" in result.message
    assert "Mailbox is corrupt" in result.message
    assert world.mailbox.folder(*PROJECTS).id not in world.catalog.checkpoints()
    result = world.run()
    assert (result.result, result.fetched, world.archived()) == ("ok", 4, world.on_server())


@pytest.mark.parametrize("code", CODES)
def test_at_any_later_one(world: World, code: str) -> None:
    world.run()
    before = world.catalog.checkpoints()
    for path in (PROJECTS, ("Sent",)):
        world.mailbox.folder(*path).deliver(mail(10, path[0]))
        world.mailbox.folder(*path).expunge(2)
    projects = world.mailbox.folder(*PROJECTS)
    with refusing(world, code, PROJECTS):
        result = world.run()
    assert (result.result, result.code, result.fetched, result.removed) == ("warning", "partial", 1, 1)
    assert "Projects" in result.message
    assert "Mailbox is corrupt" in result.message
    after = world.catalog.checkpoints()
    assert after[projects.id] == before[projects.id]
    assert after[world.mailbox.folder("Sent").id] != before[world.mailbox.folder("Sent").id]
    result = world.run()
    assert (result.result, result.fetched, result.removed) == ("ok", 1, 1)
    assert world.archived() == world.on_server()


def test_a_folder_deleted_during_the_run_is_no_false_alarm(world: World) -> None:
    world.run()
    world.mailbox.folder(*PROJECTS).deliver(mail(10, "Projects"))
    plain = world.connect

    def connect():  # type: ignore[no-untyped-def]
        session = plain()
        changes = session.changes

        def gone(folder, since):  # type: ignore[no-untyped-def]
            if folder.path == PROJECTS:
                world.mailbox.remove_folder(world.mailbox.folder(*PROJECTS))
            return changes(folder, since)

        session.changes = gone
        return session

    world.connect = connect  # type: ignore[method-assign]
    assert world.run().result == "ok"
    assert (world.run().result, world.archived()) == ("ok", world.on_server())


@pytest.mark.parametrize("known", [False, True])
def test_a_mailbox_of_which_no_folder_opens_is_an_error(world: World, known: bool) -> None:
    if known:
        world.run()
        for folder in world.mailbox.folders:
            folder.deliver(mail(11, folder.path[0]))
    with refusing(world, "access_denied", *(folder.path for folder in world.mailbox.folders)):
        result = world.run()
    assert (result.result, result.code) == ("error", "access_denied")
    assert (world.run().result, world.archived()) == ("ok", world.on_server())


def test_what_a_narrower_task_left_out_of_it_is_judged_again_when_it_opens(world: World) -> None:
    projects = world.mailbox.folder(*PROJECTS)
    projects.deliver(mail(12, "Projects"), sensitivity=Sensitivity.PRIVATE)
    assert world.run().left_out == 1
    world.change_task(sensitive=True)
    projects.deliver(mail(13, "Projects"))
    with refusing(world, "access_denied", PROJECTS):
        assert world.run().code == "partial"
    assert (world.run().result, world.archived()) == ("ok", world.on_server())


def test_under_the_same_task_its_checkpoint_stays_with_what_is_left_out_of_it(world: World) -> None:
    projects, sent = world.mailbox.folder(*PROJECTS), world.mailbox.folder("Sent")
    world.server.faults.unreadable.add(projects.item_id(2))
    world.run()
    before = world.catalog.checkpoints()
    projects.deliver(mail(14, "Projects"))
    for number in range(20, 30):  # several entries before the end
        sent.deliver(mail(number, "Sent"))
    with refusing(world, "access_denied", PROJECTS):
        world.run()
    assert world.catalog.checkpoints()[projects.id] == before[projects.id]


def test_a_folder_that_is_only_counted(world: World) -> None:
    world.change_task(kinds=frozenset())
    with refusing(world, "refused_by_server", PROJECTS):
        result = world.run()
    assert (result.result, result.code, "Projects" in result.message) == ("warning", "partial", True)


@pytest.mark.parametrize("known", [False, True])
def test_a_section_that_the_server_refuses_is_named_and_nothing_of_it_is_gone(world: World, known: bool) -> None:
    world.change_task(sections=frozenset({Section.PRIMARY, Section.IN_PLACE_ARCHIVE}))
    old = world.mailbox.add_folder(("Old",), section=Section.IN_PLACE_ARCHIVE)
    for number in range(4):
        old.deliver(mail(number, "Old"))
    if known:
        world.run()
    checkpoint = world.catalog.checkpoints().get(old.id)
    world.mailbox.folder("Sent").deliver(mail(9, "Sent"))
    world.server.closed_sections[Section.IN_PLACE_ARCHIVE] = "the server would not list the folders: ErrorSomethingNew"
    result = world.run()
    assert (result.result, result.code, result.removed) == ("warning", "partial", 0)
    assert "ErrorSomethingNew" in result.message
    assert result.fetched == (1 if known else 13)
    assert world.catalog.checkpoints().get(old.id) == checkpoint
    assert len(world.catalog.view().get(("Old",), {})) == (4 if known else 0)
    world.server.closed_sections.clear()
    result = world.run()
    assert (result.result, result.fetched) == ("ok", 0 if known else 4)
    assert world.archived() == world.on_server()


def test_a_real_server_that_may_not_read_a_folder(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The Maildir of one folder is closed to the server's own user, as a failed restore leaves it."""
    user, server = "anna@firma.example", Dovecot(tmp_path_factory.mktemp("dovecot"))
    world = World(tmp_path)
    with server:
        server.add_user(user, "word")
        for folder in ("INBOX", "Projects", "Sent"):
            for number in range(3):
                server.deliver(user, folder, mail(number, folder))
        endpoint = Endpoint("imap", "localhost", server.port, tls="none", logins=((user, user, "word"),))
        world.connect = lambda: ImapProvider().open(endpoint, user)  # type: ignore[method-assign,assignment,return-value]
        assert (world.run().result, archived(world)) == ("ok", {"INBOX": 3, "Projects": 3, "Sent": 3})
        server.deliver(user, "Projects", mail(7, "Projects"))
        server.deliver(user, "Sent", mail(7, "Sent"))
        closed = server.folder / "mail" / user
        closed = next(path for path in closed.rglob("cur") if "Projects" in str(path))
        closed.chmod(0)
        try:
            result = world.run()
        finally:
            closed.chmod(0o700)
        assert (result.result, result.code, "Projects" in result.message) == ("warning", "partial", True), result
        assert archived(world) == {"INBOX": 3, "Projects": 3, "Sent": 4}
        assert not [
            event for entry, _, _ in world.catalog.entries for event in entry.events if isinstance(event, Removed)
        ]
        assert (world.run().result, archived(world)) == ("ok", {"INBOX": 3, "Projects": 4, "Sent": 4})


def archived(world: World) -> dict[str, int]:
    return {"/".join(path): len(items) for path, items in world.catalog.view().items() if items}
