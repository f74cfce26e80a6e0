"""Who there is: a made-up instrument maker with offices in eight countries, and the people outside it writes to.

Every name and company is invented; every address ends in `.example`, which nobody can own (RFC 2606).
"""

from __future__ import annotations

from dataclasses import dataclass

DOMAIN = "halden-moreau.example"
COMPANY = "Halden & Moreau Instruments"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who writes mail. `languages`: ISO 639-1, mother tongue first. `mailer`: the program they write with."""

    address: str
    given: str
    family: str
    languages: tuple[str, ...]
    company: str = COMPANY
    job: str = ""
    department: str = ""
    native: str = ""  # the whole name in its own script, where that is not Latin
    native_given: str = ""
    mailer: str = "outlook"  # "outlook", "thunderbird", "phone"
    phone: str = ""

    @property
    def latin(self) -> str:
        return f"{self.given} {self.family}"

    def named_in(self, language: str) -> str:
        """The name as a letter in that language shows it."""
        return self.native if self.native and language == self.languages[0] else self.latin

    def called_in(self, language: str) -> str:
        """The given name as a letter in that language says it."""
        return self.native_given if self.native_given and language == self.languages[0] else self.given


def _colleague(local: str, given: str, family: str, languages: str, job: str, department: str, **more: str) -> Person:
    return Person(f"{local}@{DOMAIN}", given, family, tuple(languages.split()), job=job, department=department, **more)


COLLEAGUES: tuple[Person, ...] = (
    _colleague("ingrid.halden", "Ingrid", "Halden", "en", "Managing Director", "Management", phone="+47 55 00 12 01"),
    _colleague(
        "etienne.moreau", "Étienne", "Moreau", "fr en", "Finance Director", "Finance", phone="+33 4 72 00 12 02"
    ),
    _colleague("sabine.koehler", "Sabine", "Köhler", "de en", "Sales Manager DACH", "Sales", phone="+49 821 00 12 03"),
    _colleague(
        "jonas.brandt",
        "Jonas",
        "Brandt",
        "de en",
        "Lead Engineer, Heat Metering",
        "Engineering",
        mailer="thunderbird",
        phone="+49 821 00 12 04",
    ),
    _colleague(
        "olena.kovalchuk",
        "Olena",
        "Kovalchuk",
        "uk en",
        "Firmware Developer",
        "Engineering",
        native="Олена Ковальчук",
        native_given="Олено",
        mailer="thunderbird",
        phone="+380 32 000 12 05",
    ),
    _colleague(
        "yuki.tanaka",
        "Yuki",
        "Tanaka",
        "ja en",
        "Country Manager Japan",
        "Sales",
        native="田中 由紀",
        native_given="田中",
        phone="+81 6 0000 1206",
    ),
    _colleague(
        "karim.haddad",
        "Karim",
        "Haddad",
        "ar en",
        "Area Sales Manager Gulf",
        "Sales",
        native="كريم حداد",
        native_given="كريم",
        phone="+971 4 000 1207",
    ),
    _colleague(
        "noa.ben-ami",
        "Noa",
        "Ben-Ami",
        "he en",
        "Test Engineer",
        "Engineering",
        native="נועה בן-עמי",
        native_given="נועה",
        mailer="phone",
        phone="+972 4 000 1208",
    ),
    _colleague(
        "maria.ortega", "María José", "Ortega Núñez", "es en", "Purchasing", "Purchasing", phone="+34 95 000 12 09"
    ),
    _colleague(
        "tom.whitfield",
        "Tom",
        "Whitfield",
        "en",
        "Customer Support",
        "Support",
        mailer="phone",
        phone="+44 113 000 1210",
    ),
    _colleague("priya.raman", "Priya", "Raman", "en", "Head of People", "People", phone="+44 113 000 1211"),
    _colleague("grace.oconnor", "Grace", "O'Connor", "en", "Legal Counsel", "Legal", phone="+353 1 000 1212"),
)


def _outsider(address: str, name: str, language: str, company: str, **more: str) -> Person:
    given, _, family = name.partition(" ")
    return Person(address, given, family, (language, "en") if language != "en" else ("en",), company, **more)


OUTSIDERS: tuple[Person, ...] = (
    _outsider("m.lindqvist@lindqvist-vvs.example", "Marit Lindqvist", "en", "Lindqvist VVS AS"),
    _outsider("dean.ashworth@leeds-royal-estates.example", "Dean Ashworth", "en", "Leeds Royal Estates"),
    _outsider("accounts@pennine-couriers.example", "Helen Barlow", "en", "Pennine Couriers Ltd", mailer="phone"),
    _outsider("r.okafor@bluewater-utilities.example", "Rosemary Okafor", "en", "Bluewater Utilities"),
    _outsider("t.huber@stadtwerke-auenfeld.example", "Thomas Huber", "de", "Stadtwerke Auenfeld GmbH"),
    _outsider("einkauf@kessler-anlagenbau.example", "Birgit Keßler", "de", "Keßler Anlagenbau KG"),
    _outsider("c.zuercher@fernwaerme-rheintal.example", "Christoph Zürcher", "de", "Fernwärme Rheintal AG"),
    _outsider("camille.girard@confluence-energie.example", "Camille Girard", "fr", "Confluence Énergie"),
    _outsider(
        "benoit.lefevre@cabinet-lefevre.example", "Benoît Lefèvre", "fr", "Cabinet Lefèvre & Associés", mailer="phone"
    ),
    _outsider("lucia.romero@aguas-sevilla.example", "Lucía Romero", "es", "Aguas del Sur"),
    _outsider("pedidos@metalurgica-duero.example", "Andrés Castaño", "es", "Metalúrgica Duero S.L."),
    _outsider(
        "taras.shevchuk@lviv-teplo.example",
        "Taras Shevchuk",
        "uk",
        "Львівтеплоенерго",
        native="Тарас Шевчук",
        native_given="Тарасе",
        mailer="thunderbird",
    ),
    _outsider(
        "h.sato@osaka-netsu.example", "Hiroshi Sato", "ja", "大阪熱供給株式会社", native="佐藤 浩", native_given="佐藤"
    ),
    _outsider(
        "mariam@creek-cooling.example",
        "Mariam Al-Suwaidi",
        "ar",
        "شركة الخور للتبريد",
        native="مريم السويدي",
        native_given="مريم",
    ),
    _outsider(
        "avi@carmel-labs.example",
        "Avi Shalev",
        "he",
        "מעבדות הכרמל",
        native="אבי שלו",
        native_given="אבי",
        mailer="phone",
    ),
)

PRODUCTS = ("Calora 40", "FlowLine 200", "Venta M3 gateway", "Pulse-IQ sensor", "TerraTemp probe", "Calora 15")


@dataclass(frozen=True, slots=True)
class Project:
    """A piece of work that people file mail under."""

    name: str
    language: str  # the language it is mostly written about in
    local_name: str  # how those people call it, and their folder for it


PROJECTS: tuple[Project, ...] = (
    Project("Auenfeld district heating", "de", "Fernwärme Auenfeld"),
    Project("Rheintal meter exchange", "de", "Zählertausch Rheintal"),
    Project("Lyon Confluence", "fr", "Réseau Confluence"),
    Project("Seville waterworks", "es", "Depuradora Sevilla"),
    Project("Lviv boiler houses", "uk", "Котельні Львів"),
    Project("Osaka pilot", "ja", "大阪パイロット"),
    Project("Creek cooling plant", "ar", "محطة تبريد الخور"),
    Project("Carmel test bench", "he", "מתקן ניסוי כרמל"),
    Project("Leeds Royal hospital", "en", "Leeds Royal hospital"),
    Project("Bergen harbour retrofit", "en", "Bergen harbour retrofit"),
    Project("Bluewater framework", "en", "Bluewater framework"),
)


def colleague(address: str) -> Person:
    """The colleague with that address. Raises KeyError for anybody else."""
    return _BY_ADDRESS[address]


_BY_ADDRESS = {person.address: person for person in COLLEAGUES}
