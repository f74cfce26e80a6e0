"""The task list and the lists of mailboxes: what they say, how they are sorted and filtered, and that the URL holds it all."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from mailkeep.catalog.models import Mailbox, Task
from mailkeep.tasks.status import Status

from . import world

LIST = "/administration/services/sync-recover/"


@pytest.fixture
def organisation(db: None) -> dict[str, Task]:
    return world.organisation()


def names(page: str) -> list[str]:
    return re.findall(r'<th scope="row" class="name"><a [^>]*>(?:<bdi>)?([^<]*)', page)


def text(client: Client, address: str, **headers: str) -> str:
    answer = client.get(address, headers=headers)
    assert answer.status_code == 200, answer.content[:500]
    return answer.content.decode()


def test_worst_status_first(alice: Client, organisation: dict[str, Task]) -> None:
    assert names(text(alice, LIST)) == [
        "Berlin branch",
        "Warehouse shared mailboxes",
        "Finance &amp; Legal (litigation hold)",
        "HR – Отдел кадров / 人事部",
        "Executives – every 15 minutes",
        "Head office – all mailboxes",
        "Public safety team",
        "Leavers 2024",
    ]


@pytest.mark.parametrize("sort", ["name", "group", "status", "mailboxes", "archives", "activity", "next"])
def test_every_column_sorts_both_ways(alice: Client, organisation: dict[str, Task], sort: str) -> None:
    up, down = text(alice, f"{LIST}?sort={sort}"), text(alice, f"{LIST}?sort={sort}&dir=down")
    assert up.count('aria-sort="ascending"') == down.count('aria-sort="descending"') == 1
    assert sorted(names(up)) == sorted(names(down))
    assert names(up)[0] != names(down)[0]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=berlin", {"Berlin branch", "Public safety team", "Warehouse shared mailboxes"}),  # by connection too
        ("q=litigation", {"Finance &amp; Legal (litigation hold)"}),
        ("q=кадров", {"HR – Отдел кадров / 人事部"}),
        ("q=warehouse+berlin", {"Warehouse shared mailboxes"}),
        ("status=failed", {"Berlin branch"}),
        ("status=disabled", {"Leavers 2024"}),
        ("status=failed&q=zzz", set()),
    ],
)
def test_search_and_chips(alice: Client, organisation: dict[str, Task], query: str, found: set[str]) -> None:
    assert set(names(text(alice, f"{LIST}?{query}"))) == found


def test_chips_count_what_they_show(alice: Client, organisation: dict[str, Task]) -> None:
    page = text(alice, LIST)
    counts = dict(re.findall(r"<span>([^<]+) <b>(\d+)</b>", page))
    assert counts == {
        "All": "8",
        **{status.value: n for status, n in zip(Status, ["1", "1", "1", "2", "3"], strict=True)},
    }


def test_details_of_a_status_say_since_when_how_many_why_and_what_to_do(
    alice: Client, organisation: dict[str, Task]
) -> None:
    page = text(alice, f"{LIST}?status=failed")
    details = page[page.index('popover class="pop"') : page.index("Show the mailboxes")]
    for said in ("27 mailboxes:", "the server refused the sign-in", "since ", "Give the right password", "next try "):
        assert said in details


def test_a_fragment_is_the_rows_only(alice: Client, organisation: dict[str, Task]) -> None:
    part = text(alice, f"{LIST}?q=hr", **{"HX-Request": "true", "HX-Request-Type": "partial"})
    assert "<html" not in part
    assert names(part) == ["HR – Отдел кадров / 人事部"]


def test_progress_is_told_and_polled_only_while_something_runs(alice: Client, organisation: dict[str, Task]) -> None:
    page = text(alice, LIST)
    assert '<progress value="10212" max="15020"' in page
    assert re.search(r"67 % · \d+ items/s · <[^>]+>\d+–\d+\s\w+ left", page)
    Task.objects.get(name__startswith="Head").leases.all().delete()
    assert "data-live" not in text(alice, LIST)


def test_a_thousand_mailboxes_cost_no_more_queries(alice: Client, organisation: dict[str, Task]) -> None:
    with CaptureQueriesContext(connection) as few:
        text(alice, LIST)
    world.task("One more", [("ok", 5), ("throttled", 5)], domain="more.example")
    with CaptureQueriesContext(connection) as more:
        text(alice, LIST)
    assert len(few) == len(more)


def test_first_run_is_a_checklist(alice: Client) -> None:
    assert "Getting started" in text(alice, LIST)


def test_a_tasks_mailboxes(alice: Client, organisation: dict[str, Task]) -> None:
    page = text(alice, f"{LIST}tasks/{organisation['warehouse'].uid.hex}/")
    assert page.count('class="status status-error"') == 5
    for said in ("mailbox_not_found", "The server has no such mailbox", "Remove it from the group", "64 of 64"):
        assert said in page
    only = text(alice, f"{LIST}tasks/{organisation['warehouse'].uid.hex}/?result=warning")
    assert len(names(only)) == 2


def test_a_running_mailbox_is_in_progress(alice: Client, organisation: dict[str, Task]) -> None:
    page = text(alice, f"{LIST}tasks/{organisation['head'].uid.hex}/")
    assert page.count("In Progress") == 1
    assert page.count("data-live") == 1


def test_all_mailboxes_in_pages(alice: Client, organisation: dict[str, Task]) -> None:
    total = Mailbox.objects.count()
    seen: list[str] = []
    number = 1
    while True:
        page = text(alice, f"{LIST}mailboxes/?sort=address&page={number}")
        seen += names(page)
        if f"page={number + 1}" not in page:
            break
        number += 1
    assert len(seen) == len(set(seen)) == total
    assert seen == sorted(seen)


@pytest.mark.parametrize(
    "odd",
    ["?page=0", "?page=99999999999999999999", "?page=x", "?sort=nothing", "?dir=odd", "?result=odd", "?status=%00"],
)
def test_odd_addresses_still_give_a_page(alice: Client, organisation: dict[str, Task], odd: str) -> None:
    for place in (LIST, f"{LIST}mailboxes/", f"{LIST}tasks/{organisation['hr'].uid.hex}/"):
        text(alice, f"{place}{odd}")
