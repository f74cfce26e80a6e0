"""Options as a document and as typed (SPEC A4, A7, A8, A10, A16), names (A5)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailkeep.errors import GiveUp
from mailkeep.mail.items import Kind, Section
from mailkeep.tasks.document import check_options, options_document, options_from
from mailkeep.tasks.exclusion_text import exclusion_from, exclusion_text, in_words
from mailkeep.tasks.names import checked_name
from mailkeep.tasks.options import Effect, Exclusion, TaskOptions

EXCLUSIONS = st.builds(
    Exclusion,
    day=st.one_of(st.none(), st.integers(0, 6)),
    start=st.integers(0, 1439),
    end=st.integers(0, 1440),
    region=st.sampled_from(["Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+5", "UTC"]),
    effect=st.just(Effect.ITEMS),
).filter(lambda e: e.start != e.end)
OPTIONS = st.builds(
    TaskOptions,
    kinds=st.frozensets(st.sampled_from(Kind), min_size=1),
    classes=st.lists(st.sampled_from(["IPM.Voice", "IPM.X.*", "ipm.y-z_1"]), unique=True).map(tuple),
    sensitive=st.booleans(),
    exclusions=st.lists(EXCLUSIONS, max_size=4, unique=True).map(tuple),
    slots_per_day=st.integers(1, 96),
    sections=st.frozensets(st.sampled_from(Section)).map(lambda some: some | {Section.PRIMARY}),
)


@given(OPTIONS)
def test_options_survive_the_document_and_json(options: TaskOptions) -> None:
    assert options_from(json.loads(json.dumps(options_document(options)))) == options


@given(EXCLUSIONS)
def test_a10_an_exclusion_survives_its_text(exclusion: Exclusion) -> None:
    assert exclusion_from(exclusion_text(exclusion)) == exclusion


def test_an_empty_document_is_the_defaults() -> None:
    assert options_from({}) == TaskOptions()
    assert options_document(TaskOptions()) == {
        "kinds": ["mail"],
        "classes": [],
        "sensitive": False,
        "slots_per_day": 6,
        "exclusions": [],
        "sections": [],
    }


def test_sections_are_those_beside_the_mailbox_itself() -> None:
    both = TaskOptions(sections=frozenset({Section.PRIMARY, Section.IN_PLACE_ARCHIVE}))
    assert options_document(both)["sections"] == ["in_place_archive"]
    assert options_from({"sections": ["in_place_archive"]}) == both
    assert options_from({"sections": ["primary", "in_place_archive"]}) == both
    assert check_options(TaskOptions(sections=frozenset())).sections == frozenset({Section.PRIMARY})
    older = {name: value for name, value in options_document(TaskOptions()).items() if name != "sections"}
    assert options_from(older) == TaskOptions()


def test_a8_classes_are_trimmed_and_kept_once() -> None:
    assert check_options(TaskOptions(classes=(" IPM.Voice", "ipm.voice", "IPM.X.*"))).classes == (
        "IPM.Voice",
        "IPM.X.*",
    )


GOOD = {"day": "Monday", "from": "09:00", "to": "17:00", "region": "UTC"}


@pytest.mark.parametrize(
    ("document", "code", "says"),
    [
        ({"kinds": []}, "no_kinds", "nothing is switched on"),
        ({"kinds": ["mails"]}, "bad_options", "'mails'"),
        ({"kinds": "mail"}, "bad_options", "a list"),
        ({"kinds": [1]}, "bad_options", "a string"),
        ({"klasses": []}, "bad_options", "'klasses'"),
        ({"classes": ["IPM..X"]}, "bad_class", "dot too many"),
        ({"classes": ["IPM.Appointment"]}, "bad_class", "event"),
        ({"classes": [f"IPM.X{n}" for n in range(201)]}, "bad_options", "at most 200"),
        ({"sensitive": "yes"}, "bad_options", "true or false"),
        ({"slots_per_day": 0}, "bad_options", "0 times"),
        ({"slots_per_day": 97}, "bad_options", "97 times"),
        ({"slots_per_day": True}, "bad_options", "a number"),
        ({"slots_per_day": 1.5}, "bad_options", "a number"),
        ({"exclusions": [{**GOOD, "day": "Mo"}]}, "bad_exclusion", "'Mo'"),
        ({"exclusions": [{**GOOD, "day": ""}]}, "bad_exclusion", "Day"),
        ({"exclusions": [{**GOOD, "from": "9"}]}, "bad_exclusion", "'9'"),
        ({"exclusions": [{**GOOD, "to": "24:01"}]}, "bad_exclusion", "'24:01'"),
        ({"exclusions": [{**GOOD, "to": "09:60"}]}, "bad_exclusion", "'09:60'"),
        ({"exclusions": [{**GOOD, "to": "09:00"}]}, "bad_exclusion", "same time"),
        ({"exclusions": [{**GOOD, "from": "24:00"}]}, "bad_exclusion", "within a day"),
        ({"exclusions": [{**GOOD, "region": "Mars/Olympus"}]}, "bad_exclusion", "Mars/Olympus"),
        ({"exclusions": [{**GOOD, "effect": "all"}]}, "bad_exclusion", "'all'"),
        ({"exclusions": [{**GOOD, "until": "x"}]}, "bad_options", "'until'"),
        ({"exclusions": [{k: v for k, v in GOOD.items() if k != "region"}]}, "bad_exclusion", "Region"),
        ({"exclusions": ["Mon"]}, "bad_options", "an object"),
        (
            {"exclusions": [{**GOOD, "day": "All Days", "from": "00:00", "to": "24:00", "effect": "sync"}]},
            "never_open",
            "week",
        ),
        ({"sections": ["archive"]}, "bad_options", "'archive'"),
        ({"sections": "in_place_archive"}, "bad_options", "a list"),
        ([], "bad_options", "JSON object"),
    ],
)
def test_a_wrong_document_is_refused_with_what_to_do(document: Any, code: str, says: str) -> None:
    with pytest.raises(GiveUp) as raised:
        options_from(document)
    assert (raised.value.code, says in raised.value.message) == (code, True), raised.value.message
    assert raised.value.hint


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Mon 09:00-17:00 Europe/Berlin items", Exclusion(0, 540, 1020, "Europe/Berlin", Effect.ITEMS)),
        ("Mon 09:00-17:00 Europe/Berlin", Exclusion(0, 540, 1020, "Europe/Berlin", Effect.ITEMS)),
        ("all 22:00-06:00 UTC sync", Exclusion(None, 1320, 360, "UTC", Effect.SYNC)),
        ("Sun 00:00-24:00 Etc/GMT+5 SYNC", Exclusion(6, 0, 1440, "Etc/GMT+5", Effect.SYNC)),
        ("  saturday 9:05 - 10:00  America/New_York  ", Exclusion(5, 545, 600, "America/New_York", Effect.ITEMS)),
    ],
)
def test_a10_the_command_lines_form(text: str, expected: Exclusion) -> None:
    assert exclusion_from(text) == expected


@pytest.mark.parametrize(
    "text", ["", "Mon", "Mon 09:00-17:00", "Mon 09:00 17:00 UTC", "Someday 09:00-10:00 UTC", "Mon a-b UTC"]
)
def test_a10_what_is_no_exclusion_is_refused(text: str) -> None:
    with pytest.raises(GiveUp) as raised:
        exclusion_from(text)
    assert raised.value.code == "bad_exclusion"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "Mon 09:00-17:00 Europe/Berlin items",
            "on Mondays between 09:00 and 17:00, local time of Europe/Berlin, are not archived",
        ),
        ("All 22:00-06:00 UTC items", "on every day from 22:00 until 06:00 on the next day"),
        ("Sun 23:00-01:00 UTC sync", "No mailbox synchronisation starts on Sundays from 23:00 until 01:00 on Monday"),
        ("Sat 00:00-24:00 UTC sync", "on Saturdays, the whole day"),
    ],
)
def test_a10_each_exclusion_says_what_it_does(text: str, words: str) -> None:
    assert words in in_words(exclusion_from(text))


@pytest.mark.parametrize(
    ("typed", "kept"),
    [(" Head office ", "Head office"), ("x" * 100, "x" * 100), ("u\u0308ber", "\u00fcber"), ("人事部 ✓", "人事部 ✓")],
)
def test_a5_a_name_is_trimmed(typed: str, kept: str) -> None:
    assert checked_name(typed, ["other"]) == kept


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("", "bad_name"),
        (" \t", "bad_name"),
        ("x" * 101, "bad_name"),
        ("a\nb", "bad_name"),
        ("a\u202eb", "bad_name"),
        ("ÜBER", "name_taken"),
    ],
)
def test_a5_a_wrong_name_is_refused(typed: str, code: str) -> None:
    with pytest.raises(GiveUp) as raised:
        checked_name(typed, ["über"])
    assert raised.value.code == code
