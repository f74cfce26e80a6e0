"""SPEC A3: the five statuses."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailkeep.tasks.status import MemberResult, Result, Status, labels, severity, status

OK = MemberResult("ok")
NONE = MemberResult("")
WARNING = MemberResult("warning", "owned_by_other_task", "owned by Sales", "nothing to do")
ERROR = MemberResult("error", "auth_failed", "a@x may not sign in", "check the password")
FAULT = MemberResult("error", "auth_failed", "the service account may not sign in", "set its password again")


def test_a3_the_names_are_the_documents() -> None:
    assert [s.value for s in Status] == ["Disabled", "Failed", "Enabled With Errors", "Enabled With Warning", "Enabled"]


@pytest.mark.parametrize(
    ("active", "members", "fault", "expected"),
    [
        (True, [OK, OK], None, Status.ENABLED),
        (True, [NONE], None, Status.ENABLED),
        (True, [NONE, OK], None, Status.ENABLED),
        (True, [], None, Status.WARNING),
        (True, [WARNING, OK], None, Status.WARNING),
        (True, [WARNING, NONE], None, Status.WARNING),
        (True, [WARNING], None, Status.WARNING),
        (True, [ERROR, OK], None, Status.ERRORS),
        (True, [ERROR, WARNING], None, Status.ERRORS),
        (True, [ERROR, NONE], None, Status.ERRORS),
        (True, [ERROR, ERROR], None, Status.FAILED),
        (True, [ERROR], None, Status.FAILED),
        (True, [OK, NONE], FAULT, Status.FAILED),
        (True, [], FAULT, Status.FAILED),
        (False, [ERROR], None, Status.DISABLED),
        (False, [OK], FAULT, Status.DISABLED),
        (False, [], None, Status.DISABLED),
    ],
)
def test_a3_table(active: bool, members: list[MemberResult], fault: MemberResult | None, expected: Status) -> None:
    assert status(active, members, fault).status is expected


def document_says(active: bool, results: list[str]) -> str:
    """The user's document, read literally, as the oracle."""
    if not active:
        return "Disabled"
    if results and all(r == "error" for r in results):
        return "Failed"
    if "error" in results:
        return "Enabled With Errors"
    if "warning" in results or not results:
        return "Enabled With Warning"
    return "Enabled"


MEMBERS = st.lists(
    st.builds(
        MemberResult,
        st.sampled_from(["", "ok", "warning", "error"]),
        st.sampled_from(["a", "b"]),
        st.sampled_from(["one", "two"]),
    ),
    max_size=6,
)


@given(st.booleans(), MEMBERS)
def test_a3_as_the_document_says(active: bool, members: list[MemberResult]) -> None:
    assert status(active, members).status.value == document_says(active, [m.result for m in members])


@given(st.booleans(), MEMBERS, st.randoms())
def test_a3_neither_order_nor_grouping_of_members_matters(
    active: bool, members: list[MemberResult], random: object
) -> None:
    shuffled = sorted(members, key=lambda _: random.random())  # type: ignore[attr-defined]
    given_once, given_shuffled = status(active, members), status(active, shuffled)
    assert (given_once.status, given_once.errors) == (given_shuffled.status, given_shuffled.errors)
    assert given_once.mailboxes == len(members)
    blamed = sum(cause.count for cause in given_once.causes)
    assert blamed == given_once.errors + given_once.warnings


def test_a3_causes_are_grouped_with_since_and_next_try() -> None:
    early, late = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 2, tzinfo=UTC)
    members = [
        WARNING,
        MemberResult("error", "mailbox_not_found", "the server has no b@x", "remove it", late, late),
        MemberResult("error", "mailbox_not_found", "the server has no c@x", "remove it", early, early),
        MemberResult("error", "auth_failed", "the server refused the sign-in", "check it", late, None, count=5),
        OK,
    ]
    derived = status(True, members)
    assert [(c.result, c.code, c.count) for c in derived.causes] == [
        (Result.ERROR, "auth_failed", 5),
        (Result.ERROR, "mailbox_not_found", 2),
        (Result.WARNING, "owned_by_other_task", 1),
    ]
    missing = derived.causes[1]
    assert (missing.since, missing.retry_at) == (early, early)
    assert missing.message == "the server has no such mailbox", "theirs differ, so the code's own sentence"
    assert derived.causes[0].message == "the server refused the sign-in"
    assert derived.causes[2].message == "owned by Sales", "a warning that names the owner (A15)"
    assert (derived.ok, derived.warnings, derived.errors, derived.waiting, derived.mailboxes) == (1, 1, 7, 0, 9)


def test_a3_a_fault_of_the_whole_task_is_an_error_of_every_mailbox() -> None:
    derived = status(True, [OK, OK, WARNING], FAULT)
    assert (derived.errors, derived.ok, derived.warnings) == (3, 0, 0)
    assert [(c.code, c.count, c.message) for c in derived.causes] == [("auth_failed", 3, FAULT.message)]


def test_a3_an_unresolvable_group_without_known_members_still_says_why() -> None:
    assert [c.code for c in status(True, [], FAULT).causes] == ["auth_failed"]


def test_a3_an_empty_group_says_so() -> None:
    assert [c.code for c in status(True, []).causes] == ["group_empty"]


def test_a3_worst_first() -> None:
    assert [s.value for s in sorted(Status, key=severity)] == [
        "Failed",
        "Enabled With Errors",
        "Enabled With Warning",
        "Enabled",
        "Disabled",
    ]


def test_a3_labels() -> None:
    assert labels(0, False) == ()
    assert labels(3, True) == ("Running", "Deleting")
