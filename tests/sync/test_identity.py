"""Identity: the header block is cut where any server cuts it, and only one item has its proof."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailkeep.mail.identity import header_block, identity

WHEN = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("content", "header"),
    [
        (b"A: b\r\n\r\nbody\r\n\r\nmore", b"A: b\r\n\r\n"),
        (b"A: b\n\nbody\r\n\r\n", b"A: b\n\n"),
        (b"A: b\n\r\nbody\n\n", b"A: b\n\r\n"),
        (b"\r\nbody", b"\r\n"),
        (b"\nbody", b"\n"),
        (b"A: b\r\n", b"A: b\r\n"),
        (b"", b""),
        (b"A: " + b"x" * 40_000 + b"\r\n\r\nbody", b"A: " + b"x" * 40_000 + b"\r\n\r\n"),
    ],
)
@pytest.mark.parametrize("buffer", [bytes, bytearray, memoryview])
def test_header_block(content: bytes, header: bytes, buffer: type) -> None:
    assert bytes(header_block(buffer(content))) == header


@settings(deadline=None)  # the machine may be busy
@given(st.binary(max_size=60).map(lambda data: data.replace(b"\x00", b"\n")))
def test_header_block_ends_with_the_first_empty_line(content: bytes) -> None:
    rebuilt = []
    for line in content.split(b"\n"):
        rebuilt.append(line)
        if line in (b"", b"\r"):
            break
    head = b"\n".join(rebuilt)
    expected = head + b"\n" if len(head) < len(content) else content
    assert bytes(header_block(content)) == expected


def test_every_part_of_the_proof_counts() -> None:
    proof = identity(b"Subject: a\r\n\r\n", 10, WHEN)
    assert len(proof) == 32
    assert proof != identity(b"Subject: b\r\n\r\n", 10, WHEN)
    assert proof != identity(b"Subject: a\r\n\r\n", 11, WHEN)
    assert proof != identity(b"Subject: a\r\n\r\n", 10, WHEN + timedelta(seconds=1))


def test_what_servers_differ_in_does_not_count() -> None:
    proof = identity(b"Subject: a\r\n\r\n", 10, WHEN)
    assert proof == identity(b"Subject: a\r\n", 10, WHEN)  # a message without a body, with and without its blank line
    assert proof == identity(memoryview(b"Subject: a\r\n\r\n"), 10, WHEN.astimezone(timezone(timedelta(hours=5))))
    assert proof == identity(b"Subject: a\r\n\r\n", 10, WHEN + timedelta(milliseconds=900))


def test_real_mail_is_cut_where_its_first_empty_line_is(corpus: Path) -> None:
    """Against the slowest and plainest reading of it: line by line."""
    paths = [path for path in sorted(corpus.rglob("*")) if path.is_file()][:400]
    for path in paths:
        content = path.read_bytes()
        end = 0
        for line in content.split(b"\n"):
            end += len(line) + 1
            if line in (b"", b"\r"):
                break
        assert len(header_block(content)) == min(end, len(content)), path
