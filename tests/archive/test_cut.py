"""Cutting: whatever comes in comes out, and base64 is really decoded where it can be."""

from __future__ import annotations

import base64
import random
import tracemalloc

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailkeep.archive.cut import (
    BASE64,
    CRLF,
    LF,
    LITERAL,
    PIECE_BYTES_MAX,
    SHARED,
    SHARED_BASE64,
    cut,
    encode,
    rebuild,
)

HEADER = b"Content-Transfer-Encoding: base64\r\n\r\n"


def folded(data: bytes, line: int = 76, newline: bytes = b"\r\n") -> bytes:
    text = base64.b64encode(data)
    return newline.join(text[at : at + line] for at in range(0, len(text), line))


def kinds(content: bytes) -> list[int]:
    return [piece.kind for piece in cut(content)]


def joined(content: bytes) -> bytes:
    return b"".join(rebuild(cut(content)))


def test_a_large_part_is_decoded_and_shared() -> None:
    attachment = random.Random(1).randbytes(20_000)
    content = b"Subject: x\r\n" + HEADER + folded(attachment) + b"\r\n--b--\r\n"
    pieces = list(cut(content))
    assert [piece.kind for piece in pieces] == [LITERAL, SHARED_BASE64, LITERAL]
    assert pieces[1].data == attachment
    assert (pieces[1].line, pieces[1].newline) == (76, CRLF)
    assert joined(content) == content


def test_the_same_part_under_another_header_is_the_same_piece() -> None:
    attachment = random.Random(1).randbytes(20_000)
    one, two = (to + HEADER + folded(attachment) + b"\r\n--b--" for to in (b"To: a\r\n", b"To: somebody else\r\n"))
    assert [piece for piece in cut(one) if piece.kind == SHARED_BASE64] == [
        piece for piece in cut(two) if piece.kind == SHARED_BASE64
    ]


def test_a_long_body_is_kept_apart_from_its_header() -> None:
    body = b"All hands meeting. " * 2000
    content = b"Received: one\r\nSubject: x\r\n\r\n" + body
    pieces = list(cut(content))
    assert [piece.kind for piece in pieces] == [LITERAL, SHARED]
    assert pieces[1].data == body


@pytest.mark.parametrize("newline", [b"\r\n", b"\n"])
@pytest.mark.parametrize("line", [4, 60, 64, 72, 76, 1000, 65_532])
@pytest.mark.parametrize("size", [300, 5000, 70_001])
def test_other_line_lengths_and_bare_newlines_are_decoded(line: int, newline: bytes, size: int) -> None:
    text = folded(random.Random(size).randbytes(size), line, newline)
    content = HEADER.replace(b"\r\n", newline) + text + newline + b"--b--" + newline
    assert joined(content) == content
    first = text.find(newline)
    pieces = [piece for piece in cut(content) if piece.kind in (BASE64, SHARED_BASE64)]
    assert [piece.newline for piece in pieces] == [LF if newline == b"\n" else CRLF]
    assert pieces[0].line == (first if first >= 0 else len(text))
    assert len(pieces[0].data) == size


def test_one_endless_line_is_decoded() -> None:
    content = b"Encoding: base64\n\n" + base64.b64encode(bytes(range(256)) * 400)
    assert SHARED_BASE64 in kinds(content)
    assert joined(content) == content


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text.replace(b"\r\n", b" \r\n", 1),  # a space before a line's end
        lambda text: text[:-1] + b"*",
        lambda text: text[:400] + b"\r\n" + text[400:],  # a broken line
        lambda text: text[:-4] + b"QR==",  # bits that no encoder leaves set
        lambda text: text.replace(b"\r\n", b"\n", 1),  # mixed ends
        lambda text: b"\x00" + text,
    ],
)
def test_irregular_base64_comes_back_whole(spoil: object) -> None:
    text = folded(random.Random(3).randbytes(9000))
    content = HEADER + spoil(text) + b"\r\n--b--\r\n"  # type: ignore[operator]
    assert joined(content) == content


def test_a_footer_without_a_boundary_does_not_spoil_the_part() -> None:
    attachment = random.Random(5).randbytes(9001)
    content = HEADER + folded(attachment) + b"\r\n\r\n_______\r\nlist mailing list\r\n"
    assert [piece.data for piece in cut(content) if piece.kind == SHARED_BASE64] == [attachment]
    assert joined(content) == content


@pytest.mark.parametrize(
    "field",
    [
        b"Content-Transfer-Encoding: BASE64",
        b"content-transfer-encoding: Base64",
        b"Content-transfer-encoding:base64 ; as ever",
        b"Content-Transfer-Encoding:\r\n\tbase64\r\nContent-Disposition: inline",
        b"Content-Transfer-Encoding: 7bit\r\nContent-Transfer-Encoding: base64",
    ],
)
def test_spellings_that_are_found(field: bytes) -> None:
    assert SHARED_BASE64 in kinds(field + b"\r\n\r\n" + folded(bytes(9000)))


def test_no_piece_is_longer_than_the_limit() -> None:
    content = HEADER + folded(random.Random(2).randbytes(7 << 20)) + b"\r\n--b\r\n\r\n" + b"text\r\n" * (1 << 20)
    pieces = list(cut(content))
    assert max(len(piece.data) for piece in pieces) <= PIECE_BYTES_MAX
    assert joined(content) == content


def test_cutting_a_large_message_takes_little_memory() -> None:
    content = HEADER + folded(random.Random(2).randbytes(24 << 20)) + b"\r\n--b--\r\n"
    tracemalloc.start()
    for _ in cut(content):
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5 * PIECE_BYTES_MAX


def test_many_parts_take_linear_time() -> None:
    """A message of 40,000 parts: searching the rest of it for each would take minutes."""
    part = b"--b\nContent-Transfer-Encoding: base64\n\n" + folded(bytes(150), 76, b"\n") + b"\n"
    content = b"Subject: x\n\n" + part * 40_000
    assert joined(content) == content


def test_encoding_again_equals_the_standard_library() -> None:
    data = random.Random(4).randbytes(1000)
    assert encode(data, 76, LF) == base64.encodebytes(data)[:-1]
    assert encode(data, 0, 0) == base64.b64encode(data)
    assert encode(b"", 76, CRLF) == b""


ends = st.sampled_from([b"\r\n", b"\n", b"\r", b"", b"\r\n\r\n", b"\n\n", b" \r\n", b"\x00"])
bases = st.builds(
    folded, st.binary(max_size=600) | st.integers(0, 30_000).map(bytes), st.sampled_from([4, 60, 76, 77, 5000]), ends
)
fragments = st.one_of(
    st.sampled_from(
        [
            HEADER,
            HEADER.replace(b"\r\n", b"\n"),
            b"encoding: BASE64\n\n",
            b"Encoding:",
            b"base64",
            b"--b",
            b"--b--",
            b"-- \r\n",
        ]
    ),
    ends,
    bases,
    bases.map(lambda text: text[:-1]),
    st.binary(max_size=50),
)


@given(st.lists(fragments, max_size=12).map(b"".join))
@example(HEADER + b"A" * 200)
@example(HEADER + b"=" * 200)
@example(HEADER + b"\r\n" * 100)
@example(HEADER + b"QUJD\r\n" * 40 + b"QQ==\r\nQQ==")
def test_any_bytes_come_back(content: bytes) -> None:
    assert joined(content) == content
    assert joined(bytearray(content)) == content  # type: ignore[arg-type]
