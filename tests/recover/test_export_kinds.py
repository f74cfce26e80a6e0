"""SPEC E5 for five kinds: the server's own bytes under a fitting name, files made where it gave none, and what is left aside."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from icalendar import Calendar

from mailkeep.connectors.base import Description
from mailkeep.mail.forms import content_lines, unescaped
from mailkeep.mail.items import Folder, Kind, NativePart
from mailkeep.recover.export import export
from mailkeep.recover.made import made_calendar, made_card
from tests.recover.memory import MemorySource, item

EVENT = b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:own bytes\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
CARD = b"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:own bytes\r\nEND:VCARD\r\n"
XML = b'<t:Task xmlns:t="urn:x"><t:Subject>a task</t:Subject></t:Task>'
FOLDERS = [Folder(str(n), (name,), kind) for n, (name, kind) in enumerate(
    (("Inbox", Kind.MAIL), ("Calendar", Kind.EVENT), ("Contacts", Kind.CONTACT), ("Tasks", Kind.TASK), ("Notes", Kind.NOTE))
)]  # fmt: skip
SAID = Description(
    rows=(("Status", "in progress"), ("Owner", "Anna")),
    text="the body;\nof two lines",
    photo="x.photo",
    facts=(
        ("DUE", "20261124"),
        ("PERCENT-COMPLETE", "50"),
        ("PRIORITY", "no number"),
        ("CATEGORIES", "red"),
        ("CATEGORIES", "blue"),
        ("TEL;TYPE=CELL", "+49 30 1"),
        ("X-EVIL\r\nATTENDEE", "mailto:x@y"),
    ),
)
JPEG = b"\xff\xd8\xff\xe0 a face"


def filled() -> MemorySource:
    source = MemorySource(more_folders=list(FOLDERS))
    source.put(b"Subject: m\r\n\r\nmail", ("Inbox",))
    source.put(EVENT, ("Calendar",), kind=Kind.EVENT)
    source.put(XML, ("Calendar",), kind=Kind.EVENT, subject="no iCalendar")
    source.put(CARD, ("Contacts",), kind=Kind.CONTACT)
    source.put(XML, ("Contacts",), kind=Kind.CONTACT, subject="Anna, A.")
    source.put(XML, ("Tasks",), kind=Kind.TASK, subject="Send; the offer", message_id="task-1")
    source.put(b"Subject: n\r\n\r\nnote", ("Notes",), kind=Kind.NOTE)
    source.native[5] = (NativePart("x.said", b""), NativePart("x.photo", JPEG))
    source.native[6] = source.native[7] = (NativePart("x.said", b""),)
    return source


def describe(parts: Sequence[NativePart]) -> Description | None:
    return SAID if any(part.name == "x.said" for part in parts) else None


def opened(path: Path) -> tuple[dict[str, bytes], list[dict[str, Any]]]:
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    manifest = files.pop("manifest.jsonl").decode()
    return {name: data for name, data in files.items() if not name.endswith("/")}, [
        json.loads(line) for line in manifest.splitlines()
    ]


def test_e5_eml_gives_every_kind_its_own_bytes_under_a_fitting_name(tmp_path: Path) -> None:
    source = filled()
    done = export(source, tmp_path / "out.zip", "eml", "m@1", describe=describe)
    files, lines = opened(tmp_path / "out.zip")
    assert (done.items, done.aside, done.cannot) == (7, {}, ())
    assert sorted(name.rpartition("/")[2] for name in files) == [
        *(
            "00000001.eml",
            "00000002.ics",
            "00000003.xml",
            "00000004.vcf",
            "00000005.xml",
            "00000006.xml",
            "00000007.eml",
        )
    ]
    for line in lines:
        assert files[line["file"]] == source.contents[line["item"]]
        assert line["sha256"] == hashlib.sha256(files[line["file"]]).hexdigest()
        assert "made" not in line


def test_e5_ics_keeps_the_servers_own_and_makes_the_rest(tmp_path: Path) -> None:
    done = export(filled(), tmp_path / "out.zip", "ics", "m@1", describe=describe)
    files, lines = opened(tmp_path / "out.zip")
    assert (done.items, done.aside) == (4, {Kind.MAIL: 1, Kind.CONTACT: 2})
    assert [(line["item"], line.get("made", False)) for line in lines] == [(2, False), (3, True), (6, True), (7, True)]
    assert files["Calendar/00000002.ics"] == EVENT
    assert all(line["sha256"] == hashlib.sha256(files[line["file"]]).hexdigest() for line in lines)
    assert lines[2]["source_sha256"] == hashlib.sha256(XML).hexdigest()
    (task,) = Calendar.from_ical(files["Tasks/00000006.ics"]).walk("VTODO")
    assert (task["SUMMARY"], task["UID"], task["PERCENT-COMPLETE"]) == ("Send; the offer", "task-1", 50)
    assert task["DUE"].dt == date(2026, 11, 24)
    assert task["CATEGORIES"].cats == ["red", "blue"]
    assert task["DESCRIPTION"] == "the body;\nof two lines\n\nStatus: in progress\nOwner: Anna"
    assert "PRIORITY" not in task
    assert "ATTENDEE" not in task
    (note,) = Calendar.from_ical(files["Notes/00000007.ics"]).walk("VJOURNAL")
    assert note["SUMMARY"] == "s7"


def test_e5_vcf_keeps_the_servers_own_and_makes_the_rest_with_the_picture(tmp_path: Path) -> None:
    done = export(filled(), tmp_path / "out.zip", "vcf", "m@1", describe=describe)
    files, lines = opened(tmp_path / "out.zip")
    assert (done.items, sum(done.aside.values())) == (2, 5)
    assert files["Contacts/00000004.vcf"] == CARD
    assert [line.get("made", False) for line in lines] == [False, True]
    said = {line.name: line for line in content_lines(files["Contacts/00000005.vcf"])}
    assert unescaped(said["FN"].value) == "Anna, A."
    assert said["TEL"].parameters == "TYPE=CELL"
    assert said["PHOTO"].parameters == "ENCODING=b;TYPE=JPEG"
    assert unescaped(said["NOTE"].value).startswith("the body;\nof two lines")
    assert "ATTENDEE" not in said


@pytest.mark.parametrize("format_", ["mbox", "maildir"])
def test_e5_mail_formats_hold_mail_and_count_the_rest(tmp_path: Path, format_: str) -> None:
    source = filled()
    source.put(b"Subject: filed\r\n\r\nmail among appointments", ("Calendar",))
    source.put(XML, ("Inbox",), kind=Kind.MAIL, subject="a server gave no MIME")
    done = export(source, tmp_path / "out", format_, "m@1", describe=describe)
    assert done.items == 2
    assert done.aside == {Kind.EVENT: 2, Kind.CONTACT: 2, Kind.TASK: 1, Kind.NOTE: 1}
    assert [(cannot.item, cannot.why) for cannot in done.cannot] == [(9, "its server gave no message for it")]
    assert not list(tmp_path.rglob("*Contacts*"))


WORDS = st.text(max_size=60)


@given(WORDS, WORDS, st.lists(st.tuples(WORDS, WORDS), max_size=4), st.sampled_from([Kind.EVENT, Kind.TASK, Kind.NOTE]))
@settings(max_examples=200, deadline=None)
def test_e5_whatever_people_wrote_a_made_calendar_has_one_component(
    subject: str, text: str, facts: list[tuple[str, str]], kind: Kind
) -> None:
    source = item(1, b"x", kind=kind, subject=subject, time=datetime(2026, 1, 2, tzinfo=UTC))
    named = [(name or "X-FACT", value) for name, value in facts] + [("LOCATION", text), ("DUE", text), ("RRULE", text)]
    made = made_calendar(source, Description(text=text, facts=tuple(named)))
    components = [component.name for component in Calendar.from_ical(made).walk()]
    assert len(components) == 2


@given(WORDS, WORDS, WORDS)
@settings(max_examples=200, deadline=None)
def test_e5_whatever_people_wrote_a_made_card_is_one_card_of_short_lines(subject: str, text: str, value: str) -> None:
    source = item(1, b"x", kind=Kind.CONTACT, subject=subject)
    made = made_card(source, Description(text=text, facts=(("EMAIL", value), ("ORG", subject), ("NICKNAME", text))))
    lines = made.split(b"\r\n")
    assert all(len(line) <= 75 for line in lines)
    names = [line.name for line in content_lines(made)]
    assert names.count("FN") == names.count("VERSION") == 1
    assert set(names) <= {"VERSION", "UID", "FN", "N", "EMAIL", "ORG", "NICKNAME", "NOTE"}
    assert made.startswith(b"BEGIN:VCARD\r\n")
    assert made.endswith(b"\r\nEND:VCARD\r\n")
