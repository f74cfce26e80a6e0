"""Twenty thousand messages of an office: 8–50 KB each, some 25 KB on average, the same at every run.

What is written in them is real (the text parts of the mailing lists and inboxes in the test corpus); what is around it
is made: the header block of a hosted mail service (signatures that do not compress included), Outlook's HTML,
threads that quote what they answer, small attachments, forwarded messages. Seeded by the number of the thread, so that
any part can be made alone.
"""

from __future__ import annotations

import base64
import html
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from random import Random

from mailkeep.simulator import compose
from mailkeep.simulator.attachments import MAKERS

SOURCES = ("spamassassin-a", "linux-hyperv", "usrp-users", "notmuch")
SEED = 20261122
BEGIN = datetime(2025, 9, 1, 8, 0, tzinfo=UTC)
FOLDERS = (
    ("INBOX", 10),
    ("Sent", 4),
    ("Projects/Heat", 2),
    ("Projects/Gateways", 2),
    ("Archive/2025", 1),
    ("Trash", 1),
)


@dataclass(frozen=True, slots=True)
class Made:
    """One message. `folder`: where it lies; `flags`: lower-case words."""

    folder: str
    content: bytes
    flags: frozenset[str]
    received: datetime


def bodies(corpus: Path) -> list[tuple[str, str]]:
    """(subject, text) of the messages in the corpus's inboxes and lists with 200 to 20,000 characters of plain text."""
    found = []
    for source in SOURCES:
        for path in sorted((corpus / source).rglob("*")):
            if path.is_file() and path.stat().st_size < 120_000:
                message = message_from_bytes(path.read_bytes())
                text = _plain(message)
                if 200 <= len(text) <= 20_000:
                    found.append((str(message.get("Subject", ""))[:120].replace("\n", " ").replace("\r", ""), text))
    if len(found) < 1000:
        raise SystemExit(f"only {len(found)} usable messages in {corpus}: is it the unpacked corpus?")
    return found


def _plain(message: Message) -> str:
    for part in message.walk():
        if part.get_content_type() == "text/plain" and not part.get_filename():
            payload = part.get_payload(decode=True)
            if isinstance(payload, bytes):
                return payload.decode("utf-8", "replace").replace("\r", "").replace("\x00", "").strip()
    return ""


def make(count: int, texts: list[tuple[str, str]], first_thread: int = 0) -> Iterator[Made]:
    """`count` messages, thread by thread."""
    made = 0
    thread = first_thread
    while made < count:
        for message in _thread(thread, texts):
            yield message
            made += 1
            if made == count:
                return
        thread += 1


def _thread(number: int, texts: list[tuple[str, str]]) -> Iterator[Made]:
    rng = Random(f"{SEED} {number}")
    folder = rng.choices([name for name, _ in FOLDERS], [weight for _, weight in FOLDERS])[0]
    subject, _ = rng.choice(texts)
    people = [_person(rng) for _ in range(3)]
    sent = BEGIN + timedelta(minutes=rng.randrange(60 * 24 * 420))
    quoted: list[tuple[str, str, datetime]] = []
    ids: list[str] = []
    for turn in range(rng.choice([1, 1, 2, 3, 4, 6])):
        author, reader = people[turn % 3], people[(turn + 1) % 3]
        text = _long_enough(rng, texts)
        message_id = f"<{rng.getrandbits(96):024X}@{author[1].partition('@')[2]}>"
        topic = f"Re: {subject}" if turn else subject
        headers = _headers(rng, author, reader, topic, sent, message_id, ids)
        content = compose.compose(headers, _body(rng, text, quoted))
        flags = frozenset({"seen"} if rng.random() < 0.9 else set()) | frozenset(
            {"answered"} if rng.random() < 0.3 else set()
        )
        yield Made(folder, content, flags, sent + timedelta(seconds=9))
        quoted.insert(0, (author[0], text, sent))
        ids.append(message_id)
        sent += timedelta(minutes=rng.randint(9, 3000))


def _person(rng: Random) -> tuple[str, str]:
    given = rng.choice(
        [
            "Anna",
            "Bruno",
            "Chloe",
            "Dmytro",
            "Elif",
            "Farid",
            "Greta",
            "Hiro",
            "Ines",
            "Jakub",
            "Kofi",
            "Lena",
            "Mehmet",
            "Nadia",
            "Oskar",
            "Petra",
        ]
    )
    family = rng.choice(
        [
            "Adler",
            "Bianchi",
            "Castro",
            "Dubois",
            "Eriksen",
            "Fischer",
            "Garcia",
            "Hansen",
            "Ito",
            "Jansen",
            "Kowalski",
            "Lopez",
        ]
    )
    host = rng.choice(["contoso", "fabrikam", "northwind", "tailspin", "litware"])
    return f"{given} {family}", f"{given}.{family}@{host}.example".lower()


def _long_enough(rng: Random, texts: list[tuple[str, str]]) -> str:
    """One to some real texts, until a letter's length (log-normal) is reached."""
    wanted = min(10_500, max(1_200, int(rng.lognormvariate(8.25, 0.5))))
    text = rng.choice(texts)[1]
    while len(text) < wanted:
        text += "\n\n" + rng.choice(texts)[1]
    return text[: int(wanted * 1.3)]


def _blob(rng: Random, size: int) -> str:
    """What a signature looks like: base64 of noise, folded."""
    text = base64.b64encode(rng.randbytes(size)).decode()
    return "\r\n ".join(text[start : start + 72] for start in range(0, len(text), 72))


def _headers(
    rng: Random,
    author: tuple[str, str],
    reader: tuple[str, str],
    subject: str,
    sent: datetime,
    message_id: str,
    earlier: list[str],
) -> list[tuple[str, str]]:
    """Some 4 KB, as a hosted service and its filters leave them."""
    host, date = author[1].partition("@")[2], compose.date(sent)
    relays = [
        f"AM{rng.randrange(10)}PR{rng.randrange(10)}MB{rng.randrange(10**4):04d}.eur{rng.randrange(1, 9):02d}.prod"
        for _ in range(4)
    ]
    received = [
        (
            "Received",
            f"from {a}.outlook.example ([2001:db8:{rng.randrange(65536):x}::{rng.randrange(65536):x}]) "
            f"by {b}.outlook.example with Microsoft SMTP Server (version=TLS1_2, "
            f"cipher=TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384) id 15.20.{rng.randrange(8000)}."
            f"{rng.randrange(30)}; {date}",
        )
        for a, b in itertools.pairwise(relays)
    ]
    headers = [
        *received,
        ("ARC-Seal", f"i=1; a=rsa-sha256; s=arcselector10001; d=outlook.example; cv=none;\r\n b={_blob(rng, 256)}"),
        (
            "ARC-Message-Signature",
            "i=1; a=rsa-sha256; c=relaxed/relaxed; d=outlook.example; s=arcselector10001; "
            f"h=From:Date:Subject:Message-ID:Content-Type;\r\n bh={_blob(rng, 32)};\r\n b={_blob(rng, 256)}",
        ),
        (
            "Authentication-Results",
            f"spf=pass (sender IP is 192.0.2.{rng.randrange(256)}) smtp.mailfrom={host}; dkim=pass header.d={host}",
        ),
        (
            "DKIM-Signature",
            f"v=1; a=rsa-sha256; c=relaxed/relaxed; d={host};\r\n bh={_blob(rng, 32)};\r\n b={_blob(rng, 256)}",
        ),
        ("From", compose.mailbox(*author)),
        ("To", compose.mailbox(*reader)),
        ("Subject", compose.encoded(subject)),
        ("Thread-Topic", compose.encoded(subject.removeprefix("Re: "))),
        ("Thread-Index", base64.b64encode(rng.randbytes(22 + 5 * len(earlier))).decode()),
        ("Date", date),
        ("Message-ID", message_id),
        ("Accept-Language", "en-US"),
        ("X-MS-Has-Attach", ""),
        ("X-MS-Exchange-Organization-SCL", str(rng.randrange(-1, 3))),
        ("X-MS-Exchange-CrossTenant-Id", f"{rng.getrandbits(128):032x}"),
        ("X-MS-Exchange-CrossTenant-Network-Message-Id", f"{rng.getrandbits(128):032x}"),
        ("X-Microsoft-Antispam-Message-Info", "\r\n " + _blob(rng, 700)),
    ]
    if earlier:
        headers += [("In-Reply-To", earlier[-1]), ("References", " ".join(earlier))]
    return headers


def _body(rng: Random, text: str, quoted: list[tuple[str, str, datetime]]) -> compose.Part:
    """Text and HTML, quoting as much as the size allows; now and then something attached."""
    budget = int(min(31_000, max(6_000, rng.lognormvariate(9.85, 0.5))))
    plain, page = text, _paragraphs(text)
    for name, said, when in quoted:
        if len(plain) + len(page) + 3 * len(said) > budget:
            break
        plain += f"\n\n-----Original Message-----\nFrom: {name}\nSent: {when:%Y-%m-%d %H:%M}\n\n{said}"
        page += f'<div style="border-top:solid #E1E1E1 1.0pt"><b>From:</b> {name}<br><b>Sent:</b> {when}</div>'
        page += _paragraphs(said)
    style = "p.MsoNormal {margin:0cm; font-size:11.0pt; font-family:'Calibri',sans-serif;}"
    whole = (
        f"<html><head><style>{style}</style></head><body lang=EN-US><div class=WordSection1>{page}</div></body></html>"
    )
    mark = f"_000_{rng.getrandbits(96):024X}_"
    parts = [
        compose.text(plain),
        compose.text(whole, "html", transfer=rng.choice(["quoted-printable", "base64", "8bit"])),
    ]
    both = compose.multi("alternative", mark, parts)
    draw = rng.random()
    if draw < 0.15:
        return compose.multi("mixed", mark.replace("000", "004"), [both, _attachment(rng)])
    if draw < 0.17:
        inner = compose.compose([("Subject", "forwarded"), ("From", "x@y.example")], compose.text(text[:4000]))
        forwarded = compose.Part(("Content-Type: message/rfc822",), inner)
        return compose.multi("mixed", mark.replace("000", "005"), [both, forwarded])
    return both


def _attachment(rng: Random) -> compose.Part:
    kind = rng.choice(["quotation", "invoice", "minutes", "readings", "figures"])
    title = f"{kind} {rng.randrange(60)}"  # sixty of each go round
    return compose.attached(MAKERS[kind](Random(title), title))


def _paragraphs(text: str) -> str:
    return "".join(
        f"<p class=MsoNormal>{html.escape(line) or '<o:p>&nbsp;</o:p>'}</p>\r\n" for line in text.split("\n")
    )
