"""Who may open what. The URL conf is walked: a view that nobody guarded fails here, and so does one that nobody listed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from mailkeep.web.access import CONTENT_VIEW, TASK_EDIT, TASK_READ

UID, ITEM = "0" * 32, f"{'0' * 32}-1"
OPEN = {"sign-in", "sign-out"}
RIGHTS = {
    **dict.fromkeys(("home", "tasks", "task", "mailboxes", "mailbox-activity"), TASK_READ),
    **dict.fromkeys(("task-new", "task-edit", "task-start", "task-stop", "task-delete", "task-synchronise"), TASK_EDIT),
    **dict.fromkeys(("mailbox-synchronise", "mailbox-confirm-shrink"), TASK_EDIT),
    **dict.fromkeys(("mailbox", "mailbox-reason", "mailbox-left-out"), CONTENT_VIEW),
    **dict.fromkeys(("item", "item-body", "item-headers", "item-raw", "attachment"), CONTENT_VIEW),
}
POSTS = {
    *("sign-out", "task-start", "task-stop", "task-delete", "task-synchronise", "mailbox-synchronise"),
    *("mailbox-reason", "mailbox-confirm-shrink"),
}


def patterns(resolver: URLResolver | None = None) -> list[URLPattern]:
    found: list[URLPattern] = []
    for pattern in (resolver or get_resolver()).url_patterns:
        found += patterns(pattern) if isinstance(pattern, URLResolver) else [pattern]
    return found


def address(pattern: URLPattern) -> str:
    from django.urls import reverse

    wanted = {"uid": UID, "mailbox": UID, "item_id": ITEM, "number": "1"}
    groups = pattern.pattern.regex.groupindex  # type: ignore[union-attr]
    return reverse(str(pattern.name), kwargs={name: wanted[name] for name in groups})


ALL = [pytest.param(pattern, id=str(pattern.name)) for pattern in patterns()]


def test_every_address_is_listed_here() -> None:
    assert {str(pattern.name) for pattern in patterns()} == OPEN | RIGHTS.keys()


@pytest.mark.parametrize("pattern", ALL)
def test_every_view_names_its_right(pattern: URLPattern) -> None:
    view: Callable[..., object] = pattern.callback
    if pattern.name in OPEN:
        assert getattr(view, "login_required", True) is False
    else:
        assert getattr(view, "needs", None) == RIGHTS[str(pattern.name)]
        assert getattr(view, "login_required", True) is True


@pytest.mark.django_db
@pytest.mark.parametrize("pattern", ALL)
def test_a_stranger_sees_only_the_sign_in(client: Client, pattern: URLPattern) -> None:
    answer = client.post(address(pattern)) if pattern.name in POSTS else client.get(address(pattern))
    if pattern.name == "sign-in":
        assert answer.status_code == 200
    else:
        assert answer.status_code == 302
        assert answer.headers["Location"].startswith("/sign-in/")


@pytest.mark.parametrize("pattern", [one for one in ALL if one.values[0].name not in OPEN])
def test_without_the_right_a_page_says_which(charlie: Client, pattern: URLPattern) -> None:
    answer = charlie.post(address(pattern)) if pattern.name in POSTS else charlie.get(address(pattern))
    assert answer.status_code == 403
    assert "It needs the right to" in answer.content.decode()


@pytest.mark.parametrize(
    "pattern",
    [one for one in ALL if RIGHTS.get(str(one.values[0].name)) != TASK_READ and one.values[0].name not in OPEN],
)
def test_who_may_see_tasks_may_no_more_than_that(bob: Client, pattern: URLPattern) -> None:
    answer = bob.post(address(pattern)) if pattern.name in POSTS else bob.get(address(pattern))
    assert answer.status_code == 403


@pytest.mark.parametrize("pattern", ALL)
def test_changes_are_never_a_get(alice: Client, pattern: URLPattern) -> None:
    if pattern.name in POSTS:
        assert alice.get(address(pattern)).status_code == 405


def test_changes_need_the_token(people: dict[str, object]) -> None:
    careful = Client(enforce_csrf_checks=True)
    careful.force_login(people["alice"])  # type: ignore[arg-type]
    for pattern in patterns():
        if pattern.name in POSTS:
            assert careful.post(address(pattern)).status_code == 403
