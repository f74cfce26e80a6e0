"""Whom people know: contact cards with photos, and personal distribution lists. Drawn from a seed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from random import Random

from mailkeep.simulator.everyday import EVERYDAY
from mailkeep.simulator.offices import OFFICES, Office
from mailkeep.simulator.people import COLLEAGUES, OUTSIDERS, PROJECTS, Person
from mailkeep.simulator.photos import photo

COLLEAGUES_EACH = 3
ADDRESSES = {  # street with a place for its number, town, country, postcode; of people outside, by their language
    "en": ("{} Kirkgate", "Otley", "United Kingdom", "LS00 0AA"),
    "de": ("Industriestraße {}", "Auenfeld", "Germany", "00086"),
    "fr": ("{} rue des Tanneurs", "Villefontaine", "France", "00038"),
    "es": ("Polígono La Isla {}", "Alcalá", "Spain", "00041"),
    "uk": ("вул. Заводська, {}", "Львів", "Україна", "00079"),
    "ja": ("北区天満 3-{}", "大阪市", "日本", "000-0000"),
    "ar": ("شارع الخور {}", "دبي", "الإمارات", "00000"),
    "he": ("רחוב המלאכה {}", "חיפה", "ישראל", "0000000"),
}


@dataclass(frozen=True, slots=True)
class Card:
    """A contact in `mailbox`. `photo` is a PNG or empty. `office`: whose postal address it shows, None: none."""

    mailbox: str
    person: Person
    language: str  # of the one who keeps it
    mobile: str = ""
    home_phone: str = ""
    private_mail: str = ""
    website: str = ""
    birthday: date | None = None
    office: Office | None = None
    text: str = ""
    categories: tuple[str, ...] = ()
    sensitivity: str = "Normal"
    photo: bytes = b""


@dataclass(frozen=True, slots=True)
class Circle:
    """A personal distribution list."""

    mailbox: str
    name: str
    members: tuple[Person, ...]
    text: str = ""


def draw_contacts(rng: Random) -> Iterator[Card | Circle]:
    """Everybody's contacts and their two lists."""
    for person in COLLEAGUES:
        language = person.languages[0]
        outside = [p for p in OUTSIDERS if p.languages[0] == language]
        inside = rng.sample([p for p in COLLEAGUES if p is not person], COLLEAGUES_EACH)
        for other in outside:
            yield _outsider(rng, person, other)
        for other in inside:
            yield _colleague(rng, person, other)
        yield _private(rng, person)
        yield Circle(person.address, EVERYDAY[language].circles[0], tuple(outside))
        yield Circle(person.address, EVERYDAY[language].circles[1], tuple(inside))


def _outsider(rng: Random, keeper: Person, other: Person) -> Card:
    host = other.address.partition("@")[2]
    return Card(
        keeper.address,
        other,
        keeper.languages[0],
        mobile=_number(rng),
        website=f"https://www.{host}/",
        office=_somewhere(rng, other),
        text=rng.choice([project.local_name for project in PROJECTS if project.language == keeper.languages[0]]),
        categories=("Customers",),
        photo=photo(other.latin) if rng.random() < 0.5 else b"",
    )


def _colleague(rng: Random, keeper: Person, other: Person) -> Card:
    month, day = map(int, other.birthday.split("-"))
    return Card(
        keeper.address,
        other,
        keeper.languages[0],
        mobile=_number(rng),
        birthday=date(rng.randint(1962, 2001), month, day),
        office=OFFICES[other.city],
        categories=("Team",) if other.department == keeper.department else (),
        photo=photo(other.latin),
    )


def _private(rng: Random, keeper: Person) -> Card:
    """Somebody of the family: nobody else's business, and marked so."""
    given = rng.choice(["Alex", "Kim", "Sam", "Robin", "Noor", "Mika"])
    family = Person(
        f"{given.lower()}@family-{rng.getrandbits(20):05x}.example", given, keeper.family, keeper.languages, ""
    )
    return Card(
        keeper.address,
        family,
        keeper.languages[0],
        mobile=_number(rng),
        home_phone=_number(rng),
        private_mail=family.address,
        birthday=date(rng.randint(1955, 2018), rng.randint(1, 12), rng.randint(1, 28)),
        sensitivity="Private",
        photo=photo(family.latin),
    )


def _number(rng: Random) -> str:
    return f"+00 170 {rng.randint(100, 999)} {rng.randint(1000, 9999)}"  # no country has 00: nobody is rung up


def _somewhere(rng: Random, other: Person) -> Office:
    """A made-up postal address in the country whose language they write."""
    street, city, country, postcode = ADDRESSES[other.languages[0]]
    return Office(city, country, street.format(rng.randint(2, 90)), postcode, "", "", "")
