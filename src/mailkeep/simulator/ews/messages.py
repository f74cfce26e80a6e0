"""A message's bytes → the properties that Exchange makes of them.

The item keeps its MIME; what is large and can be read from it again (body, headers, the content of attachments) is not stored
a second time. `body_properties` and `attachment_content` read it when somebody asks, `materialised` when the item changes in a
way that its MIME no longer says.

    multipart/report; report-type=delivery-status   REPORT.IPM.Note.NDR
    text/calendar; method=REQUEST                   IPM.Schedule.Meeting.Request
    multipart/signed                                IPM.Note.SMIME.MultipartSigned

Source: MS-OXCMAIL 2.2 (headers), MS-OXCMSG (classes).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from mailkeep.mail import headers
from mailkeep.mail.addresses import Address, addresses
from mailkeep.mail.parse import Attachment as ParsedAttachment
from mailkeep.mail.parse import Parsed, attachment, attachments, parse
from mailkeep.mail.parts import leaves, tree
from mailkeep.simulator.ews.ical_reading import event_from_calendar
from mailkeep.simulator.ews.item_schema import element_of, rank, words
from mailkeep.simulator.ews.markup import boolean, element, escape, mailbox_xml, text_of
from mailkeep.simulator.exchange.values import Attachment, Item

LAZY = frozenset({"Body", "TextBody", "InternetMessageHeaders"})  # read from the MIME when asked for
_NESTED_MAX = 4
_PREVIEW_MAX = 255  # characters
_REPLY_MARK = re.compile(r"^(?:[A-Za-z]{1,3}\s*(?:\[\d+\])?:\s*)+")
_METHOD = re.compile(rb"method\s*=\s*\"?([A-Za-z]+)", re.IGNORECASE)
_REPORT = re.compile(rb"report-type\s*=\s*\"?([A-Za-z-]+)", re.IGNORECASE)
_CALENDAR_METHOD = re.compile(rb"^METHOD:([A-Z]+)", re.MULTILINE)
_PARTSTAT = re.compile(rb"PARTSTAT=([A-Z-]+)")

_MEETINGS = {
    "REQUEST": "IPM.Schedule.Meeting.Request",
    "CANCEL": "IPM.Schedule.Meeting.Canceled",
    "REPLY": "IPM.Schedule.Meeting.Resp.Pos",
}
_CALENDAR = "text/calendar"
_RESPONSES = {"Pos": "Accept", "Tent": "Tentative", "Neg": "Decline"}
# What the mail says of itself, whatever its calendar part says.
_OF_MAIL = words(
    "Subject Sensitivity Importance Body Body@BodyType Categories ReminderIsSet ReminderMinutesBeforeStart"
)
# What Exchange says of a request that nobody has answered yet; MEETING and RECEIVED make the state 3.
_OF_A_REQUEST = {
    "MeetingRequestType": "NewMeetingRequest",
    "IsMeeting": "true",
    "IsCancelled": "false",
    "MeetingRequestWasSent": "true",
    "MyResponseType": "NoResponseReceived",
    "AppointmentState": "3",
}
_ANSWERS = {b"TENTATIVE": "Tent", b"DECLINED": "Neg"}
_IMPORTANCE = {
    "high": "High",
    "low": "Low",
    "urgent": "High",
    "non-urgent": "Low",
    "1": "High",
    "2": "High",
    "5": "Low",
    "4": "Low",
}
_SENSITIVITY = {
    "personal": "Personal",
    "private": "Private",
    "company-confidential": "Confidential",
    "confidential": "Confidential",
}


def message_from_mime(mime: bytes, item_class: str = "", depth: int = 0) -> tuple[Item, list[Attachment]]:
    """The item a message becomes, with its attachments; its times, read state and folder are the caller's to set.

    `item_class` "": what the MIME says. Never raises: hostile bytes make a message that says little. `depth`: in how many
    messages this one is; attached messages further down than `_NESTED_MAX` stay files.
    """
    read = parse(mime)
    found = headers.fields(headers.split(mime)[0])
    item_class = item_class or _class_of(found, mime)
    item = Item(item_class=item_class, element=element_of(item_class), mime=mime, sent=read.date)
    item.properties = _properties(read, found)
    files = _attachments(read, mime, depth)
    if not item_class.startswith("IPM.Schedule.Meeting."):
        return item, files
    item.properties |= _meeting(item, mime)
    return item, [each for each in files if each.content_type != _CALENDAR]


def body_properties(mime: bytes) -> dict[str, str]:
    """`Body` with `Body@BodyType`, `TextBody` and `InternetMessageHeaders`, as `Item.properties` holds them."""
    read = parse(mime)
    found = headers.fields(headers.split(mime)[0])
    body = read.text if read.html is None else read.html
    lines = (
        f'<t:InternetMessageHeader HeaderName="{escape(f.name)}">{escape(f.text)}</t:InternetMessageHeader>'
        for f in found
    )
    return {
        "Body": escape(body),
        "Body@BodyType": "Text" if read.html is None else "HTML",
        "TextBody": escape(read.text),
        "InternetMessageHeaders": "".join(lines),
    }


def attachment_content(mime: bytes, held: Attachment) -> bytes:
    """The bytes of an attachment, from the message's MIME where they are there."""
    return attachment(mime, held.part) if held.part and mime else held.content


def materialised(item: Item, held: Sequence[Attachment]) -> list[Attachment]:
    """Puts into the item what its MIME alone holds, drops the MIME, and gives the attachments with their content."""
    files = materialised_attachments(item.mime, held)
    if item.mime:
        read = body_properties(item.mime)
        if "Body" in item.properties:
            del read["TextBody"]  # it is the old body's
        item.properties = read | item.properties
        item.mime = b""
    return files


def materialised_attachments(mime: bytes, held: Sequence[Attachment]) -> list[Attachment]:
    """The same attachments, each with its own content."""
    numbers = [each.part for each in held if each.part and each.item is None]
    contents = dict(zip(numbers, attachments(mime, numbers), strict=True)) if numbers and mime else {}
    return [replace(each, content=contents.get(each.part, each.content), part=0) for each in held]


def _properties(read: Parsed, found: Sequence[headers.Field]) -> dict[str, str]:
    people = {
        "From": _mailboxes(read.sender[:1]),
        "Sender": _mailboxes(_people(found, "sender")[:1] or read.sender[:1]),
        "ToRecipients": _mailboxes(read.to),
        "CcRecipients": _mailboxes(read.cc),
        "BccRecipients": _mailboxes(read.bcc),
        "ReplyTo": _mailboxes(read.reply_to),
    }
    texts = {
        "Subject": read.subject,
        "ConversationTopic": _value(found, "thread-topic") or _REPLY_MARK.sub("", read.subject),
        "InternetMessageId": read.message_id,
        "InReplyTo": _value(found, "in-reply-to"),
        "References": _value(found, "references"),
        "Preview": " ".join(read.text[: 2 * _PREVIEW_MAX].split())[:_PREVIEW_MAX],
    }
    properties = {name: xml for name, xml in people.items() if xml}
    properties |= {name: escape(text) for name, text in texts.items() if text}
    properties["Subject"] = escape(read.subject)
    return properties | _marks(found)


def _marks(found: Sequence[headers.Field]) -> dict[str, str]:
    """Importance, sensitivity, categories, and the receipts that were asked for."""
    priority = _value(found, "importance") or _value(found, "x-priority")[:1] or _value(found, "priority")
    words = [word.strip() for word in _value(found, "keywords").split(",") if word.strip()]
    marks = {
        "Importance": _IMPORTANCE.get(priority.strip().lower(), "Normal"),
        "Sensitivity": _SENSITIVITY.get(_value(found, "sensitivity").strip().lower(), "Normal"),
        "IsReadReceiptRequested": boolean(bool(_value(found, "disposition-notification-to"))),
        "IsDeliveryReceiptRequested": boolean(bool(_value(found, "return-receipt-to"))),
    }
    return marks | ({"Categories": "".join(element("String", escape(word)) for word in words)} if words else {})


def _meeting(item: Item, mime: bytes) -> dict[str, str]:
    """What the text/calendar part of a meeting message says of the meeting."""
    part = next((leaf for leaf in leaves(tree(mime).root) if leaf.content_type == _CALENDAR), None)
    event = event_from_calendar(part.load()) if part else None
    if event is None:
        return {}
    places, said = rank(item.element), event[0].properties
    kept = {name: value for name, value in said.items() if name.partition("@")[0] in places and name not in _OF_MAIL}
    if item.element == "MeetingRequest":
        kept = {**_OF_A_REQUEST, "IntendedFreeBusyStatus": said["LegacyFreeBusyStatus"], **kept}
    answer = _RESPONSES.get(item.item_class.rpartition(".")[2])
    return kept | {"ResponseType": answer or "NoResponseReceived"}


def _attachments(read: Parsed, mime: bytes, depth: int) -> list[Attachment]:
    nested = [each.number for each in read.attachments if each.is_message and depth < _NESTED_MAX]
    messages = dict(zip(nested, attachments(mime, nested), strict=True)) if nested else {}
    return [_attachment(each, read, messages.get(each.number), depth) for each in read.attachments]


def _attachment(each: ParsedAttachment, read: Parsed, message: bytes | None, depth: int) -> Attachment:
    if message is not None:
        inner, files = message_from_mime(message, depth=depth + 1)
        name = text_of(inner.properties["Subject"]) or each.name
        return Attachment(name=name, item=inner, attachments=tuple(files), part=each.number, modified=read.date)
    return Attachment(
        name=each.name,
        content_type=each.content_type,
        content_id=each.content_id,
        inline=each.inline,
        part=each.number,
        size=each.size,
        modified=read.date,
    )


def _class_of(found: Sequence[headers.Field], mime: bytes) -> str:
    field = headers.first(found, "content-type")
    kind = field.raw.lower() if field else b""
    if kind.startswith(b"multipart/report"):
        return _report_class(kind, mime)
    if kind.startswith(b"multipart/signed"):
        return "IPM.Note.SMIME.MultipartSigned"
    if kind.startswith((b"application/pkcs7-mime", b"application/x-pkcs7-mime")):
        return "IPM.Note.SMIME"
    return _meeting_class(mime)


def _report_class(kind: bytes, mime: bytes) -> str:
    sort = _REPORT.search(kind)
    if sort is not None and sort[1] == b"disposition-notification":
        return "REPORT.IPM.Note.IPNRN"
    delivered = re.search(rb"^Action:\s*(delivered|relayed|expanded)", mime, re.IGNORECASE | re.MULTILINE)
    return "REPORT.IPM.Note.DR" if delivered else "REPORT.IPM.Note.NDR"


def _meeting_class(mime: bytes) -> str:
    start = mime.lower().find(b"content-type: text/calendar") if len(mime) < (4 << 20) else -1
    method = _METHOD.search(mime, start, start + 300) if start >= 0 else None
    name = _MEETINGS.get(method[1].decode().upper(), "IPM.Note") if method else "IPM.Note"
    answer = _PARTSTAT.search(mime, start) if name.endswith("Resp.Pos") else None
    return name[:-3] + _ANSWERS.get(answer[1], "Pos") if answer else name


def _value(found: Sequence[headers.Field], name: str) -> str:
    field = headers.first(found, name)
    return field.text if field else ""


def _people(found: Sequence[headers.Field], name: str) -> tuple[Address, ...]:
    field = headers.first(found, name)
    return addresses(field.raw) if field else ()


def _mailboxes(people: Iterable[Address]) -> str:
    return "".join(mailbox_xml(person.name, person.address) for person in people)
