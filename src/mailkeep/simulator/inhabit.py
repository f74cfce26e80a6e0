"""The made-up organisation on a real Dovecot: move in once, then let life go on."""

from __future__ import annotations

import shutil
from collections.abc import Iterable

from mailkeep.errors import GiveUp
from mailkeep.simulator.dovecot import Delivery, Dovecot
from mailkeep.simulator.letters import Letter
from mailkeep.simulator.life import Arrives, Happening, IsMoved, IsRead


def move_in(server: Dovecot, letters: Iterable[Letter]) -> int:
    """Deliver every letter, the oldest of each folder first, and return how many. What lay there before is removed."""
    shutil.rmtree(server.folder / "mail", ignore_errors=True)
    folders: dict[tuple[str, str], list[Letter]] = {}
    for letter in letters:
        folders.setdefault((letter.mailbox, "/".join(letter.folder)), []).append(letter)
    for (mailbox, folder), content in sorted(folders.items()):
        content.sort(key=lambda letter: (letter.received, letter.message_id))
        server.deliver_many(mailbox, folder, (_delivery(letter) for letter in content))
    return sum(map(len, folders.values()))


def carry_out(server: Dovecot, happening: Happening) -> None:
    """Do it, as a mail program or a person would. A message that somebody else took away meanwhile is no error."""
    match happening:
        case Arrives(letter):
            server.deliver_many(letter.mailbox, "/".join(letter.folder), [_delivery(letter)])
        case IsRead(mailbox, folder, message_id):
            where = ["mailbox", "/".join(folder), "header", "Message-ID", message_id]
            server.doveadm("flags", "add", "-u", mailbox, r"\Seen", *where)
        case IsMoved(mailbox, folder, message_id, to):
            _make(server, mailbox, to)
            where = ["mailbox", "/".join(folder), "header", "Message-ID", message_id]
            server.doveadm("move", "-u", mailbox, "/".join(to), *where)


def _make(server: Dovecot, mailbox: str, folder: tuple[str, ...]) -> None:
    names = server.doveadm("mailbox", "list", "-u", mailbox).splitlines()
    if "/".join(folder) not in names:
        try:
            server.doveadm("mailbox", "create", "-u", mailbox, "/".join(folder))
        except GiveUp:
            if "/".join(folder) not in server.doveadm("mailbox", "list", "-u", mailbox).splitlines():
                raise


def _delivery(letter: Letter) -> Delivery:
    return Delivery(letter.content, letter.flags, letter.received)
