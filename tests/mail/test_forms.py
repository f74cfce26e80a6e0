"""What bytes are, by the bytes; and the lines of iCalendar and vCards, whatever strangers wrote."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailkeep.mail.forms import Form, content_lines, form_of, unescaped
from mailkeep.mail.items import Kind


@pytest.mark.parametrize(
    ("content", "kind", "form"),
    [
        (b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n", Kind.EVENT, Form.CALENDAR),
        (b"\xef\xbb\xbf\r\nbegin:vcard\nVERSION:4.0\n", Kind.CONTACT, Form.CARD),
        (b"<t:Task xmlns:t='x'/>", Kind.TASK, Form.XML),
        (b"<?xml version='1.0'?><a/>", Kind.MAIL, Form.XML),
        (b"Subject: a\r\n\r\nBEGIN:VCALENDAR\r\n", Kind.EVENT, Form.MESSAGE),
        (b"<html> is no header, but mail is mail", Kind.MAIL, Form.MESSAGE),
        (b"", Kind.MAIL, Form.MESSAGE),
        (b"\x00\x01", Kind.NOTE, Form.OTHER),
        (b"", Kind.NOTE, Form.OTHER),
    ],
)
def test_the_bytes_decide(content: bytes, kind: Kind, form: Form) -> None:
    assert form_of(content, kind) is form


def test_lines_are_unfolded_and_know_their_component() -> None:
    content = (
        b"X-Before: nothing\r\nBEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY;LANGUAGE=de:Be\r\n sprechung\r\n"
        b'ATTENDEE;CN="a: b";ROLE=CHAIR:mailto:a@x\r\nEND:VEVENT\r\nno line\r\nEND:VCALENDAR\r\nEND:VCALENDAR\r\nitem1.EMAIL:b@x\r\n'
    )
    lines = [(line.component, line.name, line.parameters, line.value) for line in content_lines(content)]
    assert lines == [
        ((), "X-BEFORE", "", " nothing"),
        (("VCALENDAR", "VEVENT"), "SUMMARY", "LANGUAGE=de", "Besprechung"),
        (("VCALENDAR", "VEVENT"), "ATTENDEE", 'CN="a: b";ROLE=CHAIR', "mailto:a@x"),
        ((), "EMAIL", "", "b@x"),
    ]
    assert unescaped(r"a\, b\; c\nd\\e") == "a, b; c\nd\\e"


@given(st.binary(max_size=400), st.sampled_from(Kind))
def test_any_bytes_are_read(content: bytes, kind: Kind) -> None:
    assert form_of(content, kind) in Form
    list(content_lines(content))
    list(content_lines(b"BEGIN:VCALENDAR\r\n" + content))


def test_the_corpus_reads(corpus: Path) -> None:
    calendars = sorted((corpus / "icalendar").rglob("*.ics"))[:400]
    cards = sorted((corpus / "ez-vcard").rglob("*.vcf"))[:400]
    assert len(calendars) > 50
    assert cards
    read = [path for path in calendars if form_of(path.read_bytes(), Kind.EVENT) is Form.CALENDAR]
    assert len(read) > 100, "the others are bare components"
    silent = [path.name for path in read if not any(line.component for line in content_lines(path.read_bytes()))]
    assert silent == ["big_bad_calendar.ics", "bom_calendar.ics", "empty.ics", "small_bad_calendar.ics"], (
        "they say nothing"
    )
    assert any(form_of(path.read_bytes(), Kind.CONTACT) is Form.CARD for path in cards)
