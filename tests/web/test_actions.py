"""What the buttons do: one operation each, and back to where one was, with a sentence."""

from __future__ import annotations

import pytest
from django.test import Client

from mailkeep.catalog.models import Mailbox, Membership, OutboxLine, Task

from . import world

LIST = "/administration/services/sync-recover/"


@pytest.fixture
def task(db: None) -> Task:
    made = world.task("Berlin branch", [("ok", 2)])
    for member in made.memberships.select_related("mailbox"):
        made.group.members.create(address=member.mailbox.address)
    return made


def press(client: Client, path: str, **fields: str) -> str:
    answer = client.post(path, fields, headers={"Referer": f"http://testserver{LIST}"}, follow=True)
    assert answer.redirect_chain[0][1] == 302
    assert answer.redirect_chain[0][0].endswith(LIST)
    return answer.content.decode()


def test_stop_and_start(alice: Client, task: Task) -> None:
    assert "is stopped. What is running completes." in press(alice, f"{LIST}tasks/{task.uid.hex}/stop/")
    task.refresh_from_db()
    assert not task.active
    page = alice.get(LIST).content.decode()
    assert 'aria-label="Start Task Berlin branch"' in page
    assert "Stop Task" not in page
    assert "is started" in press(alice, f"{LIST}tasks/{task.uid.hex}/start/")
    task.refresh_from_db()
    assert task.active
    assert set(OutboxLine.objects.filter(kind="task").values_list("actor", flat=True)) == {"alice"}


def test_delete_keeps_the_archive(alice: Client, task: Task) -> None:
    assert "Its mailboxes keep their archive." in press(alice, f"{LIST}tasks/{task.uid.hex}/delete/")
    assert not Task.objects.exists()
    assert Mailbox.objects.count() == 2


def test_delete_waits_for_what_is_running(alice: Client, task: Task) -> None:
    world.running(task, 1, 10)
    page = press(alice, f"{LIST}tasks/{task.uid.hex}/delete/")
    assert '<span class="label">Deleting</span>' in page
    assert f"/tasks/{task.uid.hex}/start/" not in page
    again = alice.post(
        f"{LIST}tasks/{task.uid.hex}/start/", headers={"Referer": f"http://testserver{LIST}"}, follow=True
    )
    assert "is being deleted" in again.content.decode()


def test_synchronise_now(alice: Client, task: Task) -> None:
    one = task.memberships.select_related("mailbox").order_by("pk")[0]
    press(alice, f"{LIST}tasks/{task.uid.hex}/synchronise/{one.mailbox.uid.hex}/")
    assert Membership.objects.exclude(asked_at=None).count() == 1
    press(alice, f"{LIST}tasks/{task.uid.hex}/synchronise/")
    assert Membership.objects.exclude(asked_at=None).count() == 2


def test_a_shrink_is_confirmed_with_a_reason(alice: Client, task: Task) -> None:
    mailbox = Mailbox.objects.order_by("pk")[0]
    Mailbox.objects.filter(pk=mailbox.pk).update(shrink_gone=812, shrink_known=1204)
    page = alice.get(f"/mailboxes/{mailbox.uid.hex}/activity/").content.decode()
    assert "812 of 1204 items are suddenly gone" in page
    assert "a confirmation needs a reason" in press(alice, f"/mailboxes/{mailbox.uid.hex}/confirm-shrink/", reason=" ")
    assert "Confirmed." in press(alice, f"/mailboxes/{mailbox.uid.hex}/confirm-shrink/", reason="Anna cleaned up")
    mailbox.refresh_from_db()
    assert mailbox.shrink_confirmed_at is not None


def test_nobody_is_sent_to_a_foreign_page(alice: Client, task: Task) -> None:
    answer = alice.post(f"{LIST}tasks/{task.uid.hex}/stop/", headers={"Referer": "https://evil.example/"})
    assert answer.headers["Location"] == "/"


def test_creating_and_editing_say_honestly_how(alice: Client, task: Task) -> None:
    new = alice.get(f"{LIST}new/").content.decode()
    assert "The wizard is not there yet" in new
    assert "mailkeep task create NAME --connection CONNECTION --group GROUP" in new
    assert (
        "mailkeep task change &#x27;Berlin branch&#x27;"
        in alice.get(f"{LIST}tasks/{task.uid.hex}/edit/").content.decode()
    )


def test_every_page_has_its_policy(alice: Client, task: Task) -> None:
    answer = alice.get(LIST)
    policy = answer.headers["Content-Security-Policy"]
    nonce = policy.split("'nonce-")[1].split("'")[0]
    assert f'nonce="{nonce}"' in answer.content.decode()
    for part in (
        "default-src 'none'",
        "'strict-dynamic'",
        "require-trusted-types-for 'script'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    ):
        assert part in policy
    assert "unsafe" not in policy
    assert answer.headers["Cache-Control"] == "no-store"
    assert " style=" not in answer.content.decode()
    assert nonce not in alice.get(LIST).content.decode()
