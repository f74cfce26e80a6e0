"""The organisation on a real Dovecot: what was generated is what the server returns."""

from __future__ import annotations

import imaplib
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import pytest

from mailkeep.simulator.dovecot import Dovecot
from mailkeep.simulator.inhabit import carry_out, move_in
from mailkeep.simulator.letters import Letter, generate
from mailkeep.simulator.life import IsMoved, life
from mailkeep.simulator.people import COLLEAGUES

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
PASSWORD = "a password"


@pytest.fixture(scope="module")
def letters() -> list[Letter]:
    return list(generate(5, NOW))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, letters: list[Letter]) -> Iterator[Dovecot]:
    users = {person.address: PASSWORD for person in COLLEAGUES}
    with Dovecot(tmp_path_factory.mktemp("dovecot"), users=users) as dovecot:
        assert move_in(dovecot, letters) == len(letters)
        yield dovecot


def sign_in(server: Dovecot, user: str) -> imaplib.IMAP4_SSL:
    line = imaplib.IMAP4_SSL(
        "127.0.0.1", server.tls_port, ssl_context=ssl.create_default_context(cafile=server.ca_path)
    )
    line.login(user, PASSWORD)
    return line


def count(server: Dovecot, user: str) -> dict[str, int]:
    listed = server.doveadm("-f", "tab", "mailbox", "status", "-u", user, "messages", "*").splitlines()[1:]
    return {name: int(number) for name, number in (line.rsplit("\t", 1) for line in listed)}


def test_every_folder_holds_what_was_generated(server: Dovecot, letters: list[Letter]) -> None:
    for person in COLLEAGUES:
        wanted: dict[str, int] = {}
        for letter in letters:
            if letter.mailbox == person.address:
                wanted["/".join(letter.folder)] = wanted.get("/".join(letter.folder), 0) + 1
        held = {name: number for name, number in count(server, person.address).items() if number}
        assert held == wanted


def test_bytes_flags_and_dates_come_back(server: Dovecot, letters: list[Letter]) -> None:
    user = "tom.whitfield@halden-moreau.example"
    inbox = {one.content: one for one in letters if one.mailbox == user and one.folder == ("INBOX",)}
    line = sign_in(server, user)
    line.select("INBOX", readonly=True)
    _, answers = line.uid("FETCH", "1:*", "(FLAGS INTERNALDATE BODY.PEEK[])")
    got = [answer for answer in answers if isinstance(answer, tuple)]
    assert len(got) == len(inbox)
    for head, content in got:
        letter = inbox[content]
        flags = {flag.decode().lstrip("\\").lower() for flag in imaplib.ParseFlags(head)} - {"recent"}
        assert flags == letter.flags
        moment = imaplib.Internaldate2tuple(head)
        assert moment is not None
        assert datetime(*moment[:6]).astimezone(UTC) == letter.received
    line.logout()


def test_life_goes_on(server: Dovecot) -> None:
    before = sum(sum(count(server, person.address).values()) for person in COLLEAGUES)
    happenings = list(islice(life(1, NOW), 60))
    for happening in happenings:
        carry_out(server, happening)
    after = sum(sum(count(server, person.address).values()) for person in COLLEAGUES)
    assert after - before == sum(type(happening).__name__ == "Arrives" for happening in happenings)
    moved = next(happening for happening in happenings if isinstance(happening, IsMoved))
    found = server.doveadm(
        "search", "-u", moved.mailbox, "mailbox", "/".join(moved.to), "header", "Message-ID", moved.message_id
    )
    assert len(found.split()) == 2


def test_moving_in_again_starts_afresh(tmp_path: Path, letters: list[Letter]) -> None:
    few = letters[:40]
    with Dovecot(tmp_path / "d", users={person.address: PASSWORD for person in COLLEAGUES}) as dovecot:
        move_in(dovecot, letters[:90])
        move_in(dovecot, few)
        assert sum(sum(count(dovecot, person.address).values()) for person in COLLEAGUES) == len(few)
