"""Rows by COPY: whatever text comes from mail is stored, and comes back as it was unless PostgreSQL cannot hold it."""

from __future__ import annotations

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from mailkeep.catalog import copying

pytestmark = pytest.mark.django_db
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=40)
FIT_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)


def through_the_database(line: str) -> tuple[str, list[str], bytes]:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE IF NOT EXISTS copied (a text, b text[], c bytea)")
        cursor.execute("TRUNCATE copied")
        copying.copy(cursor, "copied", ("a", "b", "c"), [line])
        cursor.execute("SELECT a, b, c FROM copied")
        a, b, c = cursor.fetchone()
    return a, b, bytes(c)


@given(FIT_TEXT, st.frozensets(FIT_TEXT, max_size=4), st.binary(max_size=40))
def test_values_come_back(one: str, words: frozenset[str], data: bytes) -> None:
    line = "\t".join([copying.text(one), copying.words(words), copying.raw(data)])
    assert through_the_database(line) == (one, sorted(words), data)


@given(ANY_TEXT)
def test_what_postgresql_cannot_hold_becomes_a_replacement_character(one: str) -> None:
    line = "\t".join([copying.text(one), copying.array([one]), copying.raw(b"")])
    expected = "".join("\ufffd" if letter == "\0" or "\ud800" <= letter <= "\udfff" else letter for letter in one)
    assert through_the_database(line) == (expected, [expected], b"")
    assert copying.clean(one) == expected
