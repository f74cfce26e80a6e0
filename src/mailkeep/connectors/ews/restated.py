"""Properties that EWS shows and lets nobody set, said again by their MAPI names, which CreateItem takes. Pure.

    <t:MyResponseType>Accept</t:MyResponseType>     →   PidLidResponseStatus 3
    <t:Organizer>…anna@firma.example…</t:Organizer> →   PidTagSentRepresentingSmtpAddress, …Name, …AddressType, …EmailAddress

So a meeting that is restored is still the organiser's, and still accepted. What a server does not take so is left out and
told (see `creating`). Sources: [MS-OXPROPS]; [MS-OXOCAL] 2.2.1.10 (state), 2.2.1.11 (response status), 2.2.6 (sequence);
[MS-OXOTASK] 2.2.2.2; [MS-OXOCNTC] 2.2.1.1 for the phonetic names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from lxml import etree

from mailkeep.connectors.ews.wire.names import T
from mailkeep.connectors.ews.wire.shapes import Extended

ANSWERS = (
    "Unknown",
    "Organizer",
    "Tentative",
    "Accept",
    "Decline",
    "NoResponseReceived",
)  # PidLidResponseStatus 0 to 5
_ADDRESS = "00062004-0000-0000-c000-000000000046"  # PSETID_Address


def _answer(text: str) -> str:
    return str(ANSWERS.index(text)) if text in ANSWERS else ""


def _same(text: str) -> str:
    return text


def _day(text: str) -> str:
    """A date that a task tells without a time."""
    return text if "T" in text else f"{text.rstrip('Z')}T00:00:00Z"


Say = tuple[Extended, Callable[[str], str]]
_STATE: Say = (Extended("Integer", set="Appointment", id=0x8217), _same)  # PidLidAppointmentStateFlags
_MEETING: Mapping[str, Say] = MappingProxyType(
    {
        "AppointmentState": _STATE,
        "MyResponseType": (Extended("Integer", set="Appointment", id=0x8218), _answer),  # PidLidResponseStatus
        "AppointmentSequenceNumber": (Extended("Integer", set="Appointment", id=0x8201), _same),
        "AppointmentReplyTime": (Extended("SystemTime", set="Appointment", id=0x8220), _same),
        "MeetingRequestWasSent": (Extended("Boolean", set="Appointment", id=0x8229), _same),  # PidLidFInvited
        "JoinOnlineMeetingUrl": (Extended("String", set="PublicStrings", name="OnlineMeetingExternalLink"), _same),
    }
)
_MESSAGE: Mapping[str, Say] = MappingProxyType(
    {
        **_MEETING,
        "ResponseType": (Extended("Integer", set="Appointment", id=0x8218), _answer),
        "HasBeenProcessed": (Extended("Boolean", tag=0x7D01), _same),  # PidTagProcessed
    }
)
BY_ELEMENT: Mapping[str, Mapping[str, Say]] = MappingProxyType(
    {
        "CalendarItem": _MEETING,
        "MeetingMessage": _MESSAGE,
        "MeetingRequest": _MESSAGE,
        "MeetingResponse": _MESSAGE,
        "MeetingCancellation": _MESSAGE,
        "Task": {
            "CompleteDate": (Extended("SystemTime", set="Task", id=0x810F), _day),
            "Owner": (Extended("String", set="Task", id=0x811F), _same),
        },
        "Contact": {
            "PhoneticFirstName": (Extended("String", set=_ADDRESS, id=0x802C), _same),  # PidLidYomiFirstName
            "PhoneticLastName": (Extended("String", set=_ADDRESS, id=0x802D), _same),  # PidLidYomiLastName
        },
    }
)
_ORGANIZER = (
    (Extended("String", tag=0x0042), "Name"),  # PidTagSentRepresentingName
    (Extended("String", tag=0x0064), "RoutingType"),  # …AddressType
    (Extended("String", tag=0x0065), "EmailAddress"),  # …EmailAddress
    (Extended("String", tag=0x5D02), "EmailAddress"),  # …SmtpAddress
)


def restated(element: etree._Element) -> Iterator[tuple[Extended, str]]:
    """Each property once, with its value as text; those that the element does not have, or of another item, are none."""
    name = etree.QName(element).localname
    said: dict[str, tuple[Extended, str]] = {}
    for shown, (property_, form) in BY_ELEMENT.get(name, {}).items():
        told = (element.findtext(f"{T}{shown}") or "").strip()
        value = form(told) if told else ""
        if value:
            said[property_.key] = (property_, value)
    yield from said.values()
    if name == "CalendarItem":
        yield from _organizer(element)


def _organizer(element: etree._Element) -> Iterator[tuple[Extended, str]]:
    box = element.find(f"{T}Organizer/{T}Mailbox")
    if box is None or not box.findtext(f"{T}EmailAddress"):
        return
    for property_, part in _ORGANIZER:
        value = (box.findtext(f"{T}{part}") or "").strip() or ("SMTP" if part == "RoutingType" else "")
        if value:
            yield property_, value
