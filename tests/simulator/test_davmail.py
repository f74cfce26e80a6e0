"""DavMail, a Java program nobody here wrote, reads and writes the simulated Exchange: mail over IMAP, events over CalDAV."""

from __future__ import annotations

import imaplib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
from lxml import etree

from mailkeep.simulator.exchange.values import Item
from tests.servers.davmail import DavMail, davmail
from tests.servers.exchange import World, address, message, password_of, running

ODD = (
    b"From: =?utf-8?q?J=C3=B6rg?= <joerg@firma.example>\r\nTo: alice@firma.example\r\nSubject: =?utf-8?b?R3LDvMOfZQ==?=\r\n"
    b"Message-ID: <odd@firma.example>\r\nDate: Mon, 23 Nov 2026 09:00:00 +0000\r\nX-Odd: yes\r\nMIME-Version: 1.0\r\n"
    b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n'
    b"Content-Transfer-Encoding: 8bit\r\n\r\nGr\xc3\xbc\xc3\x9fe\r\n--b\r\nContent-Type: application/octet-stream\r\n"
    b'Content-Disposition: attachment; filename="a.bin"\r\nContent-Transfer-Encoding: base64\r\n\r\nAAECAw==\r\n--b--\r\n'
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running(tmp_path_factory.mktemp("exchange"), ours=False) as made:
        yield made


@pytest.fixture(scope="module")
def gateway(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DavMail]:
    with davmail(world, tmp_path_factory.mktemp("davmail")) as made:
        yield made


@pytest.fixture
def imap(gateway: DavMail) -> Iterator[imaplib.IMAP4]:
    line = imaplib.IMAP4("127.0.0.1", gateway.imap_port, timeout=60)
    assert line.login(address("alice"), password_of("alice"))[0] == "OK"
    yield line
    line.logout()


def whole(line: imaplib.IMAP4, number: bytes) -> bytes:
    fetched: Any = line.fetch(number.decode(), "(BODY.PEEK[])")[1]
    return bytes(fetched[0][1])


def numbers(line: imaplib.IMAP4, *criteria: str) -> list[bytes]:
    found: Any = line.search(None, *criteria)[1]
    return bytes(found[0]).split()


def test_a_wrong_password_is_refused(gateway: DavMail) -> None:
    line = imaplib.IMAP4("127.0.0.1", gateway.imap_port, timeout=60)
    with pytest.raises(imaplib.IMAP4.error):
        line.login(address("alice"), "wrong")
    line.shutdown()


def test_folders_are_listed_with_their_roles(world: World, imap: imaplib.IMAP4) -> None:
    mailbox = world.mailbox("alice")
    mailbox.add_folder(mailbox.well_known("inbox"), "Projekte & Pläne")
    listed: Any = imap.list()[1]
    shown = b"\n".join(listed).decode()
    for line in (
        '(\\HasChildren) "/" "INBOX"',
        '\\Sent \\HasNoChildren) "/" "Sent"',
        '\\Trash \\HasNoChildren) "/" "Trash"',
    ):
        assert line in shown
    assert "Calendar" not in shown  # the class of a folder says that it holds no mail
    assert "INBOX/Projekte &- Pl&AOQ-ne" in shown


def test_messages_are_read_bit_for_bit(world: World, imap: imaplib.IMAP4) -> None:
    for number in range(3):
        world.deliver("alice", "inbox", subject=f"Letter {number}")
    world.deliver("alice", "inbox", mime=ODD)
    total: Any = imap.select("INBOX")[1]
    assert int(total[0]) == 4
    found = numbers(imap, "HEADER", "Message-ID", "<odd@firma.example>") or numbers(imap, "ALL")[-1:]
    assert whole(imap, found[0]) == ODD


def test_messages_are_stored_flagged_moved_and_deleted(world: World, imap: imaplib.IMAP4) -> None:
    mime = message("alice", "Stored", "By DavMail")
    assert imap.append("Drafts", "(\\Seen)", imaplib.Time2Internaldate(datetime.now(UTC)), mime)[0] == "OK"
    mailbox = world.mailbox("alice")
    drafts = mailbox.well_known("drafts")
    stored = next(iter(mailbox.items(drafts)))
    assert stored.properties["Subject"] == "Stored"
    assert stored.read
    imap.select("Drafts")
    imap.store("1", "+FLAGS", "(\\Flagged)")
    imap.store("1", "-FLAGS", "(\\Seen)")
    assert not next(iter(mailbox.items(drafts))).read
    assert imap.copy("1", "Trash")[0] == "OK"
    imap.store("1", "+FLAGS", "(\\Deleted)")
    imap.expunge()
    assert mailbox.count(drafts) == 0
    assert mailbox.count(mailbox.well_known("deleteditems")) >= 1


def test_folders_are_made_and_deleted(world: World, imap: imaplib.IMAP4) -> None:
    assert imap.create("Reports")[0] == "OK"
    assert imap.rename("Reports", "Papers")[0] == "OK"
    mailbox = world.mailbox("alice")
    names = {folder.name for folder in mailbox.children(mailbox.well_known("msgfolderroot"))}
    assert "Papers" in names
    assert imap.delete("Papers")[0] == "OK"


def test_the_calendar_over_caldav(world: World, gateway: DavMail) -> None:
    mailbox = world.mailbox("alice")
    properties = {
        "Subject": "Review",
        "Start": "2026-11-24T08:00:00Z",
        "End": "2026-11-24T09:00:00Z",
        "Location": "Room 4",
    }
    mailbox.add(mailbox.well_known("calendar"), Item("IPM.Appointment", "CalendarItem", properties))
    place = f"http://127.0.0.1:{gateway.caldav_port}/users/{address('alice')}/calendar/"
    signed = (address("alice"), password_of("alice"))
    asked = (
        '<C:calendar-query xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:D="DAV:"><D:prop><D:getetag/><C:calendar-data/>'
        '</D:prop><C:filter><C:comp-filter name="VCALENDAR"/></C:filter></C:calendar-query>'
    )
    with requests.Session() as session:
        session.auth = signed
        session.trust_env = False
        answer = session.request("REPORT", place, data=asked, headers={"Depth": "1"}, timeout=60)
        assert answer.status_code == 207, gateway.log()[-3000:]
        text = etree.fromstring(answer.content).xpath("string()")
        assert "SUMMARY:Review" in str(text)
        event = (
            "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:test\r\nBEGIN:VEVENT\r\nUID:made-by-davmail\r\nDTSTAMP:20261123T090000Z\r\n"
            "DTSTART:20261125T100000Z\r\nDTEND:20261125T110000Z\r\nSUMMARY:Lunch\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
        )
        put = session.put(f"{place}made-by-davmail.ics", event, headers={"Content-Type": "text/calendar"}, timeout=60)
        assert put.status_code in (200, 201), gateway.log()[-3000:]
    subjects = {item.properties["Subject"] for item in mailbox.items(mailbox.well_known("calendar"))}
    assert subjects == {"Review", "Lunch"}


def test_contacts_over_carddav(world: World, gateway: DavMail) -> None:
    mailbox = world.mailbox("alice")
    place = f"http://127.0.0.1:{gateway.caldav_port}/users/{address('alice')}/contacts/"
    card = (
        "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:card-one\r\nFN:Bérénice Lévi\r\nN:Lévi;Bérénice;;;\r\nORG:Atelier\r\n"
        "EMAIL;TYPE=work:b@atelier.example\r\nTEL;TYPE=cell:+33 6 1\r\nEND:VCARD\r\n"
    )
    with requests.Session() as session:
        session.auth = (address("alice"), password_of("alice"))
        session.trust_env = False
        put = session.put(
            f"{place}card-one.vcf", card.encode(), headers={"Content-Type": "text/vcard; charset=utf-8"}, timeout=60
        )
        assert put.status_code in (200, 201), gateway.log()[-3000:]
        held = next(iter(mailbox.items(mailbox.well_known("contacts"))))
        assert held.properties["Surname"] == "Lévi"
        assert "b@atelier.example" in held.properties["EmailAddresses"]
        got = session.get(f"{place}card-one.vcf", timeout=60)
        assert got.status_code == 200, gateway.log()[-3000:]
        assert "FN:Bérénice Lévi" in got.content.decode()
        assert "b@atelier.example" in got.text
