"""What a listing's header fields tell: class and sensitivity (SPEC A11), subject and people."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailkeep.connectors.imap import headers
from mailkeep.connectors.imap.folders import _status
from mailkeep.connectors.imap.headers import TEXT_CHARACTERS_MAX
from mailkeep.connectors.imap.references import reference
from mailkeep.connectors.imap.wire import Response
from mailkeep.mail.items import Sensitivity


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ("", "IPM.Note"),
        ("text/plain; charset=utf-8", "IPM.Note"),
        ("multipart/report; report-type=delivery-status; boundary=x", "REPORT.IPM.Note"),
        ("Multipart/Report", "REPORT.IPM.Note"),
        ('text/calendar; charset="utf-8"; method=REQUEST', "IPM.Schedule.Meeting.Request"),
        ('text/calendar; METHOD="reply"', "IPM.Schedule.Meeting.Resp"),
        ("text/calendar;method=CANCEL", "IPM.Schedule.Meeting.Canceled"),
        ("text/calendar; charset=utf-8", "IPM.Note"),
        ("application/pkcs7-mime; smime-type=enveloped-data", "IPM.Note.SMIME"),
        ("application/x-pkcs7-mime", "IPM.Note.SMIME"),
        ('multipart/signed; protocol="application/pkcs7-signature"; micalg=sha-256', "IPM.Note.SMIME.MultipartSigned"),
        ("multipart/signed; micalg=x; protocol=application/x-pkcs7-signature", "IPM.Note.SMIME.MultipartSigned"),
        ('multipart/signed; protocol="application/pgp-signature"', "IPM.Note"),
        ("multipart/mixed; boundary=method=REQUEST", "IPM.Note"),
    ],
)
def test_the_class_follows_the_content_type(content_type: str, expected: str) -> None:
    assert headers.message_class(content_type.encode()) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"Personal", Sensitivity.PERSONAL),
        (b" PRIVATE ", Sensitivity.PRIVATE),
        (b"Company-Confidential", Sensitivity.CONFIDENTIAL),
        (b"", Sensitivity.NORMAL),
        (b"whatever", Sensitivity.NORMAL),
    ],
)
def test_sensitivity(value: bytes, expected: Sensitivity) -> None:
    assert headers.sensitivity(value) is expected


def test_of_several_sensitivities_the_strictest_counts() -> None:
    found = headers.fields(b"Sensitivity: personal\r\nsensitivity: Private\r\nSENSITIVITY: normal\r\n\r\n")
    assert headers.sensitivity(found[b"sensitivity"]) is Sensitivity.PRIVATE


def test_fields_are_unfolded_and_the_first_counts() -> None:
    found = headers.fields(b"Subject: a\r\n b\r\n\tc\r\nSUBJECT: other\r\nno colon\r\nTo : x\n\n")
    assert found == {b"subject": b"a b c", b"to": b"x"}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"plain", "plain"),
        (b"=?utf-8?q?h=C3=A9llo?= =?utf-8?b?d8O2cmxk?=", "héllowörld"),
        (b"=?iso-8859-1?q?gr=FC=DFe?= you", "grüße you"),
        ("größe".encode(), "größe"),
        (b"gr\xf6\xdfe", "gr\ufffd\ufffde"),
        (b"=?no-such-charset?q?x=FC?=", "xü"),
    ],
)
def test_text_as_people_read_it(value: bytes, text: str) -> None:
    assert headers.readable(value) == text


@given(st.binary(max_size=400))
def test_any_bytes_are_readable(value: bytes) -> None:
    assert len(headers.readable(value)) <= TEXT_CHARACTERS_MAX
    headers.fields(value)
    headers.message_class(value)
    headers.date(value)


def test_a_bomb_costs_nothing() -> None:
    began = time.perf_counter()
    for bomb in (b"=?utf-8?q?a?= " * 60_000, b"a@b.example, " * 20_000, b"=?" * 400_000, b"\r\n " * 300_000):
        headers.readable(bomb)
        headers.fields(b"Subject: " + bomb + b"\r\n\r\n")
        headers.message_class(b"text/calendar" + bomb)
    assert time.perf_counter() - began < 2


def test_dates() -> None:
    assert headers.date(b"Fri, 21 Nov 1997 09:55:06 -0600") == datetime(1997, 11, 21, 15, 55, 6, tzinfo=UTC)
    assert headers.date(b"Fri, 21 Nov 1997 09:55:06 -0000") == datetime(1997, 11, 21, 9, 55, 6, tzinfo=UTC)
    for broken in (b"", b"yesterday", b"Fri, 99 Nov 1997 09:55:06 -0600", b"\xff\xfe", b"1 Jan 99999 00:00 +0000"):
        assert headers.date(broken) is None


def test_lasting_ids_of_a_server_with_objectid() -> None:
    """RFC 8474: both ids come in brackets."""
    listed = (
        b'* 1 FETCH (UID 7 FLAGS () INTERNALDATE "17-Jul-1996 02:44:25 +0000" RFC822.SIZE 9 EMAILID (M6d99ac3275bb4e))'
    )
    assert reference(Response([listed]).told, 3, None).stable_id == "M6d99ac3275bb4e"
    told = _status(
        Response([b'* STATUS "a b" (MESSAGES 3 UIDNEXT 9 UIDVALIDITY 2 HIGHESTMODSEQ 70 MAILBOXID (F2212ea87))'])
    )
    assert told is not None
    raw, status = told
    assert (raw, status.id, status.count, status.uid_next, status.validity) == (b"a b", "id-F2212ea87", 3, 9, 2)


def test_an_unreadable_internal_date_is_visibly_wrong_and_stops_nothing() -> None:
    listed = b'* 1 FETCH (UID 7 FLAGS () INTERNALDATE "soon" RFC822.SIZE 9)'
    assert reference(Response([listed]).told, 3, None).received == datetime(1970, 1, 1, tzinfo=UTC)
