"""Contacts, personal distribution lists, tasks, sticky notes and posts, as items of the organisation. Pure."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, time
from xml.sax.saxutils import escape

from mailkeep.simulator.contacts import Card, Circle
from mailkeep.simulator.exchange import elements
from mailkeep.simulator.exchange.calendar_items import Bundle
from mailkeep.simulator.exchange.values import Attachment, Item, extended_key
from mailkeep.simulator.notes import Note, Post
from mailkeep.simulator.people import DOMAIN, colleague
from mailkeep.simulator.tasks import Task

PHOTO_NAME = "ContactPicture.png"
NOTE_SET = "0006200e-0000-0000-c000-000000000046"  # PSETID_Note
NOTE_COLOUR, NOTE_WIDTH, NOTE_HEIGHT = 0x8B00, 0x8B02, 0x8B03


def card(one: Card, made: datetime) -> Bundle:
    who = one.person
    given, family = _names(one)
    name = who.named_in(one.language)
    properties = {
        "Subject": escape(name),
        "FileAs": escape(f"{family}, {given}" if given else name),
        "DisplayName": escape(name),
        "GivenName": escape(given),
        "Surname": escape(family),
        "CompanyName": escape(who.company),
        "Department": escape(who.department),
        "JobTitle": escape(who.job),
        "OfficeLocation": escape(who.city),
        "Sensitivity": one.sensitivity,
        "Manager": escape(colleague(who.manager).latin) if who.manager else "",
        "EmailAddresses": _mails(one, name),
        "PhoneNumbers": _phones(one),
        "PhysicalAddresses": _addresses(one),
        "PostalAddressIndex": "Business" if one.office else "",
        "BusinessHomePage": escape(one.website),
        "Birthday": elements.moment(datetime.combine(one.birthday, time(11, 59), UTC)) if one.birthday else "",
        "Categories": elements.texts(one.categories),
    }
    if who.native and one.language == "ja":
        properties |= {"PhoneticFirstName": escape(who.given), "PhoneticLastName": escape(who.family)}
    properties = {key: value for key, value in properties.items() if value}
    properties |= elements.body(one.text, html=False)
    photo = Attachment(PHOTO_NAME, one.photo, "image/png", modified=made, contact_photo=True)
    item = Item("IPM.Contact", "Contact", properties, created=made, modified=made, read=True)
    return Bundle(item, (photo,) if one.photo else ())


def _names(one: Card) -> tuple[str, str]:
    """(given, family) in the script of the one who keeps the card."""
    native = one.person.native
    if not native or one.language != one.person.languages[0]:
        return one.person.given, one.person.family
    first, _, second = native.partition(" ")
    return (second, first) if one.language == "ja" else (first, second)


def _mails(one: Card, name: str) -> str:
    addresses = dict.fromkeys([one.person.address, one.private_mail])
    return "".join(
        elements.element("Entry", escape(address), Key=f"EmailAddress{number}", Name=name, RoutingType="SMTP")
        for number, address in enumerate(filter(None, addresses), 1)
    )


def _phones(one: Card) -> str:
    numbers = {"BusinessPhone": one.person.phone, "HomePhone": one.home_phone, "MobilePhone": one.mobile}
    return "".join(elements.element("Entry", escape(number), Key=key) for key, number in numbers.items() if number)


def _addresses(one: Card) -> str:
    if one.office is None:
        return ""
    lines = {
        "Street": one.office.street,
        "City": one.office.city,
        "CountryOrRegion": one.office.country,
        "PostalCode": one.office.postcode,
    }
    inner = "".join(elements.element(name, escape(value)) for name, value in lines.items() if value)
    return elements.element("Entry", inner, Key="Business")


def circle(one: Circle, made: datetime) -> Bundle:
    members = "".join(
        elements.element(
            "Member",
            elements.mailbox(person.latin, person.address) + elements.element("Status", "Normal"),
        )
        for person in one.members
    )
    properties = {
        "Subject": escape(one.name),
        "DisplayName": escape(one.name),
        "FileAs": escape(one.name),
        "Members": members,
        **elements.body(one.text, html=False),
    }
    return Bundle(Item("IPM.DistList", "DistributionList", properties, created=made, modified=made, read=True))


def task(one: Task) -> Bundle:
    properties = {
        "Subject": escape(one.subject),
        "Sensitivity": one.sensitivity,
        "Importance": one.importance,
        "Categories": elements.texts(one.categories),
        "ReminderIsSet": elements.truth(one.reminder is not None),
        "ReminderDueBy": elements.moment(one.reminder) if one.reminder else "",
        "ActualWork": str(one.spent_minutes),
        "TotalWork": str(one.planned_minutes),
        "Companies": elements.texts(one.companies),
        "CompleteDate": elements.day(one.completed) if one.completed else "",
        "DueDate": elements.day(one.due) if one.due else "",
        "StartDate": elements.day(one.start) if one.start else "",
        "Owner": escape(one.owner.latin),
        "PercentComplete": str(one.percent),
        "Status": one.state,
        "Recurrence": elements.recurrence(one.repeats, one.due) if one.repeats and one.due else "",
    }
    properties = {key: value for key, value in properties.items() if value}
    properties |= elements.body(one.text, html=False)
    return Bundle(Item("IPM.Task", "Task", properties, created=one.created, modified=one.created, read=True))


def note(one: Note) -> Bundle:
    numbers = {NOTE_COLOUR: one.colour, NOTE_WIDTH: one.width, NOTE_HEIGHT: one.height}
    extended = {
        extended_key({"PropertySetId": NOTE_SET, "PropertyId": str(number)}): ("Integer", str(int(value)))
        for number, value in numbers.items()
    }
    properties = {"Subject": escape(one.text.partition("\n")[0]), **elements.body(one.text, html=False)}
    if one.categories:
        properties["Categories"] = elements.texts(one.categories)
    return Bundle(
        Item("IPM.StickyNote", "Item", properties, extended, created=one.changed, modified=one.changed, read=True)
    )


def post(one: Post) -> Bundle:
    author = elements.mailbox(one.author.latin, one.author.address)
    digest = hashlib.sha256(f"{one.subject} {one.author.address} {one.posted}".encode()).hexdigest()
    properties = {
        "Subject": escape(one.subject),
        "ConversationTopic": escape(one.subject),
        "From": author,
        "Sender": author,
        "InternetMessageId": escape(f"<{digest[:32].upper()}@{DOMAIN}>"),
        "PostedTime": elements.moment(one.posted),
        **elements.body(one.text, html=True),
    }
    return Bundle(
        Item(
            "IPM.Post",
            "PostItem",
            properties,
            received=one.posted,
            created=one.posted,
            modified=one.posted,
            sent=one.posted,
        )
    )
