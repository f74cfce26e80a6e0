"""The made-up organisation: the same out of the same seed, well-formed, in every language."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import Message
from email.utils import getaddresses
from itertools import islice

import pytest

from mailkeep.simulator.conversations import LANGUAGES
from mailkeep.simulator.letters import Letter, generate
from mailkeep.simulator.life import Arrives, IsMoved, IsRead, life
from mailkeep.simulator.people import COLLEAGUES, DOMAIN
from mailkeep.simulator.threads import SPAN_DAYS

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
HOSTILE = "<overdue.4711@attacker.example>"


@pytest.fixture(scope="module")
def letters() -> list[Letter]:
    return list(generate(7, NOW))


@pytest.fixture(scope="module")
def parsed(letters: list[Letter]) -> list[Message]:
    return [message_from_bytes(letter.content) for letter in letters if letter.message_id != HOSTILE]


def digest(seed: int) -> str:
    hashed = hashlib.sha256()
    for letter in generate(seed, NOW):
        hashed.update(repr((letter.mailbox, letter.folder, sorted(letter.flags), letter.received)).encode())
        hashed.update(letter.content)
    return hashed.hexdigest()


def test_same_seed_same_bytes(letters: list[Letter]) -> None:
    assert digest(7) == digest(7)
    assert digest(7) != digest(8)
    assert len(letters) > 2500


def test_no_two_messages_share_place_and_id(letters: list[Letter]) -> None:
    places = Counter((letter.mailbox, letter.folder, letter.message_id) for letter in letters)
    assert places.most_common(1)[0][1] == 1


def test_every_mailbox_is_lived_in(letters: list[Letter]) -> None:
    for person in COLLEAGUES:
        mine = [letter for letter in letters if letter.mailbox == person.address]
        assert len(mine) > 40
        assert {("INBOX",), ("Sent",), ("Drafts",), ("Junk",)} <= {letter.folder for letter in mine}
    waiting = {letter.mailbox for letter in letters if letter.folder == ("INBOX",) and "seen" not in letter.flags}
    assert len(waiting) > 30


def test_times_lie_in_the_last_fourteen_months(letters: list[Letter]) -> None:
    assert max(letter.received for letter in letters) <= NOW + timedelta(seconds=4)
    assert min(letter.received for letter in letters) > NOW - timedelta(days=SPAN_DAYS + 5)
    assert any(letter.received > NOW - timedelta(days=2) for letter in letters)


def test_every_message_parses_without_a_defect(parsed: list[Message]) -> None:
    for message in parsed:
        for part in message.walk():
            assert part.defects == [], (message["Message-ID"], part.get_content_type())
            if not part.is_multipart() and part.get_content_maintype() == "text":
                payload = part.get_payload(decode=True)
                assert isinstance(payload, bytes)
                payload.decode(part.get_content_charset() or "ascii")


def test_lines_are_as_smtp_wants_them(letters: list[Letter]) -> None:
    for letter in letters:
        assert not re.search(rb"(?<!\r)\n|\r(?!\n)", letter.content), letter.message_id
        assert max(map(len, letter.content.split(b"\r\n"))) <= 998, letter.message_id


def test_addresses_are_valid_and_nobodys(parsed: list[Message]) -> None:
    for message in parsed:
        pairs = getaddresses([str(message[name]) for name in ("From", "To", "Cc") if message[name]])
        for _, address in pairs:
            assert re.fullmatch(r"[A-Za-z0-9.+_-]+@[a-z0-9.-]+\.example", address), (address, message["Message-ID"])


SCRIPTS = {
    "uk": r"[іїєґІЇЄҐ]",
    "ja": r"[\u3041-\u30ff]",
    "ar": r"[\u0621-\u064a]",
    "he": r"[\u05d0-\u05ea]",
    "de": r"Rechnung|Angebot|Ablesung|Prüfstand",
    "fr": r"Offre|Facture|Compte rendu|Clôture",
    "es": r"Pedido|Oferta|lecturas|Factura",
    "en": r"Quotation|Minutes|Invoice|Reminder",
}


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_every_language_is_written_and_survives_decoding(parsed: list[Message], language: str) -> None:
    subjects = [str(make_header(decode_header(str(m["Subject"])))) for m in parsed if m["Subject"]]
    assert sum(bool(re.search(SCRIPTS[language], subject)) for subject in subjects) > 20


def test_no_character_is_replaced_on_the_way(parsed: list[Message]) -> None:
    for message in parsed:
        subject = str(make_header(decode_header(str(message["Subject"]))))
        assert " ? " not in subject, subject
        assert "\ufffd" not in subject, subject


def test_patterns_are_filled_completely(parsed: list[Message]) -> None:
    for message in parsed:
        for part in message.walk():
            if part.get_content_type() == "text/plain":
                text = part.get_payload(decode=True)
                assert isinstance(text, bytes)
                assert not re.search(rb"\{[a-z]+\}", text), message["Message-ID"]


def test_every_kind_of_attachment_is_what_it_says(parsed: list[Message]) -> None:
    magic = {
        "application/pdf": b"%PDF-1.4",
        "image/png": b"\x89PNG",
        "text/csv": b"",
        "text/calendar": b"BEGIN:VCALENDAR",
    }
    magic["application/vnd.openxmlformats-officedocument.wordprocessingml.document"] = b"PK\x03\x04"
    seen = set()
    for message in parsed:
        for part in message.walk():
            if part.get_content_type() in magic:
                payload = part.get_payload(decode=True)
                assert isinstance(payload, bytes)
                assert payload.startswith(magic[part.get_content_type()])
                seen.add(part.get_content_type())
    assert seen == set(magic)


def test_the_same_attachment_goes_to_many(parsed: list[Message]) -> None:
    pdfs = Counter(
        hashlib.sha256(part.get_payload(decode=True)).hexdigest()  # type: ignore[arg-type]
        for message in parsed
        for part in message.walk()
        if part.get_content_type() == "application/pdf"
    )
    assert pdfs.most_common(1)[0][1] > 20


def test_answers_name_what_they_answer(parsed: list[Message]) -> None:
    ids = {message["Message-ID"] for message in parsed}
    answers = [message for message in parsed if message["In-Reply-To"]]
    assert len(answers) > 500
    known = sum(message["In-Reply-To"] in ids for message in answers)
    assert known == len(answers)


def test_one_hostile_message(letters: list[Letter]) -> None:
    [letter] = [letter for letter in letters if letter.message_id == HOSTILE]
    assert letter.mailbox == f"tom.whitfield@{DOMAIN}"
    for word in (b"<script", b"onerror=", b"pixel.gif", b"javascript:", b"http-equiv"):
        assert word in letter.content


def test_life_reads_and_moves_only_what_lies_there() -> None:
    places: set[tuple[str, tuple[str, ...], str]] = set()
    kinds: Counter[type] = Counter()
    for happening in islice(life(3, NOW), 400):
        kinds[type(happening)] += 1
        assert 0 <= happening.wait_seconds < 30
        match happening:
            case Arrives(letter):
                assert letter.received >= NOW
                places.add((letter.mailbox, letter.folder, letter.message_id))
            case IsRead(mailbox, folder, message_id):
                assert (mailbox, folder, message_id) in places
            case IsMoved(mailbox, folder, message_id, to):
                places.remove((mailbox, folder, message_id))
                places.add((mailbox, to, message_id))
    assert kinds[Arrives] > 100
    assert kinds[IsRead] > 30
    assert kinds[IsMoved] > 10
