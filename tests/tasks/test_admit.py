"""SPEC A7–A11: what is kept, what is left out, and why."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailkeep.mail.classes import DEFAULT_PATTERNS
from mailkeep.mail.items import Folder, ItemRef, Kind, Sensitivity
from mailkeep.tasks.admit import admit, admits_folder
from mailkeep.tasks.exclusion_text import exclusion_from
from mailkeep.tasks.options import TaskOptions

INBOX = Folder("1", ("INBOX",))
MONDAY_NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
MAIL = ItemRef("1", Kind.MAIL, "IPM.Note", 100, MONDAY_NOON, MONDAY_NOON)
ALL_KINDS = TaskOptions(kinds=frozenset(Kind))
BUSY = exclusion_from("Mon 09:00-17:00 UTC items")


def reason(options: TaskOptions, ref: ItemRef, folder: Folder = INBOX) -> str:
    left_out = admit(options, ref, folder)
    return left_out.reason if left_out else ""


def test_an_ordinary_mail_is_kept() -> None:
    assert admit(TaskOptions(), MAIL, INBOX) is None


@pytest.mark.parametrize("kind", list(Kind))
def test_a7_the_switch_of_an_items_kind_decides(kind: Kind) -> None:
    ref = replace(MAIL, kind=kind, message_class=DEFAULT_PATTERNS[kind][0])
    assert reason(TaskOptions(kinds=frozenset({kind})), ref, replace(INBOX, kind=kind)) == ""
    others = TaskOptions(kinds=frozenset(Kind) - {kind})
    assert reason(others, ref) == "kind"
    assert reason(others, MAIL, replace(INBOX, kind=kind)) == "kind", "a folder whose kind is off"
    assert admits_folder(others, replace(INBOX, kind=kind)) is False


def test_a7_an_appointment_in_deleted_items_is_no_mail() -> None:
    appointment = replace(MAIL, kind=Kind.EVENT, message_class="IPM.Appointment")
    assert reason(TaskOptions(), appointment) == "kind"
    assert reason(replace(TaskOptions(), classes=("IPM.Appointment.*", "IPM.Appointment")), appointment) == "kind"


def test_a8_an_added_class_counts_only_while_mail_is_on() -> None:
    voice = replace(MAIL, message_class="IPM.Voice.Message")
    assert reason(TaskOptions(), voice) == "class"
    assert reason(TaskOptions(classes=("ipm.voice.*",)), voice) == ""
    notes_only = TaskOptions(kinds=frozenset({Kind.NOTE}), classes=("IPM.Voice.*",))
    assert reason(notes_only, replace(voice, kind=Kind.NOTE), replace(INBOX, kind=Kind.NOTE)) == "class"


@pytest.mark.parametrize("sensitivity", list(Sensitivity))
@pytest.mark.parametrize("kind", list(Kind))
def test_a9_private_and_confidential_mail_and_events_wait_for_the_switch(sensitivity: Sensitivity, kind: Kind) -> None:
    ref = replace(MAIL, kind=kind, message_class=DEFAULT_PATTERNS[kind][0], sensitivity=sensitivity)
    held = sensitivity in (Sensitivity.PRIVATE, Sensitivity.CONFIDENTIAL) and kind in (Kind.MAIL, Kind.EVENT)
    assert reason(ALL_KINDS, ref) == ("sensitive" if held else "")
    assert reason(replace(ALL_KINDS, sensitive=True), ref) == ""


def test_a10_an_item_whose_own_time_falls_into_the_window_is_left_out() -> None:
    options = TaskOptions(exclusions=(BUSY,))
    left_out = admit(options, MAIL, INBOX)
    assert left_out is not None
    assert left_out.reason == "excluded"
    assert "Mon 09:00-17:00 UTC" in left_out.detail
    assert reason(options, replace(MAIL, time=MONDAY_NOON.replace(hour=17))) == ""
    received_inside = replace(MAIL, time=MONDAY_NOON.replace(hour=8), received=MONDAY_NOON)
    assert reason(options, received_inside) == "", "the item's own time decides, not when the server got it"


def test_a10_a_sync_window_leaves_no_item_out() -> None:
    assert reason(TaskOptions(exclusions=(exclusion_from("All 00:00-12:30 UTC sync"),)), MAIL) == ""


def test_a11_the_first_reason_in_the_documented_order_is_given() -> None:
    worst = replace(MAIL, kind=Kind.NOTE, message_class="X", sensitivity=Sensitivity.PRIVATE)
    options = TaskOptions(exclusions=(BUSY,))
    assert reason(options, worst) == "kind"
    assert reason(options, replace(worst, kind=Kind.MAIL)) == "class"
    assert reason(options, replace(worst, kind=Kind.MAIL, message_class="IPM.Note")) == "sensitive"
    assert (
        reason(replace(options, sensitive=True), replace(worst, kind=Kind.MAIL, message_class="IPM.Note")) == "excluded"
    )


REFS = st.builds(
    lambda kind, own, cls, sensitivity, hours: replace(
        MAIL,
        kind=kind,
        message_class=own if cls is None else cls,
        sensitivity=sensitivity,
        time=MONDAY_NOON.replace(hour=hours),
    ),
    st.sampled_from(Kind),
    st.sampled_from([patterns[0] for patterns in DEFAULT_PATTERNS.values()]),
    st.sampled_from([None, "IPM.Activity", "IPM.Voice.X", "", "IPM"]),
    st.sampled_from(Sensitivity),
    st.integers(0, 23),
)
OPTIONS = st.builds(
    TaskOptions,
    kinds=st.frozensets(st.sampled_from(Kind), min_size=1),
    classes=st.sampled_from([(), ("IPM.Activity",), ("IPM.Voice.*", "IPM.Activity")]),
    sensitive=st.booleans(),
    exclusions=st.sampled_from([(), (BUSY,)]),
)


@given(REFS, OPTIONS)
def test_a11_widening_the_options_never_leaves_out_what_was_kept(ref: ItemRef, options: TaskOptions) -> None:
    widest = TaskOptions(frozenset(Kind), (*options.classes, "IPM.Activity", "IPM.Voice.*"), True)
    if admit(options, ref, INBOX) is None:
        assert admit(widest, ref, INBOX) is None
