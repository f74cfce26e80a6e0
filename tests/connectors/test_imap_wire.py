"""The IMAP codec: what it reads, what it refuses, and that no server's line can do more than be refused."""

from __future__ import annotations

import contextlib
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailkeep.connectors.imap import listing
from mailkeep.connectors.imap.command import Literal, date_time, flag_list, flags_from, string, uid_set
from mailkeep.connectors.imap.wire import (
    DEPTH_MAX,
    Claim,
    Response,
    WireError,
    completion,
    internal_date,
    literal_size,
    uid_ranges,
    untagged,
    values,
)
from mailkeep.mail import folder_names as names


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"NIL atom 12", [None, b"atom", b"12"]),
        (b'"quoted" "with \\"marks\\" and \\\\" ""', [b"quoted", b'with "marks" and \\', b""]),
        (b"(a (b ()) c)", [[b"a", [b"b", []], b"c"]]),
        (b'(\\Seen $Forwarded) "/" "a (b"', [[b"\\Seen", b"$Forwarded"], b"/", b"a (b"]),
        (b"BODY[HEADER.FIELDS (TO CC)]<0> x", [b"BODY[HEADER.FIELDS (TO CC)]<0>", b"x"]),
        (b"", []),
    ],
)
def test_values(text: bytes, expected: list[object]) -> None:
    assert values([text]) == expected


def test_literals_stand_where_they_were() -> None:
    assert values([b"(BODY[] ", b"a) \r\n", b" UID 4)"]) == [[b"BODY[]", b"a) \r\n", b"UID", b"4"]]


@pytest.mark.parametrize(
    "text", [b"(", b")", b"a)", b'"open', b'(a "b)', b"(" * (DEPTH_MAX + 1) + b")" * (DEPTH_MAX + 1)]
)
def test_what_is_no_list_is_refused(text: bytes) -> None:
    with pytest.raises(WireError):
        values([text])


def test_a_fetch_response() -> None:
    response = Response(
        [b'* 7 FETCH (UID 9 FLAGS (\\Seen x) INTERNALDATE "17-Jul-1996 02:44:25 -0700" body[] ', b"hi", b")"]
    )
    assert (response.name, response.number) == (b"FETCH", 7)
    assert response.told[b"BODY[]"] == b"hi"
    assert response.told[b"FLAGS"] == [b"\\Seen", b"x"]
    assert internal_date(response.told[b"INTERNALDATE"]) == datetime(1996, 7, 17, 9, 44, 25, tzinfo=UTC)


def test_both_readers_of_a_fetch_response_agree() -> None:
    """The usual shape is read by one expression; in any other order the general reader says the same."""
    usual = b'* 7 FETCH (UID 9 FLAGS (\\Seen x) INTERNALDATE "17-Jul-1996 02:44:25 -0700" RFC822.SIZE 12 X-GUID a,b=1 BODY[] '
    other = b'* 7 FETCH (FLAGS (\\Seen x) UID 9 X-GUID a,b=1 RFC822.SIZE 12 INTERNALDATE "17-Jul-1996 02:44:25 -0700" BODY[] '
    assert Response([usual, b"hi", b")"]).told == Response([other, b"hi", b")"]).told
    assert Response([b"* 7 FETCH (UID 9 FLAGS ())"]).told == Response([b"* 7 FETCH (FLAGS () UID 9)"]).told


def test_a_claim_takes_its_own() -> None:
    claim = Claim(attribute=b"BODY[]", uids=range(5, 10))
    assert claim.fits(Response([b"* 7 FETCH (UID 9 BODY[] ", b"hi", b")"]))
    assert claim.fits(Response([b"* 7 FETCH (BODY[] NIL UID 9)"]))
    assert not claim.fits(Response([b"* 7 FETCH (UID 10 BODY[] ", b"hi", b")"]))
    assert not claim.fits(Response([b"* 7 FETCH (UID 9 FLAGS (\\Seen))"]))
    assert not claim.fits(Response([b"* 7 EXISTS"]))


def test_completions() -> None:
    told = completion(b"NO [AUTHENTICATIONFAILED] wrong")
    assert (told.status, told.code, told.text, told.ok) == ("NO", "AUTHENTICATIONFAILED", "wrong", False)
    told = completion(b"OK [APPENDUID 38505 3955] done")
    assert (told.code, told.argument) == ("APPENDUID", b"38505 3955")
    assert completion(b"OK").ok
    with pytest.raises(WireError):
        completion(b"MAYBE later")


def test_uid_ranges() -> None:
    assert uid_ranges(b"1:3,9,7:5") == [(1, 3), (9, 9), (5, 7)]
    for hostile in (b"1:*", b"", b"1,,2", b"1:2:3", b"-1", b"9" * 40):
        with pytest.raises(WireError):
            uid_ranges(hostile)


def test_ranges_without_end_cost_no_more_than_what_was_asked_for() -> None:
    """Read lazily it would be no list of 2^63 either: so the time is what tells."""
    began = time.monotonic()
    said = Response([b"* ESEARCH (TAG m1) UID ALL 1:9223372036854775807,3:9223372036854775807,7"])
    assert list(listing._found(said, 5, 9)) == [5, 6, 7, 8, 9]
    assert list(listing._found(Response([b"* SEARCH 9 2 7 9223372036854775807 7"]), 5, 9)) == [7, 9]
    assert time.monotonic() - began < 1


@given(st.sets(st.integers(1, 2**32 - 1), min_size=1))
def test_a_uid_set_comes_back(uids: set[int]) -> None:
    ranges = uid_ranges(uid_set(uids))
    assert sum(high - low + 1 for low, high in ranges) == len(uids)
    assert all(any(low <= uid <= high for low, high in ranges) for uid in uids)


@given(st.integers(1, 2**32 - 400), st.integers(1, 300))
def test_neighbours_become_a_range(first: int, length: int) -> None:
    expected = b"%d:%d" % (first, first + length - 1) if length > 1 else b"%d" % first
    assert uid_set(range(first, first + length)) == expected


HOSTILE = st.one_of(
    st.binary(max_size=200),
    st.text(alphabet='()[]{}"\\ *+~NILBODY[]<>0123456789abc:,%\t\x00é', max_size=200).map(str.encode),
)


@given(st.lists(HOSTILE, min_size=1, max_size=5))
def test_a_hostile_response_is_read_or_refused(pieces: list[bytes]) -> None:
    """Never anything but a value or a WireError."""
    response = Response([b"* 1 FETCH " + pieces[0], *pieces[1:]])
    claim = Claim(attribute=b"BODY[]", uids=range(100))
    for read in (lambda: response.told, response.values, lambda: claim.fits(response), lambda: completion(pieces[0])):
        with contextlib.suppress(WireError):
            read()


@given(HOSTILE)
def test_hostile_words_are_read_or_refused(word: bytes) -> None:
    untagged(word)
    literal_size(word)
    names.decode(word)
    for read in (internal_date, uid_ranges):
        with contextlib.suppress(WireError):
            read(word)


@pytest.mark.parametrize(
    "line",
    [b'"' + b"\\a" * 400_000, b"(" * 500_000, b'" ' * 300_000, b"BODY[" * 100_000, b"{" * 500_000, b"[" * 500_000],
)
def test_a_hostile_line_costs_no_more_than_its_length(line: bytes) -> None:
    began = time.perf_counter()
    for read in (
        lambda: values([line]),
        lambda: completion(line),
        lambda: literal_size(line),
        lambda: Response([line]),
    ):
        with contextlib.suppress(WireError):
            read()
    assert time.perf_counter() - began < 2


@given(st.text(max_size=60))
def test_a_folder_name_comes_back(name: str) -> None:
    encoded = names.encode(name)
    assert encoded.isascii()
    assert b"\r" not in encoded
    if not any("\ud800" <= character <= "\udfff" for character in name):
        assert names.decode(encoded) == name


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        (b"Entw&APw-rfe", "Entwürfe"),
        (b"~peter/mail/&U,BTFw-/&ZeVnLIqe-", "~peter/mail/台北/日本語"),
        (b"R&-D", "R&D"),
        (b"broken &/- shift", "broken &/- shift"),
        ("größer".encode(), "größer"),
        (b"gr\xf6\xdfer", "größer"),
    ],
)
def test_folder_names_that_servers_give(raw: bytes, name: str) -> None:
    assert names.decode(raw) == name


def test_a_string_becomes_no_second_command() -> None:
    for evil in ('a"\r\nm2 DELETE INBOX', "a\0b", "a\nb", "a\rb"):
        with pytest.raises(ValueError, match="line break"):
            string(evil)
    assert string('a"b\\c d') == b'"a\\"b\\\\c d"'
    assert string("plain") == b"plain"
    assert string("nil") == b'"nil"'
    assert string("") == b'""'
    assert string("pässword") == Literal("pässword".encode())
    assert string("x" * 2000 + " ") == Literal(b"x" * 2000 + b" ")


@given(st.text(alphabet=st.characters(codec="ascii", exclude_characters="\0\r\n"), max_size=80))
def test_an_ascii_string_is_read_back(text: str) -> None:
    part = string(text)
    assert isinstance(part, bytes)
    if part.startswith(b'"'):
        assert values([part]) == [text.encode()]


def test_flags_there_and_back() -> None:
    assert flag_list({"seen", "draft", "$Work"}) == b"($Work \\Draft \\Seen)"
    assert flags_from([b"\\SEEN", b"\\Recent", b"\\Odd", b"$Work", b"work"]) == frozenset({"seen", "$Work", "work"})
    for evil in ("two words", "a(b", 'a"b', "ä", "\\Seen", ""):
        with pytest.raises(ValueError, match="keyword"):
            flag_list({evil})


@given(st.integers(0, 2**37).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)))
def test_a_date_comes_back(moment: datetime) -> None:
    assert internal_date(date_time(moment)[1:-1]) == moment
