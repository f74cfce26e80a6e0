"""A contact's properties under their MAPI names: clients may write and read either, and mean the same one.

    0x3A06 String "Bérénice"   =   <t:GivenName>Bérénice</t:GivenName>
    0x3A1C String "+33 6 1"    =   <t:PhoneNumbers><t:Entry Key="MobilePhone">+33 6 1</t:Entry></t:PhoneNumbers>

Source: MS-OXPROPS for the tags; the table "Contact properties" of "Property identifiers and EWS" for what they are in EWS.
"""

from __future__ import annotations

import re

from mailkeep.simulator.exchange.values import Item

PLAIN = {
    "0x3001": "DisplayName", "0x3a02": "Initials", "0x3a05": "Generation", "0x3a06": "GivenName", "0x3a11": "Surname",
    "0x3a16": "CompanyName", "0x3a17": "JobTitle", "0x3a18": "Department", "0x3a19": "OfficeLocation",
    "0x3a30": "AssistantName", "0x3a44": "MiddleName", "0x3a46": "Profession", "0x3a48": "SpouseName",
    "0x3a4e": "Manager", "0x3a4f": "Nickname", "0x3a51": "BusinessHomePage",
}  # fmt: skip
PHONES = {
    "0x3a08": "BusinessPhone", "0x3a09": "HomePhone", "0x3a1a": "PrimaryPhone", "0x3a1b": "BusinessPhone2",
    "0x3a1c": "MobilePhone", "0x3a1d": "RadioPhone", "0x3a1e": "CarPhone", "0x3a1f": "OtherTelephone", "0x3a21": "Pager",
    "0x3a23": "OtherFax", "0x3a24": "BusinessFax", "0x3a25": "HomeFax", "0x3a2c": "Telex", "0x3a2d": "Isdn",
    "0x3a2e": "AssistantPhone", "0x3a2f": "HomePhone2", "0x3a57": "CompanyMainPhone",
}  # fmt: skip
_ENTRY = '<t:Entry Key="{}">{}</t:Entry>'


def put(item: Item, key: str, inner: str) -> bool:
    """Set the property that the tag names; False for a tag that is none of a contact's. `inner` "" takes it away."""
    if item.element != "Contact":
        return False
    if key in PLAIN:
        if inner:
            item.properties[PLAIN[key]] = inner
        else:
            item.properties.pop(PLAIN[key], None)
        return True
    if key in PHONES:
        _put_phone(item, PHONES[key], inner)
        return True
    return False


def get(item: Item, key: str) -> str | None:
    """The property that the tag names; None where the item has none."""
    if item.element != "Contact":
        return None
    if key in PLAIN:
        return item.properties.get(PLAIN[key])
    found = _entry(PHONES[key]).search(item.properties.get("PhoneNumbers", "")) if key in PHONES else None
    return found[1] if found else None


def _put_phone(item: Item, name: str, inner: str) -> None:
    rest = _entry(name).sub("", item.properties.get("PhoneNumbers", ""))
    entries = rest + (_ENTRY.format(name, inner) if inner else "")
    if entries:
        item.properties["PhoneNumbers"] = entries
    else:
        item.properties.pop("PhoneNumbers", None)


def _entry(name: str) -> re.Pattern[str]:
    return re.compile(_ENTRY.format(name, "([^<]*)"))
