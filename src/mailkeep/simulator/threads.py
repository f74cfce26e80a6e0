"""Conversations as they happened: who wrote, to whom, when, about what. Drawn from a seed."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random

from mailkeep.simulator.attachments import MAKERS, Attachment, brochure
from mailkeep.simulator.conversations import LANGUAGES
from mailkeep.simulator.conversations.pattern import Conversation
from mailkeep.simulator.mailers import Written, as_sent, subject_of_answer
from mailkeep.simulator.people import COLLEAGUES, OUTSIDERS, PRODUCTS, PROJECTS, Person, Project

SPAN_DAYS = 425  # fourteen months
FILE_NAMES = {
    "quotation": {"en": "Quotation", "de": "Angebot", "fr": "Offre", "es": "Oferta", "ja": "お見積書", "ar": "عرض سعر"},
    "invoice": {"en": "Invoice", "de": "Rechnung", "fr": "Facture", "es": "Factura", "uk": "Акт"},
    "minutes": {"en": "Minutes", "de": "Protokoll", "fr": "Compte rendu", "uk": "Протокол", "ja": "議事次第"},
    "readings": {"en": "Readings", "de": "Ablesung", "es": "Lecturas", "uk": "Показники", "ja": "検針", "ar": "قراءات"},
    "agreement": {"en": "Draft agreement"},
    "figures": {"en": "Figures", "fr": "Écarts"},
    "chart": {"en": "Chart", "he": "גרף"},
}
PASSED_ON = {
    "en": "For your information, the original is attached.",
    "de": "Zur Kenntnis, das Original hängt an.",
    "fr": "Pour information, l'original est joint.",
    "es": "Para tu información, adjunto el original.",
    "uk": "До відома, оригінал у вкладенні.",
    "ja": "ご参考までに、元のメールを添付いたします。",
    "ar": "للعلم، الرسالة الأصلية مرفقة.",
    "he": "לידיעתך, ההודעה המקורית מצורפת.",
}
FORWARDS = {"de": "WG: ", "fr": "TR : ", "es": "RV: "}
CATALOGUE = brochure("Calora product catalogue", "Calora product catalogue", 40)


@dataclass(frozen=True, slots=True)
class Thread:
    """Letters in the order they were sent, and the project they belong to (None: to none)."""

    letters: tuple[Written, ...]
    project: Project | None


def draw_thread(rng: Random, colleague: Person, now: datetime, begin: datetime | None = None) -> Thread:
    """A thread that `colleague` takes part in. None of its letters is later than `now`."""
    language, pattern, other = _draw_pattern(rng, colleague)
    project = rng.choice([p for p in PROJECTS if p.language == language])
    customer = rng.choice([p for p in OUTSIDERS if language in p.languages]).company
    start = begin or draw_moment(rng, now)
    words = _draw_words(rng, language, project, customer, start)
    first, second = (other, colleague) if pattern.outside == "them" else (colleague, other)
    letters = _turns(rng, pattern, language, words, (first, second), (start, now))
    if rng.random() < 0.06:
        letters += _passed_on(rng, letters[0], (colleague, other), now)
    if not pattern.outside and rng.random() < 0.07:
        marked = (("Sensitivity", rng.choice(["Company-Confidential", "Private"])),)
        letters = tuple(replace(letter, extra_headers=marked) for letter in letters)
    return Thread(letters, project if pattern.filed else None)


def draw_moment(rng: Random, now: datetime) -> datetime:
    """A working moment in the past, the recent ones a little likelier."""
    back = SPAN_DAYS * rng.random() ** 1.35
    moment = (now - timedelta(days=back)).replace(
        hour=rng.randint(6, 16), minute=rng.randint(0, 59), second=rng.randint(0, 59), microsecond=0
    )
    if moment.weekday() > 4 and rng.random() < 0.9:
        moment -= timedelta(days=2)
    return moment if moment <= now else moment - timedelta(days=1)


def _draw_pattern(rng: Random, colleague: Person) -> tuple[str, Conversation, Person]:
    language = colleague.languages[0] if rng.random() < 0.7 else "en"
    pattern = rng.choice(LANGUAGES[language].conversations)
    if pattern.outside:
        others = [p for p in OUTSIDERS if p.languages[0] == language]
    else:
        others = [p for p in COLLEAGUES if language in p.languages and p is not colleague]
    if not others:  # nobody in the house shares that tongue: English, then
        language, others = "en", [p for p in COLLEAGUES if p is not colleague]
        pattern = rng.choice([c for c in LANGUAGES["en"].conversations if not c.outside])
    return language, pattern, rng.choice(others)


def _draw_words(rng: Random, language: str, project: Project, customer: str, start: datetime) -> dict[str, str]:
    months = LANGUAGES[language].months
    return {
        "project": project.local_name,
        "product": rng.choice(PRODUCTS),
        "customer": customer,
        "amount": _amount(rng, language),
        "number": f"{start:%y}-{rng.randint(10000, 99999)}",
        "count": str(rng.choice([4, 6, 8, 12, 14, 16, 18, 24, 32, 36, 48])),
        "month": months[start.month % 12],
    }


def _amount(rng: Random, language: str) -> str:
    value = f"{rng.randint(8, 960) * 50:,}"
    forms = {"en": "€{}", "ja": "¥{}00", "ar": "{} AED", "he": "₪{}", "uk": "{} грн"}
    return forms.get(language, "{} €").format(
        value if language in ("en", "ja", "ar", "he") else value.replace(",", ".")
    )


def _turns(
    rng: Random,
    pattern: Conversation,
    language: str,
    words: dict[str, str],
    people: tuple[Person, Person],
    between: tuple[datetime, datetime],
) -> tuple[Written, ...]:
    sent, now = between
    copied = _draw_copied(rng, people, language)
    turns = pattern.turns if rng.random() < 0.6 else pattern.turns[: rng.randint(1, len(pattern.turns))]
    said: list[Written] = []
    for number, turn in enumerate(turns):
        if number:
            sent = _next_moment(rng, sent)
        if sent > now:
            break
        author, reader = people if number % 2 == 0 else people[::-1]
        letter = _letter(rng, turn, language, words, author, reader, sent)
        subject = fill(rng, pattern.subject, words, language, reader)
        if said:
            letter = replace(
                letter, subject=subject_of_answer(said[0].subject, language), earlier=tuple(reversed(said))
            )
        else:
            files = _draw_files(rng, pattern, language, words)
            letter = replace(letter, subject=subject, attachments=files)
        said.append(replace(letter, cc=tuple(p for p in copied if p is not author)))
    return tuple(said)


def _passed_on(rng: Random, first: Written, people: tuple[Person, Person], now: datetime) -> tuple[Written, ...]:
    """The first letter, sent on as an attachment by its reader of the house to somebody else of it; none if that is yet to come."""
    author = people[0] if people[0] in first.to else people[1]
    sent = _next_moment(rng, first.sent)
    able = [p for p in COLLEAGUES if first.language in p.languages and p not in people]
    if author not in COLLEAGUES or not able or sent > now:
        return ()
    reader = rng.choice(able)
    made = _letter(rng, PASSED_ON[first.language], first.language, {}, author, reader, sent)
    return (replace(made, subject=FORWARDS.get(first.language, "Fwd: ") + first.subject, enclosed=as_sent(first)),)


def _draw_copied(rng: Random, people: tuple[Person, Person], language: str) -> tuple[Person, ...]:
    able = [p for p in COLLEAGUES if language in p.languages and p not in people]
    return tuple(rng.sample(able, min(len(able), rng.choice([0, 0, 0, 1, 1, 2]))))


def _next_moment(rng: Random, sent: datetime) -> datetime:
    later = sent + timedelta(minutes=rng.choice([9, 26, 55, 140, 310, 1320, 1490, 2900]) + rng.randint(0, 30))
    if later.hour >= 18 or later.hour < 6:
        later = (later + timedelta(hours=12)).replace(hour=rng.randint(7, 10))
    return later


def _letter(
    rng: Random, turn: str, language: str, words: dict[str, str], author: Person, reader: Person, sent: datetime
) -> Written:
    return Written(
        author=author,
        to=(reader,),
        subject="",
        text=fill(rng, turn, words, language, reader),
        language=language,
        sent=sent,
        message_id=draw_message_id(rng, author),
        regards=rng.choice(LANGUAGES[language].regards),
    )


def draw_message_id(rng: Random, author: Person) -> str:
    host = author.address.partition("@")[2]
    forms = {
        "outlook": f"AM{rng.randint(0, 9)}PR{rng.getrandbits(64):016X}",
        "thunderbird": f"{rng.getrandbits(32):08x}-{rng.getrandbits(16):04x}-{rng.getrandbits(48):012x}",
        "phone": f"{rng.getrandbits(64):016X}-{rng.getrandbits(32):08X}",
    }
    return f"<{forms[author.mailer]}@{host}>"


def fill(rng: Random, pattern: str, words: dict[str, str], language: str, reader: Person) -> str:
    """The pattern with its choices drawn and its places filled."""
    chosen = re.sub(r"\[([^\[\]]*\|[^\[\]]*)\]", lambda found: rng.choice(found[1].split("|")), pattern)
    day = rng.choice(LANGUAGES[language].days)
    return chosen.format(to=reader.called_in(language), day=day, **words)


def _draw_files(rng: Random, pattern: Conversation, language: str, words: dict[str, str]) -> tuple[Attachment, ...]:
    if not pattern.attachment:
        return ()
    names = FILE_NAMES[pattern.attachment]
    made = MAKERS[pattern.attachment](rng, f"{names['en']} {words['number']}")
    local = f"{names.get(language, names['en'])} {words['number']}.{made.name.rpartition('.')[2]}"
    files = (replace(made, name=local),)
    return (*files, CATALOGUE) if pattern.attachment == "quotation" and rng.random() < 0.4 else files
