"""Who there is: a made-up instrument maker, forty people in ten offices, and those outside whom it writes to.

Every name and company is invented; every address ends in `.example`, which nobody can own (RFC 2606).
"""

# ruff: noqa: E501  (tables)

from __future__ import annotations

from dataclasses import dataclass

from mailkeep.simulator.offices import OFFICES, Room

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
    city: str = ""  # of `offices.OFFICES`; "" for people outside
    manager: str = ""  # an address; "" for who has none
    birthday: str = ""  # MM-DD

    @property
    def latin(self) -> str:
        return f"{self.given} {self.family}".strip()

    def named_in(self, language: str) -> str:
        """The name as a letter in that language shows it."""
        return self.native if self.native and language == self.languages[0] else self.latin

    def called_in(self, language: str) -> str:
        """The given name as a letter in that language says it."""
        return self.native_given if self.native_given and language == self.languages[0] else self.given


def _colleague(
    extension: int, local: str, name: str, languages: str, job: str, department: str, city: str, boss: str, **more: str
) -> Person:
    """One of the house. `name`: given and family, parted by a bar. `boss`: local part of the manager's address."""
    given, family = name.split("|")
    phone = OFFICES[city].phone.format(f"{extension:02d}")
    manager = f"{boss}@{DOMAIN}" if boss else ""
    address = f"{local}@{DOMAIN}"
    return Person(
        address, given, family, tuple(languages.split()), COMPANY, job, department,
        phone=phone, city=city, manager=manager, **more,
    )  # fmt: skip


COLLEAGUES: tuple[Person, ...] = (
    _colleague(1, "ingrid.halden", "Ingrid|Halden", "en", "Managing Director", "Management", "Bergen", "", birthday="04-12"),
    _colleague(2, "etienne.moreau", "Étienne|Moreau", "fr en", "Finance Director", "Finance", "Lyon", "ingrid.halden", birthday="09-30"),
    _colleague(3, "sabine.koehler", "Sabine|Köhler", "de en", "Sales Manager DACH", "Sales", "Augsburg", "ruth.adeyemi", birthday="02-17"),
    _colleague(4, "jonas.brandt", "Jonas|Brandt", "de en", "Lead Engineer, Heat Metering", "Engineering", "Augsburg", "helene.vogt", mailer="thunderbird", birthday="11-05"),
    _colleague(5, "olena.kovalchuk", "Olena|Kovalchuk", "uk en", "Firmware Developer", "Engineering", "Lviv", "helene.vogt", native="Олена Ковальчук", native_given="Олено", mailer="thunderbird", birthday="07-21"),
    _colleague(6, "yuki.tanaka", "Yuki|Tanaka", "ja en", "Country Manager Japan", "Sales", "Osaka", "ruth.adeyemi", native="田中 由紀", native_given="田中", birthday="03-03"),
    _colleague(7, "karim.haddad", "Karim|Haddad", "ar en", "Area Sales Manager Gulf", "Sales", "Dubai", "ruth.adeyemi", native="كريم حداد", native_given="كريم", birthday="06-14"),
    _colleague(8, "noa.ben-ami", "Noa|Ben-Ami", "he en", "Test Engineer", "Quality", "Haifa", "gerd.lindner", native="נועה בן-עמי", native_given="נועה", mailer="phone", birthday="12-01"),
    _colleague(9, "maria.ortega", "María José|Ortega Núñez", "es en", "Head of Purchasing", "Purchasing", "Sevilla", "etienne.moreau", birthday="05-19"),
    _colleague(10, "tom.whitfield", "Tom|Whitfield", "en", "Head of Customer Support", "Support", "Leeds", "ruth.adeyemi", mailer="phone", birthday="08-08"),
    _colleague(11, "priya.raman", "Priya|Raman", "en", "Head of People", "People", "Leeds", "ingrid.halden", birthday="10-24"),
    _colleague(12, "grace.oconnor", "Grace|O'Connor", "en", "Legal Counsel", "Legal", "Dublin", "ingrid.halden", birthday="01-31"),
    _colleague(13, "helene.vogt", "Helene|Vogt", "de en", "Head of Engineering", "Engineering", "Augsburg", "ingrid.halden", birthday="03-27"),
    _colleague(14, "ruth.adeyemi", "Ruth|Adeyemi", "en", "Sales Director", "Sales", "Leeds", "ingrid.halden", birthday="09-09"),
    _colleague(15, "lukas.steinmetz", "Lukas|Steinmetz", "de en", "Hardware Developer", "Engineering", "Augsburg", "jonas.brandt", mailer="thunderbird", birthday="12-18"),
    _colleague(16, "miriam.wolff", "Miriam|Wolff", "de en", "Mechanical Designer", "Engineering", "Augsburg", "jonas.brandt", birthday="06-02"),
    _colleague(17, "gerd.lindner", "Gerd|Lindner", "de en", "Head of Quality", "Quality", "Augsburg", "helene.vogt", birthday="02-11"),
    _colleague(18, "franziska.egger", "Franziska|Egger", "de en", "Inside Sales", "Sales", "Augsburg", "sabine.koehler", birthday="07-07"),
    _colleague(19, "murat.yildiz", "Murat|Yıldız", "de en", "Head of Production", "Production", "Augsburg", "ingrid.halden", mailer="phone", birthday="05-23"),
    _colleague(20, "claire.dubois", "Claire|Dubois", "fr en", "Financial Controller", "Finance", "Lyon", "etienne.moreau", birthday="11-28"),
    _colleague(21, "julien.perrin", "Julien|Perrin", "fr en", "Accounts Payable", "Finance", "Lyon", "claire.dubois", birthday="04-04"),
    _colleague(22, "amelie.roche", "Amélie|Roche", "fr en", "Sales Engineer", "Sales", "Lyon", "ruth.adeyemi", mailer="phone", birthday="08-16"),
    _colleague(23, "javier.molina", "Javier|Molina Ruiz", "es en", "Strategic Buyer", "Purchasing", "Sevilla", "maria.ortega", birthday="10-10"),
    _colleague(24, "carmen.vega", "Carmen|Vega", "es en", "Logistics Planner", "Purchasing", "Sevilla", "maria.ortega", birthday="12-24"),
    _colleague(25, "diego.santos", "Diego|Santos", "es en", "Field Service", "Support", "Sevilla", "tom.whitfield", mailer="phone", birthday="02-28"),
    _colleague(26, "andriy.melnyk", "Andriy|Melnyk", "uk en", "Firmware Developer", "Engineering", "Lviv", "olena.kovalchuk", native="Андрій Мельник", native_given="Андрію", mailer="thunderbird", birthday="01-15"),
    _colleague(27, "iryna.savchuk", "Iryna|Savchuk", "uk en", "Software Tester", "Quality", "Lviv", "gerd.lindner", native="Ірина Савчук", native_given="Ірино", birthday="09-03"),
    _colleague(28, "kenji.mori", "Kenji|Mori", "ja en", "Application Engineer", "Sales", "Osaka", "yuki.tanaka", native="森 健二", native_given="森", birthday="04-29"),
    _colleague(29, "aiko.fujita", "Aiko|Fujita", "ja en", "Office Manager", "People", "Osaka", "yuki.tanaka", native="藤田 愛子", native_given="藤田", birthday="11-11"),
    _colleague(30, "layla.nasser", "Layla|Nasser", "ar en", "Project Coordinator", "Sales", "Dubai", "karim.haddad", native="ليلى ناصر", native_given="ليلى", birthday="03-08"),
    _colleague(31, "omar.farouk", "Omar|Farouk", "ar en", "Field Service", "Support", "Dubai", "tom.whitfield", native="عمر فاروق", native_given="عمر", mailer="phone", birthday="08-30"),
    _colleague(32, "yael.cohen", "Yael|Cohen", "he en", "Data Scientist", "Engineering", "Haifa", "helene.vogt", native="יעל כהן", native_given="יעל", birthday="05-05"),
    _colleague(33, "eitan.levi", "Eitan|Levi", "he en", "Metrologist", "Quality", "Haifa", "gerd.lindner", native="איתן לוי", native_given="איתן", birthday="06-26"),
    _colleague(34, "sigrid.aasen", "Sigrid|Aasen", "en", "Executive Assistant", "Management", "Bergen", "ingrid.halden", birthday="10-02"),
    _colleague(35, "henrik.dahl", "Henrik|Dahl", "en", "Head of IT", "IT", "Bergen", "etienne.moreau", mailer="thunderbird", birthday="07-13"),
    _colleague(36, "siobhan.walsh", "Siobhán|Walsh", "en", "System Administrator", "IT", "Dublin", "henrik.dahl", birthday="01-06"),
    _colleague(37, "oliver.hughes", "Oliver|Hughes", "en", "Support Engineer", "Support", "Leeds", "tom.whitfield", birthday="12-09"),
    _colleague(38, "hannah.clarke", "Hannah|Clarke", "en", "Marketing Manager", "Marketing", "Leeds", "ruth.adeyemi", birthday="04-21"),
    _colleague(39, "ben.foster", "Ben|Foster", "en", "Recruiter", "People", "Leeds", "priya.raman", birthday="09-17"),
    _colleague(40, "anna.lindgren", "Anna|Lindgren", "en", "Production Planner", "Production", "Bergen", "murat.yildiz", birthday="05-30"),
)  # fmt: skip


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


def is_inside(person: Person) -> bool:
    """Of the house."""
    return person.address.endswith("@" + DOMAIN)


DEPARTMENTS: tuple[str, ...] = tuple(sorted({person.department for person in COLLEAGUES}))


@dataclass(frozen=True, slots=True)
class Shared:
    """A mailbox of several people. `members`: addresses."""

    address: str
    name: str
    members: tuple[str, ...]
    languages: tuple[str, ...]

    @property
    def person(self) -> Person:
        """As the one who writes from it."""
        return Person(self.address, self.name, "", self.languages, COMPANY)


def members_of(department: str) -> tuple[Person, ...]:
    return tuple(person for person in COLLEAGUES if person.department == department)


SHARED: tuple[Shared, ...] = (
    Shared(f"support@{DOMAIN}", "Customer Support", tuple(p.address for p in members_of("Support")), ("en",)),
    Shared(f"accounts@{DOMAIN}", "Accounts Payable", tuple(p.address for p in members_of("Finance")), ("fr", "en")),
)


@dataclass(frozen=True, slots=True)
class Group:
    """A distribution group of the directory. `members`: addresses, of people or of other groups."""

    address: str
    name: str
    members: tuple[str, ...]


def groups() -> tuple[Group, ...]:
    """One per department, and one of them all."""
    departments = tuple(
        Group(f"{name.lower()}@{DOMAIN}", name, tuple(p.address for p in members_of(name)))
        for name in DEPARTMENTS
        if name != "Support"  # that address is the shared mailbox's
    )
    return (*departments, Group(f"everybody@{DOMAIN}", "Everybody", tuple(p.address for p in COLLEAGUES)))


def room_address(room: Room) -> str:
    return f"{room.local}@{DOMAIN}"
