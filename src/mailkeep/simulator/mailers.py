"""How the programs that people write mail with would have written it.

outlook       text and HTML, a signature with the house's logo, the earlier letters under a rule with their heads
thunderbird   plain text in a national charset, the earlier letters behind `>`
phone         plain text in base64, one line of signature
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from html import escape

from mailkeep.simulator import compose, conversations
from mailkeep.simulator.attachments import Attachment, logo
from mailkeep.simulator.compose import Part
from mailkeep.simulator.people import DOMAIN, Person

HEADS = {  # From, Sent, To, Subject, as Outlook puts them over a quoted letter
    "en": ("From", "Sent", "To", "Subject"),
    "de": ("Von", "Gesendet", "An", "Betreff"),
    "fr": ("De", "Envoyé", "À", "Objet"),
    "es": ("De", "Enviado", "Para", "Asunto"),
    "uk": ("Від", "Надіслано", "Кому", "Тема"),
    "ja": ("差出人", "送信日時", "宛先", "件名"),
    "ar": ("من", "تم الإرسال", "إلى", "الموضوع"),
    "he": ("מאת", "נשלח", "אל", "נושא"),
}
PHONE_LINES = {
    "en": "Sent from my phone",
    "de": "Von meinem Telefon gesendet",
    "fr": "Envoyé de mon téléphone",
    "es": "Enviado desde mi teléfono",
    "he": "נשלח מהטלפון שלי",
}
ANSWERS = {"de": "AW: ", "es": "RE: ", "fr": "RE : "}
RIGHT_TO_LEFT = frozenset({"ar", "he"})
LOGO = logo()


@dataclass(frozen=True, slots=True)
class Written:
    """A letter before it becomes bytes. `earlier`: the letters it answers, newest first."""

    author: Person
    to: tuple[Person, ...]
    subject: str
    text: str
    language: str
    sent: datetime
    message_id: str
    cc: tuple[Person, ...] = ()
    earlier: tuple[Written, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    enclosed: bytes = b""  # a whole message that is passed on as an attachment
    regards: str = ""
    calendar: str = ""  # an iCalendar object that comes along as an invitation
    method: str = "REQUEST"
    extra_headers: tuple[tuple[str, str], ...] = field(default=())


def as_sent(letter: Written) -> bytes:
    """The bytes as they lie in the author's own *Sent* folder."""
    return compose.compose(_headers(letter), _body(letter))


def as_received(sent: bytes, letter: Written, reader: str) -> bytes:
    """The bytes as they arrive: what the servers on the way put on top."""
    arrived = letter.sent + timedelta(seconds=4)
    host = letter.author.address.partition("@")[2]
    trace = hashlib.sha256(f"{letter.message_id}{reader}".encode()).hexdigest()
    lines = [
        f"Return-Path: <{letter.author.address}>",
        f"Delivered-To: {reader}",
        f"Received: from mx.{host} (mx.{host} [192.0.2.{int(trace[:2], 16)}])\r\n\tby mail.{DOMAIN} with ESMTPS "
        f"id {trace[:11]}\r\n\tfor <{reader}>; {compose.date(arrived)}",
    ]
    return "\r\n".join(lines).encode() + b"\r\n" + sent


def subject_of_answer(subject: str, language: str) -> str:
    return ANSWERS.get(language, "Re: ") + subject


def _headers(letter: Written) -> list[tuple[str, str]]:
    def named(people: Sequence[Person]) -> str:
        return ", ".join(compose.mailbox(p.named_in(letter.language), p.address) for p in people)

    headers = [
        ("From", named([letter.author])),
        ("To", named(letter.to)),
        *([("Cc", named(letter.cc))] if letter.cc else []),
        ("Subject", _encoded_subject(letter)),
        ("Date", compose.date(letter.sent)),
        ("Message-ID", letter.message_id),
    ]
    if letter.earlier:
        headers.append(("In-Reply-To", letter.earlier[0].message_id))
        headers.append(("References", " ".join(w.message_id for w in reversed(letter.earlier))))
    return headers + _marks(letter) + list(letter.extra_headers)


def _encoded_subject(letter: Written) -> str:
    charset = compose.CHARSETS.get(letter.language, "utf-8") if letter.author.mailer == "thunderbird" else "utf-8"
    try:
        return compose.encoded(letter.subject, charset)
    except UnicodeEncodeError:
        return compose.encoded(letter.subject)


def _marks(letter: Written) -> list[tuple[str, str]]:
    """The headers by which a mail program is known."""
    if letter.author.mailer == "thunderbird":
        return [("User-Agent", "Mozilla Thunderbird"), ("Content-Language", letter.language)]
    if letter.author.mailer == "phone":
        return [("X-Mailer", "iPhone Mail (22B91)")]
    root = letter.earlier[-1] if letter.earlier else letter
    thread = hashlib.sha256(root.message_id.encode()).digest()
    index = base64.b64encode(thread[:22] + b"".join(w.message_id.encode()[1:6] for w in letter.earlier)).decode()
    return [
        ("Thread-Topic", compose.encoded(root.subject)),
        ("Thread-Index", index),
        ("Accept-Language", f"{letter.language}, en-US"),
        ("X-MS-Has-Attach", "yes" if letter.attachments else ""),
        ("X-MS-TNEF-Correlator", ""),
    ]


def _body(letter: Written) -> Part:
    makers = {"outlook": _outlook, "thunderbird": _thunderbird, "phone": _phone}
    part = makers[letter.author.mailer](letter)
    others = [compose.attached(file) for file in letter.attachments]
    if letter.enclosed:
        others.append(Part(("Content-Type: message/rfc822", "Content-Disposition: attachment"), letter.enclosed))
    return compose.multi("mixed", _boundary(letter, "m"), [part, *others]) if others else part


def _boundary(letter: Written, level: str) -> str:
    digest = hashlib.sha256(f"{letter.message_id}{level}".encode()).hexdigest()
    return f"_00{level}_{digest[:24].upper()}_"


def _outlook(letter: Written) -> Part:
    picture = f"image001.png@01D{_boundary(letter, 'i')[5:13]}.5E0A1C30"
    alternatives = [
        compose.text(_plain(letter), transfer="quoted-printable" if letter.language in "en de fr es" else "base64"),
        compose.text(_html(letter, picture), "html", transfer="quoted-printable"),
    ]
    if letter.calendar:
        invitation = compose.text(letter.calendar, "calendar", transfer="base64")
        kind = f'Content-Type: text/calendar; charset="utf-8"; method={letter.method}'
        alternatives.append(Part((kind, *invitation.headers[1:]), invitation.body))
    both = compose.multi("alternative", _boundary(letter, "a"), alternatives)
    if letter.author.address.partition("@")[2] != DOMAIN:
        return both  # only the house has a logo
    parts = [both, compose.attached(LOGO, picture)]
    return compose.multi("related", _boundary(letter, "r"), parts, ' type="multipart/alternative";')


def _thunderbird(letter: Written) -> Part:
    lines = [letter.text, "", "-- ", *_signature(letter)]
    if letter.earlier:
        said = letter.earlier[0]
        lines = [_attribution(said), *(f"> {line}" for line in _quotable(said).splitlines()), "", *lines]
    charset = compose.CHARSETS.get(letter.language, "utf-8")
    return compose.text("\n".join(lines) + "\n", charset=charset, transfer="8bit")


def _phone(letter: Written) -> Part:
    lines = [letter.text, "", PHONE_LINES.get(letter.language, PHONE_LINES["en"])]
    if letter.earlier:
        said = letter.earlier[0]
        lines += ["", _attribution(said), "", *(f"> {line}" for line in _quotable(said).splitlines())]
    return compose.text("\n".join(lines) + "\n", transfer="base64")


def _quotable(letter: Written) -> str:
    """Its text with what it quoted itself, one level deeper."""
    if not letter.earlier:
        return letter.text
    said = letter.earlier[0]
    quoted = "\n".join(f"> {line}" for line in _quotable(said).splitlines())
    return f"{letter.text}\n\n{_attribution(said)}\n\n{quoted}"


def _attribution(said: Written) -> str:
    name = said.author.named_in(said.language)
    return conversations.ATTRIBUTIONS[said.language].format(date=f"{said.sent:%Y-%m-%d %H:%M}", name=name)


def _signature(letter: Written) -> list[str]:
    author = letter.author
    lines = [author.named_in(letter.language), *([author.job] if author.job else []), author.company]
    return lines + ([author.phone] if author.phone else [])


def _plain(letter: Written) -> str:
    lines = [letter.text, "", letter.regards, "", *_signature(letter), ""]
    for said in letter.earlier:
        lines += ["", "_" * 32, *_head(said), "", said.text, ""]
    return "\n".join(lines)


def _head(said: Written) -> list[str]:
    sender, sent, to, subject = HEADS[said.language]
    people = "; ".join(p.named_in(said.language) for p in said.to)
    return [
        f"{sender}: {said.author.named_in(said.language)} <{said.author.address}>",
        f"{sent}: {said.sent:%Y-%m-%d %H:%M}",
        f"{to}: {people}",
        f"{subject}: {said.subject}",
    ]


STYLE = """p.MsoNormal, li.MsoNormal, div.MsoNormal {margin:0cm; font-size:11.0pt; font-family:"Calibri",sans-serif;}
a:link, span.MsoHyperlink {color:#0563C1; text-decoration:underline;}
div.WordSection1 {page:WordSection1;}"""


def _html(letter: Written, picture: str) -> str:
    right = ' dir="rtl"' if letter.language in RIGHT_TO_LEFT else ""
    signature = "<br>".join(escape(line) for line in _signature(letter))
    quoted = "".join(
        '<div style="border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm 0cm 0cm">'
        f"<p class=MsoNormal>{'<br>'.join(_bold(line) for line in _head(said))}</p></div>{_paragraphs(said.text)}"
        for said in letter.earlier
    )
    logo_line = f'<p class=MsoNormal><img width=120 height=36 src="cid:{picture}" alt=""></p>'
    return (
        f'<html lang="{letter.language}"{right} xmlns:o="urn:schemas-microsoft-com:office:office"><head>'
        f'<meta http-equiv="Content-Type" content="text/html; charset=utf-8"><style><!--\n{STYLE}\n--></style></head>\n'
        f'<body link="#0563C1" vlink="#954F72"><div class=WordSection1>{_paragraphs(letter.text)}'
        f"{_paragraphs(letter.regards)}<p class=MsoNormal>{signature}</p>"
        f"{logo_line if letter.author.address.endswith(DOMAIN) else ''}{quoted}</div></body></html>\n"
    )


def _bold(line: str) -> str:
    name, _, value = line.partition(":")
    return f"<b>{escape(name)}:</b>{escape(value)}"


def _paragraphs(text: str) -> str:
    return "".join(
        f"<p class=MsoNormal>{escape(line) or '<o:p>&nbsp;</o:p>'}</p>\n" for line in [*text.split("\n"), ""]
    )
