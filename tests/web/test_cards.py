"""Appointments, contacts, tasks and notes in the console: each as a card, with its files, its picture and all its properties."""

from __future__ import annotations

import re
from html import unescape

import pytest
from django.test import Client

from mailkeep.catalog.models import AuditLine, Mailbox
from mailkeep.mail.items import Kind
from mailkeep.operations import connections

from . import cards, letters, world


@pytest.fixture
def mailbox(db: None, archive: world.FakeArchive, monkeypatch: pytest.MonkeyPatch) -> Mailbox:
    monkeypatch.setitem(connections.PROVIDERS, "card", cards.CardProvider())
    world.task("Head office", [("ok", 1)])
    found = Mailbox.objects.get()
    world.fill(found, cards.ordinary_cards(), archive, cards.FOLDERS)
    return found


@pytest.fixture
def reader(alice: Client, mailbox: Mailbox) -> Client:
    alice.post(f"/mailboxes/{mailbox.uid.hex}/reason/", {"reason": "restore request 4711"})
    return alice


def shown(reader: Client, mailbox: Mailbox, number: int, rest: str = "") -> str:
    return unescape(reader.get(f"/items/{mailbox.uid.hex}-{number}/{rest}").content.decode())


def facts(page: str) -> dict[str, str]:
    found = re.findall(r"<dt>([^<]*)</dt><dd class=\"said\"[^>]*>(.*?)</dd>", page, re.DOTALL)
    return dict(found)


def test_an_appointment_is_a_card_with_its_people_its_repetition_and_its_body(reader: Client, mailbox: Mailbox) -> None:
    page = shown(reader, mailbox, 1)
    said = facts(page)
    assert said["When"] == "Monday 23 November 2026, 09:30–10:30 (Europe/Berlin)"
    assert "2 occurrences changed, 1 deleted" in said["Repeats"]
    assert "佐藤 花 – tentative" in said["Required"]
    assert "Appointment" in page
    assert "<dt>From</dt>" not in page
    assert "Zahlen Q3.xlsx" in page
    assert "logo.png" not in page.split("<details")[0], "what the body shows is not listed again"
    assert "/headers/" not in page
    body = shown(reader, mailbox, 1, "body/")
    assert "<li>Messe</li>" in body
    assert "data:image/png;base64," in body


def test_a_contact_shows_its_picture_and_a_note_its_text(reader: Client, mailbox: Mailbox) -> None:
    contact = shown(reader, mailbox, 2)
    assert '<img class="photo" src="data:image/png;base64,' in contact
    assert facts(contact)["Address"] == "12 rue des Lilas\n75019 Paris\nFrance"
    assert "ContactPicture.jpg" not in contact
    assert "Gast-WLAN" in shown(reader, mailbox, 4, "body/")


def test_a_meeting_request_is_a_message_with_a_card_above(reader: Client, mailbox: Mailbox) -> None:
    page = shown(reader, mailbox, 5)
    assert facts(page)["Where"] == "Besprechungsraum 3.14"
    assert "<dt>From</dt>" in page
    assert "/headers/" in page
    assert "Bitte zusagen." in shown(reader, mailbox, 5, "body/")


def test_all_properties_stand_in_a_folded_table(reader: Client, mailbox: Mailbox) -> None:
    page = shown(reader, mailbox, 3)
    assert "All 4 properties" in page
    table = page[page.index("All 4 properties") :]
    assert re.search(r'<th scope="row">Status</th><td[^>]*>In progress, 40 %</td>', table)


def test_downloads_have_the_name_of_their_form_and_the_bytes_that_the_server_gave(
    reader: Client, mailbox: Mailbox
) -> None:
    for number, end in ((1, "ics"), (2, "vcf"), (3, "xml"), (5, "eml")):
        answer = reader.get(f"/items/{mailbox.uid.hex}-{number}/original/")
        assert f'-{number}.{end}"' in answer.headers["Content-Disposition"]
        assert b"".join(answer) == cards.ordinary_cards()[number - 1].raw  # type: ignore[call-overload]
    answer = reader.get(f"/items/{mailbox.uid.hex}-1/attachments/1/")
    assert answer.content == b"PK" * 4000
    assert (
        "Zahlen%20Q3.xlsx" in answer.headers["Content-Disposition"]
        or "Zahlen Q3.xlsx" in answer.headers["Content-Disposition"]
    )
    assert AuditLine.objects.filter(action="download_attachment").count() == 1


def test_the_list_tells_kinds_apart_and_shows_when_an_appointment_starts(reader: Client, mailbox: Mailbox) -> None:
    page = unescape(reader.get(f"/mailboxes/{mailbox.uid.hex}/").content.decode())
    rows = re.findall(r'data-letter="[^"]+-(\d+)".*?</a>', page, re.DOTALL)
    assert sorted(rows) == ["1", "2", "3", "4", "5"]
    assert page.count("#calendar") >= 3, "its folder, the one below it, and the item"
    assert re.search(r'title="Starts: [^"]+">\d\d/\d\d/\d{4} \d', page) or "Starts:" in page
    assert "Unread" not in page


def test_the_other_sections_stand_last_each_below_its_name(reader: Client, mailbox: Mailbox) -> None:
    page = unescape(reader.get(f"/mailboxes/{mailbox.uid.hex}/").content.decode())
    tree = page[page.index('class="tree"') : page.index("</nav>", page.index('class="tree"'))]
    named = re.findall(r'<span(?: dir="auto")?>([^<]+)</span>', tree)
    assert named[-4:] == ["In-Place Archive", "Posteingang", "Recoverable Items", "Deletions"]
    assert 'title="In-Place Archive/Posteingang"' in tree
    other = unescape(reader.get(f"/mailboxes/{mailbox.uid.hex}/?folder=7").content.decode())
    assert "This folder was empty then." in other, "another than the inbox of that name"


def test_an_item_that_nobody_describes_shows_its_own_lines(
    reader: Client, mailbox: Mailbox, archive: world.FakeArchive
) -> None:
    event = (
        b"BEGIN:VCALENDAR\r\nBEGIN:VTIMEZONE\r\nTZID:Europe/Berlin\r\nEND:VTIMEZONE\r\nBEGIN:VEVENT\r\nSUMMARY:Zahnarzt\\, 2.\r\n"
        b"  OG\r\nDTSTART;TZID=Europe/Berlin:20261123T090000\r\nDESCRIPTION:<b>bring\\nthe card</b>\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )
    other = Mailbox.objects.create(connection=mailbox.connection, address="dav@contoso.example")
    letter = world.Letter(event, "Zahnarzt", kind=Kind.EVENT, message_class="IPM.Appointment")
    (item,) = world.fill(other, [letter], archive)
    reader.post(f"/mailboxes/{other.uid.hex}/reason/", {"reason": "x"})
    said = facts(unescape(reader.get(f"/items/{item}/").content.decode()))
    assert said == {"SUMMARY": "Zahnarzt, 2. OG", "DTSTART": "20261123T090000"}
    body = reader.get(f"/items/{item}/body/").content.decode()
    assert "&lt;b&gt;bring" in body


def test_hostile_words_are_only_words(reader: Client, mailbox: Mailbox, archive: world.FakeArchive) -> None:
    canary = "https://canary.example"
    other = Mailbox.objects.create(connection=mailbox.connection, address="hostile@contoso.example")
    items = world.fill(other, cards.hostile_cards(canary), archive)
    reader.post(f"/mailboxes/{other.uid.hex}/reason/", {"reason": "x"})
    own = reader.get(f"/items/{mailbox.uid.hex}-3/").content.decode().lower()
    for item in items[::5]:
        page = reader.get(f"/items/{item}/").content.decode().lower()
        for tag in ("<script", "<img", "<iframe", "<svg onload", "<form", "<object", "<meta"):
            assert page.count(tag) == own.count(tag), f"{tag} in {item}"
        assert 'class="photo"' not in page, "an SVG is no picture"


def test_letters_are_as_before(reader: Client, mailbox: Mailbox, archive: world.FakeArchive) -> None:
    other = Mailbox.objects.create(connection=mailbox.connection, address="plain@contoso.example")
    (item, *_) = world.fill(other, letters.ordinary()[:2], archive)
    reader.post(f"/mailboxes/{other.uid.hex}/reason/", {"reason": "x"})
    page = reader.get(f"/items/{item}/").content.decode()
    assert 'class="said"' not in page
    assert "properties</summary>" not in page
    assert "<dt>From</dt>" in page
