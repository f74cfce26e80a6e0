"""MIME in and out: exact as it came, the same in content when it is made anew, calendars and cards that others can read."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from random import Random

import pytest
from icalendar import Calendar

from mailkeep.mail import headers
from mailkeep.mail.parts import leaves, tree
from mailkeep.simulator.ews.envelope import T
from mailkeep.simulator.ews.ical_reading import event_from_calendar
from mailkeep.simulator.ews.messages import message_from_mime
from mailkeep.simulator.ews.regenerating import regenerated
from mailkeep.simulator.exchange.recurrence import read_recurrence
from tests.simulator.items_world import MIME, Bob, Shown

_MAIL = b"""\
Received: from a.example by b.example; Mon, 2 Mar 2026 09:00:00 +0000
X-Own: dropped
Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=
From: "Doe, Jane" <jane@else.example>
To: Bob <bob@house.example>
Date: Mon, 2 Mar 2026 10:00:00 +0100
Message-ID: <1@else.example>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="outer"

preamble
--outer
Content-Type: multipart/alternative; boundary=inner

--inner
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

Gr=FC=DFe
--inner
Content-Type: text/html; charset=utf-8

<p>Hello</p>
--inner--
--outer
Content-Type: image/png; name="=?utf-8?b?w6QucG5n?="
Content-Disposition: attachment; filename*=UTF-8''%C3%A4.png
Content-Transfer-Encoding: base64

AAECAwQ=
--outer
Content-Type: message/rfc822

Subject: within
From: x@y.example
Content-Type: multipart/mixed; boundary=third

--third

text
--third
Content-Type: text/csv; name=a.csv
Content-Disposition: attachment; filename=a.csv

1,2
--third--
--outer--
""".replace(b"\n", b"\r\n")
_REQUEST = b"""\
From: Anna Vogt <anna@house.example>
To: bob@house.example
Subject: Jour fixe
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary=b

--b
Content-Type: text/plain

Come
--b
Content-Type: text/calendar; charset=utf-8; method=REQUEST

BEGIN:VCALENDAR
VERSION:2.0
METHOD:REQUEST
BEGIN:VEVENT
UID:uid-1
DTSTAMP:20260301T000000Z
DTSTART:20260302T090000Z
DTEND:20260302T100000Z
SUMMARY:Jour fixe
LOCATION:Room 1
RRULE:FREQ=WEEKLY;COUNT=3;BYDAY=MO
ORGANIZER;CN=Anna Vogt:mailto:anna@house.example
ATTENDEE;ROLE=REQ-PARTICIPANT;PARTSTAT=NEEDS-ACTION:mailto:bob@house.example
END:VEVENT
END:VCALENDAR
--b--
""".replace(b"\n", b"\r\n")


def _parts(mime: bytes) -> list[tuple[str, str, str, bytes]] | None:
    """What a reader gets of it; None for what no reader takes apart."""
    try:
        return [
            (leaf.content_type, leaf.filename, leaf.content_id, leaf.load().replace(b"\r\n", b"\n"))
            for leaf in leaves(tree(mime).root)
        ]
    except RecursionError:
        return None


def _headers(mime: bytes) -> Counter[tuple[str, str]]:
    """Names and decoded values, but those that change with the form or are dropped."""
    found = headers.fields(headers.split(mime)[0])
    kept = [field for field in found if not field.name.lower().startswith(("x-", "content-", "mime-version"))]
    return Counter((field.name.lower(), field.text) for field in kept)


def _corpus_mail(corpus: Path, number: int) -> list[Path]:
    files = sorted(path for folder in ("spamassassin-a", "usrp-users", "mimekit", "enmime") for path in (corpus / folder).rglob("*.eml"))  # fmt: skip
    return Random(7).sample(files, number)


def test_a_message_comes_back_byte_for_byte(bob: Bob, corpus: Path) -> None:
    for path in _corpus_mail(corpus, 60):
        raw = path.read_bytes()
        assert bob.see(bob.letter(raw), MIME).mime == raw, path


def test_properties_are_those_of_the_mime(bob: Bob) -> None:
    seen = bob.see(bob.letter(_MAIL))
    assert seen["Subject"] == "Grüße"
    assert "<t:Name>Doe, Jane</t:Name>" in seen["From"]
    assert seen["DisplayTo"] == "Bob"
    assert seen.text("InternetMessageId") == "<1@else.example>"
    assert seen["DateTimeSent"] == "2026-03-02T09:00:00Z"
    assert "<p>Hello</p>" in seen.text("Body")
    assert 'HeaderName="X-Own"' in seen["InternetMessageHeaders"]
    text = bob.see(seen, "<t:BaseShape>IdOnly</t:BaseShape><t:BodyType>Text</t:BodyType><t:AdditionalProperties>"
                   '<t:FieldURI FieldURI="item:Body"/></t:AdditionalProperties>')  # fmt: skip
    assert text.text("Body").strip() == "Grüße"


def test_attachments_of_mime_are_read_from_it(bob: Bob) -> None:
    seen = bob.see(bob.letter(_MAIL))
    file, nested = (node.get("Id", "") for node in seen.node.iter(f"{T}AttachmentId"))
    got = bob.attachment(file)
    assert (got.findtext(f"{T}Name"), got.findtext(f"{T}Content")) == ("ä.png", "AAECAwQ=")
    inner = Shown(bob.attachment(nested, "<t:BodyType>Text</t:BodyType>").find(f"{T}Message"))
    assert inner["Subject"] == "within"
    within = next(inner.node.iter(f"{T}AttachmentId")).get("Id", "")
    assert bob.attachment(within).findtext(f"{T}Name") == "a.csv"


def test_made_anew_it_says_the_same_in_other_words(bob: Bob) -> None:
    made = bob.letter(_MAIL)
    bob.asker.call.face.regenerate_mime = True
    anew = bob.see(made, MIME).mime
    assert anew != _MAIL
    assert b"X-Own" not in anew
    assert b"outer" not in anew
    assert b"Received: from a.example" in anew
    assert _headers(anew) == _headers(_MAIL)
    assert _parts(anew) == _parts(_MAIL)
    assert anew == bob.see(made, MIME).mime
    assert bob.see(made)["Subject"] == "Grüße"


def test_all_mail_made_anew_decodes_to_the_same(corpus: Path) -> None:
    differs = []
    files = _corpus_mail(corpus, 400)
    for path in files:
        raw = path.read_bytes()
        anew = regenerated(raw, b"seed")
        assert _headers(anew) == _headers(raw), path
        if _parts(anew) != _parts(raw):
            differs.append(path)
    # Broken quoted-printable is read differently by whoever reads it: it stays as it came, its line ends may not.
    assert len(differs) <= len(files) // 50, differs


def test_what_is_signed_stays_byte_for_byte() -> None:
    inner = b"Content-Type: text/plain\r\n\r\nsigned \r\n--s\r\nContent-Type: application/pgp-signature\r\n\r\nsig\r\n--s--\r\n"
    raw = b'Subject: s\r\nContent-Type: multipart/signed; boundary="s"\r\n\r\n--s\r\n' + inner
    assert regenerated(raw, b"1").endswith(b"\r\n\r\n--s\r\n" + inner)


def test_hostile_mail_is_taken(corpus: Path) -> None:
    nested = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(900))
    for raw in (
        nested,
        b"\x00\xff" * 500,
        b"Content-Type: message/rfc822\r\n\r\n" * 50,
        b"Subject: " + b"=?utf-8?q?a?= " * 60_000,
    ):
        item, _ = message_from_mime(raw)
        assert item.element == "Message"
        assert regenerated(raw, b"1")


def test_a_composed_message_reads_back_as_it_was_made(bob: Bob) -> None:
    made = bob.make(
        '<t:Message><t:Subject>Ünïcode, "quoted"</t:Subject><t:Body BodyType="HTML">&lt;p&gt;Grüße&lt;/p&gt;</t:Body><t:Importance>'
        "High</t:Importance><t:ToRecipients><t:Mailbox><t:Name>Øre, Å.</t:Name><t:EmailAddress>o@else.example</t:EmailAddress>"
        "</t:Mailbox></t:ToRecipients></t:Message>"
    )
    bob.attach(made, "<t:FileAttachment><t:Name>ä b.bin</t:Name><t:Content>AAEC</t:Content></t:FileAttachment>")
    mime = bob.see(made, MIME).mime
    item, files = message_from_mime(mime)
    assert item.properties["Subject"] == "Ünïcode, &quot;quoted&quot;"
    assert "<t:Name>Øre, Å.</t:Name>" in item.properties["ToRecipients"]
    assert item.properties["Importance"] == "High"
    assert [file.name for file in files] == ["ä b.bin"]
    assert [part[0] for part in _parts(mime) or ()] == ["text/plain", "text/html", "application/octet-stream"]


def test_a_meeting_request_is_one_by_its_calendar_part(bob: Bob) -> None:
    made = bob.letter(_REQUEST)
    seen = bob.see(made, MIME.replace("IdOnly", "AllProperties"))
    assert (seen.kind, seen["ItemClass"]) == ("MeetingRequest", "IPM.Schedule.Meeting.Request")
    assert (seen["Start"], seen["Location"], seen["UID"]) == ("2026-03-02T09:00:00Z", "Room 1", "uid-1")
    assert "anna@house.example" in seen["Organizer"]
    assert "bob@house.example" in seen["RequiredAttendees"]
    assert "WeeklyRecurrence" in seen["Recurrence"]
    assert seen.mime == _REQUEST
    assert seen["HasAttachments"] == "false"


@pytest.mark.parametrize(
    ("mime", "item_class"),
    [
        (
            b"Content-Type: multipart/report; report-type=delivery-status; boundary=x\r\n\r\nAction: failed\r\n",
            "REPORT.IPM.Note.NDR",
        ),
        (
            b"Content-Type: multipart/report; report-type=disposition-notification; boundary=x\r\n\r\n",
            "REPORT.IPM.Note.IPNRN",
        ),
        (b"Content-Type: multipart/signed; boundary=x\r\n\r\n", "IPM.Note.SMIME.MultipartSigned"),
        (_REQUEST.replace(b"REQUEST", b"CANCEL"), "IPM.Schedule.Meeting.Canceled"),
        (
            _REQUEST.replace(b"=REQUEST", b"=REPLY").replace(b"NEEDS-ACTION", b"DECLINED"),
            "IPM.Schedule.Meeting.Resp.Neg",
        ),
    ],
)
def test_the_class_of_a_message(bob: Bob, mime: bytes, item_class: str) -> None:
    assert bob.see(bob.letter(mime))["ItemClass"] == item_class


def test_an_events_calendar_is_read_by_others_and_by_us(bob: Bob) -> None:
    made = bob.make(
        "<t:CalendarItem><t:Subject>A, b; c</t:Subject><t:Body BodyType='Text'>Line\nLine</t:Body><t:ReminderIsSet>true"
        "</t:ReminderIsSet><t:ReminderMinutesBeforeStart>20</t:ReminderMinutesBeforeStart><t:Start>2026-07-01T22:00:00Z</t:Start>"
        "<t:End>2026-07-02T22:00:00Z</t:End><t:IsAllDayEvent>true</t:IsAllDayEvent>"
        '<t:StartTimeZone Id="W. Europe Standard Time"/><t:EndTimeZone Id="W. Europe Standard Time"/></t:CalendarItem>'
    )
    text = bob.see(made, MIME).mime
    event = Calendar.from_ical(text).walk("VEVENT")[0]
    assert str(event["SUMMARY"]) == "A, b; c"
    assert event["DTSTART"].to_ical() == b"20260702"
    read = event_from_calendar(text)
    assert read is not None
    assert read[0].properties["ReminderMinutesBeforeStart"] == "20"
    assert read[0].properties["Body"].splitlines() == ["Line", "Line"]


def test_public_calendars_are_taken_or_refused(corpus: Path) -> None:
    """None makes the reader fall over; what it takes has a beginning and a recurrence that can be followed."""
    taken = 0
    for path in sorted((corpus / "icalendar").rglob("*.ics"))[:300]:
        found = event_from_calendar(path.read_bytes())
        if found is None:
            continue
        taken += 1
        assert found[0].properties["Start"]
        assert not found[0].properties.get("Recurrence") or read_recurrence(found[0].properties["Recurrence"])
    assert taken > 50
