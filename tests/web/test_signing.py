"""The first administrator, signing in and out, and what a wrong password costs."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from mailkeep.catalog.models import AuditLine, OutboxLine
from mailkeep.errors import GiveUp, RetryLater
from mailkeep.operations import people as operations

TASKS = "/administration/services/sync-recover/"


@pytest.mark.django_db
def test_the_first_administrator_is_made_once_with_a_password_of_its_own() -> None:
    made = operations.first_administrator()
    assert made is not None
    name, password = made
    assert len(password) == 23
    assert operations.sign_in(name, password, "127.0.0.1").get_username() == name
    assert operations.first_administrator() is None
    assert OutboxLine.objects.filter(kind="user").count() == 1  # a rebuild brings the person back
    assert password not in str(list(OutboxLine.objects.values_list("document", flat=True)))


@pytest.mark.django_db
def test_passwords_differ() -> None:
    first = operations.first_administrator()
    User.objects.all().delete()
    assert first != operations.first_administrator()


def test_signing_in_leads_where_one_wanted_to_go(people: dict[str, User], client: Client) -> None:
    wanted = client.get(f"{TASKS}?q=berlin")
    assert wanted.headers["Location"] == f"/sign-in/?next={TASKS}%3Fq%3Dberlin"
    answer = client.post(
        "/sign-in/", {"name": "alice", "password": "alice's own password", "next": f"{TASKS}?q=berlin"}
    )
    assert answer.headers["Location"] == f"{TASKS}?q=berlin"
    assert client.get(TASKS).status_code == 200
    client.post("/sign-out/")
    assert client.get(TASKS).status_code == 302


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", "\\\\evil.example"]
)
def test_nobody_is_led_elsewhere(people: dict[str, User], client: Client, elsewhere: str) -> None:
    answer = client.post("/sign-in/", {"name": "alice", "password": "alice's own password", "next": elsewhere})
    assert answer.headers["Location"] == TASKS


def test_a_wrong_password_and_an_unknown_name_look_alike(people: dict[str, User], client: Client) -> None:
    pages = []
    for name in ("alice", "alina"):
        answer = client.post("/sign-in/", {"name": name, "password": "wrong"})
        assert answer.status_code == 422
        pages.append(answer.content.decode().replace(name, "NAME").split("</head>")[1])
    assert "User name or password is wrong." in pages[0]
    import re

    bare = [re.sub(r'(csrfmiddlewaretoken" value=|nonce=)"[^"]*"', "", page) for page in pages]
    assert bare[0] == bare[1]


def test_failures_cost_time_and_never_the_account(people: dict[str, User]) -> None:
    for _ in range(3):
        with pytest.raises(GiveUp):
            operations.sign_in("alice", "wrong", "10.0.0.1")
    with pytest.raises(RetryLater) as waiting:
        operations.sign_in("alice", "alice's own password", "10.0.0.1")
    assert 0 < (waiting.value.wait_seconds or 0) <= 60
    assert operations.sign_in("alice", "alice's own password", "10.0.0.2")  # the owner, elsewhere, is not kept out
    AuditLine.objects.filter(action=operations.FAILED).update(at=timezone.now() - timedelta(seconds=61))
    assert operations.sign_in("alice", "alice's own password", "10.0.0.1")


def test_trying_many_names_costs_time_too(people: dict[str, User]) -> None:
    for number in range(20):
        with pytest.raises(GiveUp):
            operations.sign_in(f"name{number}", "wrong", "10.0.0.9")
    with pytest.raises(RetryLater):
        operations.sign_in("somebody else", "wrong", "10.0.0.9")


def test_what_is_typed_as_a_name_is_not_kept(people: dict[str, User]) -> None:
    with pytest.raises(GiveUp):
        operations.sign_in("hunter2 oh no, wrong field", "x", "10.0.0.1")
    line = AuditLine.objects.get(action=operations.FAILED)
    assert "hunter2" not in f"{line.subject} {line.detail} {line.actor}"


def test_a_session_that_ends_under_an_open_list_brings_the_whole_window_to_the_sign_in(
    client: Client, db: None
) -> None:
    answer = client.get(TASKS, headers={"HX-Request": "true"}, follow=True)
    assert answer.headers["HX-Redirect"] == "/sign-in/"
