"""A contact as a vCard 3.0, as Exchange gives it for a contact's MimeContent.

The order and the empty lines are Exchange's: it begins PROFILE, VERSION, MAILER, PRODID, and names what vCard has no word for
X-MS-…. Source: MS-OXVCARD 2.1.3; a sample in the issue tracker of the EWS Managed API (#25).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from pybase64 import b64encode

from mailkeep.simulator.ews.composing import bodies
from mailkeep.simulator.ews.content_lines import document, escaped
from mailkeep.simulator.ews.markup import child_text, parsed, text_of
from mailkeep.simulator.exchange.values import Attachment, Item

_PHONES = {
    "BusinessPhone": "TEL;TYPE=WORK",
    "BusinessPhone2": "TEL;TYPE=WORK",
    "HomePhone": "TEL;TYPE=HOME",
    "HomePhone2": "TEL;TYPE=HOME",
    "MobilePhone": "TEL;TYPE=CELL",
    "Pager": "TEL;TYPE=PAGER",
    "CarPhone": "TEL;TYPE=CAR",
    "Isdn": "TEL;TYPE=ISDN",
    "PrimaryPhone": "TEL;TYPE=PREF",
    "OtherTelephone": "TEL;TYPE=VOICE",
    "BusinessFax": "TEL;TYPE=FAX,WORK",
    "HomeFax": "TEL;TYPE=FAX,HOME",
    "OtherFax": "TEL;TYPE=FAX",
    "AssistantPhone": "X-MS-TEL;TYPE=ASSISTANT",
    "TtyTddPhone": "X-MS-TEL;TYPE=TTYTDD",
    "Callback": "X-MS-TEL;TYPE=CALLBACK",
    "RadioPhone": "X-MS-TEL;TYPE=RADIO",
    "CompanyMainPhone": "X-MS-TEL;TYPE=COMPANY",
    "Telex": "EMAIL;TYPE=TLX",
}
_PLACES = {"Business": "WORK", "Home": "HOME", "Other": "POSTAL"}
_CLASS = {"Normal": "PUBLIC", "Personal": "PRIVATE", "Private": "PRIVATE", "Confidential": "CONFIDENTIAL"}


def vcard_text(item: Item, attachments: Sequence[Attachment] = ()) -> bytes:
    """The contact as vCard, in CRLF lines of UTF-8."""

    def text(name: str) -> str:
        return escaped(text_of(item.properties.get(name, "")))

    lines = ["BEGIN:VCARD", "PROFILE:VCARD", "VERSION:3.0", "MAILER:Microsoft Exchange", "PRODID:Microsoft Exchange"]
    lines.append(f"FN:{text('DisplayName') or text('FileAs')}")
    lines.append(f"N:{text('Surname')};{text('GivenName')};{text('MiddleName')};;{text('Generation')}")
    lines += _known(("NICKNAME", text("Nickname")), ("TITLE", text("JobTitle")), ("ROLE", text("Profession")))
    if text("CompanyName") or text("Department"):
        lines.append(f"ORG:{text('CompanyName')};{text('Department')}")
    lines.append(f"CLASS:{_CLASS.get(item.properties.get('Sensitivity', 'Normal'), 'PUBLIC')}")
    lines += _entries(item) + _addresses(item)
    lines += _known(
        ("X-MS-MANAGER;TYPE=N", text("Manager")),
        ("X-MS-ASSISTANT;TYPE=N", text("AssistantName")),
        ("X-MS-SPOUSE;TYPE=N", text("SpouseName")),
        ("URL;TYPE=WORK", text("BusinessHomePage")),
        ("BDAY;VALUE=DATE", text("Birthday")[:10]),
        ("X-MS-ANNIVERSARY;VALUE=DATE", text("WeddingAnniversary")[:10]),
        ("CATEGORIES", ",".join(escaped(node.text or "") for node in parsed(item.properties.get("Categories", "")))),
        ("NOTE", escaped(bodies(item)[0])),
    )
    lines += _photo(attachments)
    moment = (item.modified or datetime(1970, 1, 1, tzinfo=UTC)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return document([*lines, f"REV;VALUE=DATE-TIME:{moment}", "END:VCARD"])


def _known(*pairs: tuple[str, str]) -> list[str]:
    return [f"{name}:{value}" for name, value in pairs if value]


def _entries(item: Item) -> list[str]:
    lines = []
    for node in parsed(item.properties.get("PhoneNumbers", "")):
        if node.text and (name := _PHONES.get(node.get("Key", ""))):
            lines.append(f"{name}:{escaped(node.text)}")
    for place, node in enumerate(parsed(item.properties.get("EmailAddresses", ""))):
        if node.text:
            lines.append(f"EMAIL;TYPE=INTERNET{',PREF' if place == 0 else ''}:{escaped(node.text)}")
    lines += [f"X-MS-IMADDRESS:{escaped(n.text)}" for n in parsed(item.properties.get("ImAddresses", "")) if n.text]
    return lines


def _addresses(item: Item) -> list[str]:
    lines = []
    for node in parsed(item.properties.get("PhysicalAddresses", "")):
        parts = [
            escaped(child_text(node, name)) for name in ("Street", "City", "State", "PostalCode", "CountryOrRegion")
        ]
        lines.append(f"ADR;TYPE={_PLACES.get(node.get('Key', ''), 'POSTAL')}:;;{';'.join(parts)}")
    return lines


def _photo(attachments: Sequence[Attachment]) -> list[str]:
    photo = next((each for each in attachments if each.contact_photo), None)
    if photo is None:
        return []
    kind = "PNG" if photo.content.startswith(b"\x89PNG") else "JPEG"
    return [f"PHOTO;TYPE={kind};ENCODING=B:{b64encode(photo.content).decode('ascii')}"]
