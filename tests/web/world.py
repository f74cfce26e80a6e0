"""A small organisation in the catalog's rows: tasks in every status, mailboxes, one of them with letters that can be opened.

Alice administers; Bob may see tasks only; Charlie may see nothing. `NOW` is the moment everything is told from.
"""

from __future__ import annotations

import hashlib
import json
import uuid
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import Permission, User
from django.utils import timezone

from mailkeep.archive.events import NativeBlob
from mailkeep.catalog import copying
from mailkeep.catalog.models import (
    Connection,
    Entry,
    Flagging,
    Folder,
    Group,
    Holding,
    Item,
    Lease,
    LedgerLine,
    Mailbox,
    Membership,
    Pack,
    Run,
    Task,
    TaskRevision,
)
from mailkeep.mail.items import Kind, NativePart, Section
from mailkeep.tasks.document import options_document
from mailkeep.tasks.options import TaskOptions

ALL_KINDS = frozenset(Kind)
MAIL = frozenset({Kind.MAIL})
OFFICE = frozenset({Kind.MAIL, Kind.EVENT, Kind.CONTACT})
NAMES = (
    *("anna.lindqvist", "ben.okafor", "chiara.rossi", "dmitri.volkov", "elif.yilmaz", "fatima.zahra", "georg.huber"),
    *("hana.sato", "ines.moreau", "jan.kowalski", "kim.nguyen", "lea.baumann", "mateo.garcia", "noor.haddad"),
)


@dataclass(slots=True)
class FakeArchive:
    """What reading needs of the archive: blobs by id."""

    blobs: dict[bytes, bytes] = field(default_factory=dict)

    def put(self, content: bytes) -> bytes:
        blob = hashlib.sha256(content).digest()
        self.blobs[blob] = content
        return blob

    def read(self, blob: bytes) -> bytes:
        return self.blobs[bytes(blob)]

    def stream(self, blob: bytes) -> Iterator[bytes]:
        content = self.read(blob)
        yield from (content[start : start + 65536] for start in range(0, len(content), 65536))


@dataclass(frozen=True, slots=True)
class Letter:
    """A message to put into a mailbox."""

    raw: bytes
    subject: str
    sender: str = "Anna Lindqvist <anna.lindqvist@contoso.example>"
    flags: tuple[str, ...] = ()
    folder: int = 1
    left_out: str = ""
    detail: str = ""
    kind: Kind = Kind.MAIL
    message_class: str = "IPM.Note"
    parts: tuple[NativePart, ...] = ()


def people() -> dict[str, User]:
    alice = User.objects.create_superuser("alice", password="alice's own password")
    bob = User.objects.create_user("bob", password="bob's own password")
    bob.user_permissions.add(Permission.objects.get(codename="view_task"))
    charlie = User.objects.create_user("charlie", password="charlie's own password")
    return {"alice": alice, "bob": bob, "charlie": charlie}


def connection(name: str = "mail.contoso.example", kind: str = "imap") -> Connection:
    return Connection.objects.get_or_create(name=name, defaults={"kind": kind, "settings": {"host": name}})[0]


def task(
    name: str,
    results: Sequence[tuple[str, int]] = (),
    *,
    on: str = "mail.contoso.example",
    group: str = "Everybody",
    kinds: frozenset[Kind] = MAIL,
    active: bool = True,
    domain: str = "contoso.example",
    ago: int = 9,
    next_in: int = 11,
) -> Task:
    """A task whose members have these results: (result or code, how many)."""
    now = timezone.now()
    row = Task.objects.create(
        name=name,
        connection=connection(on),
        group=Group.objects.get_or_create(name=group)[0],
        active=active,
        switched_at=now - timedelta(days=96),
        created_at=now - timedelta(days=200),
    )
    TaskRevision.objects.create(task=row, number=1, options=options_document(TaskOptions(kinds=kinds)))
    wanted = [result for result, count in results for _ in range(count)]
    _members(
        row,
        [
            (address(number, domain), result, now + timedelta(minutes=next_in + number % 7))
            for number, result in enumerate(wanted)
        ],
        now - timedelta(minutes=ago),
    )
    return row


def address(number: int, domain: str) -> str:
    name = NAMES[number % len(NAMES)]
    return f"{name}{number // len(NAMES) or ''}@{domain}"


FAULTS = {
    "auth_failed": (
        "error",
        "the server refused the sign-in of the master user",
        "give the right password: mailkeep connection add",
    ),
    "mailbox_not_found": (
        "error",
        "the server has no such mailbox",
        "remove it from the group, or correct its address",
    ),
    "owned_by_other_task": (
        "warning",
        "task Head office synchronises this mailbox",
        "take it out of one of the two groups",
    ),
    "throttled": ("warning", "the server asks us to slow down", "nothing to do: it goes on by itself"),
    "shrunk": ("warning", "812 of 1,204 items are gone at once", "look at the mailbox, then confirm with a reason"),
}


def _members(task: Task, wanted: Sequence[tuple[str, str, datetime]], at: datetime) -> None:
    """(address, result or code, next slot) each."""
    mailboxes = Mailbox.objects.bulk_create(
        _mailbox(task, mail_address, result, at) for mail_address, result, _ in wanted
    )
    Membership.objects.bulk_create(
        _membership(task, mailbox, result, at, slot)
        for mailbox, (_, result, slot) in zip(mailboxes, wanted, strict=True)
    )


def _mailbox(task: Task, mail_address: str, result: str, at: datetime) -> Mailbox:
    first = None if result in ("", "auth_failed", "mailbox_not_found") else at - timedelta(days=40)
    return Mailbox(
        connection=task.connection,
        address=mail_address,
        owner=task,
        initial_replication=first,
        last_activity=at if result else None,
        counts={"mail": 800 + zlib.crc32(mail_address.encode()) % 9000} if first else {},
    )


def _membership(task: Task, mailbox: Mailbox, result: str, at: datetime, slot: datetime) -> Membership:
    code = result if result in FAULTS else ""
    outcome, message, hint = FAULTS.get(result, (result, "", ""))
    return Membership(
        task=task,
        mailbox=mailbox,
        result=outcome,
        code=code,
        message=message,
        hint=hint,
        next_slot=slot,
        result_since=at - timedelta(hours=7) if code else at,
        result_at=at if result else None,
        retry_at=at + timedelta(minutes=70) if outcome == "error" else None,
    )


def organisation() -> dict[str, Task]:
    """Eight tasks, one of them running: what the list's pictures show."""
    north, south = "mail.contoso.example", "imap.berlin.contoso.example"
    made = {
        "berlin": task(
            "Berlin branch",
            [("auth_failed", 27)],
            on=south,
            group="Berlin",
            kinds=OFFICE,
            domain="berlin.contoso.example",
            ago=446,
        ),
        "executives": task(
            "Executives – every 15 minutes",
            [("ok", 12)],
            on=north,
            group="Executives",
            kinds=OFFICE,
            domain="exec.contoso.example",
            ago=7,
        ),
        "finance": task(
            "Finance & Legal (litigation hold)",
            [("ok", 36), ("throttled", 2)],
            on=north,
            group="Finance, Legal",
            kinds=frozenset({Kind.MAIL, Kind.EVENT}),
            domain="finance.contoso.example",
            ago=19,
        ),
        "head": task(
            "Head office – all mailboxes",
            [("ok", 96)],
            on=north,
            group="Head office",
            kinds=ALL_KINDS,
            domain="contoso.example",
            ago=4,
        ),
        "hr": task(
            "HR – Отдел кадров / 人事部",
            [("ok", 18), ("owned_by_other_task", 1)],
            on=north,
            group="HR",
            kinds=OFFICE,
            domain="hr.contoso.example",
            ago=52,
        ),
        "leavers": task(
            "Leavers 2024",
            [("ok", 43)],
            on=north,
            group="Leavers",
            active=False,
            domain="leavers.contoso.example",
            ago=138_240,
        ),
        "safety": task(
            "Public safety team",
            [("ok", 24)],
            on=south,
            group="Safety",
            kinds=frozenset({Kind.MAIL, Kind.EVENT}),
            domain="safety.contoso.example",
            ago=11,
        ),
        "warehouse": task(
            "Warehouse shared mailboxes",
            [("ok", 57), ("mailbox_not_found", 5), ("throttled", 2)],
            on=south,
            group="Warehouse",
            domain="warehouse.contoso.example",
            ago=33,
        ),
    }
    running(made["head"], done=10_212, total=15_020)
    Pack.objects.create(name=bytes(32), size=2_913_000_000, content=True)
    now = timezone.now()
    Run.objects.bulk_create(
        Run(
            mailbox=mailbox,
            revision=1,
            started_at=now - timedelta(minutes=9 + number),
            finished_at=now - timedelta(minutes=8 + number),
            result="error" if "berlin" in mailbox.address else "ok",
            listed=40,
            fetched=12,
            bytes=71_000_000,
            requests=9,
        )
        for number, mailbox in enumerate(Mailbox.objects.all()[:120])
    )
    return made


def running(task: Task, done: int, total: int | None, started_minutes: int = 4) -> Lease:
    mailbox = task.memberships.select_related("mailbox").order_by("pk")[0].mailbox
    now = timezone.now()
    run = Run.objects.create(
        mailbox=mailbox,
        task=task,
        revision=1,
        started_at=now - timedelta(minutes=started_minutes),
        phase="fetching",
        done=done,
        total=total,
    )
    return Lease.objects.create(
        mailbox=mailbox,
        task=task,
        revision=1,
        run=run,
        started=True,
        taken_at=now - timedelta(minutes=started_minutes),
        heartbeat=now,
    )


FOLDERS = (
    (1, ("INBOX",), "inbox"),
    (2, ("INBOX", "Projekte"), ""),
    (3, ("INBOX", "Projekte", "Umzug 2026"), ""),
    (4, ("Sent",), "sent"),
    (5, ("Drafts",), "drafts"),
    (6, ("Junk",), "junk"),
    (7, ("Trash",), "trash"),
    (8, ("Архив",), ""),
    (9, ("契約書",), ""),
)


def fill(
    mailbox: Mailbox,
    letters: Sequence[Letter],
    archive: FakeArchive,
    folders: Sequence[tuple[Any, ...]] = FOLDERS,  # number, path, role, kind (mail), section (primary)
) -> list[str]:
    """Two completed runs: the second brings the last letter. The ids of the letters."""
    now = timezone.now()
    times = [now - timedelta(days=2), now - timedelta(hours=3)]
    for number, time in enumerate(times, 1):
        Entry.objects.create(mailbox=mailbox, number=number, time=time, hash=bytes(32), complete=True)
    for number, path, role, *kind in folders:
        Folder.objects.create(
            mailbox=mailbox,
            number=number,
            since=1,
            server_id=str(number),
            path=list(path),
            kind=kind[0] if kind else Kind.MAIL,
            role=role,
            section=kind[1] if len(kind) > 1 else Section.PRIMARY,
        )
    for number, letter in enumerate(letters, 1):
        blob = b"" if letter.left_out else archive.put(letter.raw)
        since = 2 if number == len(letters) else 1
        sent = times[since - 1] - timedelta(minutes=37 * (len(letters) - number) + 20)
        Item.objects.create(
            mailbox=mailbox,
            number=number,
            since=since,
            folder=letter.folder,
            server_id=f"1.{number:010}",
            kind=letter.kind,
            message_class=letter.message_class,
            size=len(letter.raw),
            time=sent,
            received=sent,
            flags=list(letter.flags),
            subject=letter.subject,
            sender=letter.sender,
            recipients="chiara.rossi@contoso.example",
            summary=bytes(32),
            content=blob,
            sha256=hashlib.sha256(letter.raw).digest(),
            left_out=letter.left_out,
            detail=letter.detail,
            native=_native(letter, archive),
        )
    Flagging.objects.create(mailbox=mailbox, item=1, since=2, flags=["seen", "flagged"])
    for number, *_ in folders:
        held = sum(1 for letter in letters if letter.folder == number and not letter.left_out)
        out = sum(1 for letter in letters if letter.folder == number and letter.left_out)
        if held:
            Holding.objects.create(mailbox=mailbox, folder=number, kind="mail", items=held)
        LedgerLine.objects.create(
            mailbox=mailbox,
            folder=number,
            server=held + out,
            archived=held,
            left_out={"item_too_large": out} if out else {},
            pending=0,
        )
    mailbox.head_number, mailbox.head_time = 2, times[1]
    mailbox.initial_replication, mailbox.last_activity = times[0], times[1]
    mailbox.counts = {"mail": len(letters)}
    mailbox.save()
    return [f"{mailbox.uid.hex}-{number}" for number in range(1, len(letters) + 1)]


def _native(letter: Letter, archive: FakeArchive) -> list[list[object]] | None:
    blobs = [
        NativeBlob(
            part.name, archive.put(bytes(part.content)), hashlib.sha256(part.content).digest(), len(part.content)
        )
        for part in letter.parts
    ]
    return json.loads(copying.native(blobs)) if blobs else None


def new_uid() -> str:
    return uuid.uuid4().hex
