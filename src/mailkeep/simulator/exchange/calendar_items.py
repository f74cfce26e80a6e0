"""Appointments and the mail about them, as items of the organisation. Pure.

Everybody who takes part has a copy of their own: the organiser's knows every answer, a guest's only their own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from xml.sax.saxutils import escape

from mailkeep.simulator.appointments import Appointment, Change, Guest, later
from mailkeep.simulator.attachments import Attachment as File
from mailkeep.simulator.everyday import EVERYDAY
from mailkeep.simulator.exchange import elements
from mailkeep.simulator.exchange.values import Attachment, Item, Occurrence
from mailkeep.simulator.meetings import MeetingMail
from mailkeep.simulator.people import DOMAIN, Person, is_inside, room_address

RESPONSES = {"accept": "Accept", "tentative": "Tentative", "decline": "Decline", "none": "NoResponseReceived"}
CLASSES = {"accept": "Pos", "tentative": "Tent", "decline": "Neg"}
MEETING, RECEIVED, CANCELLED = 1, 2, 4  # AppointmentState, PidLidAppointmentStateFlags


@dataclass(frozen=True, slots=True)
class Bundle:
    """An item with what belongs to it, ready to be added to a folder."""

    item: Item
    attachments: tuple[Attachment, ...] = ()
    occurrences: tuple[Occurrence, ...] = ()
    deleted: tuple[datetime, ...] = ()  # starts of occurrences taken away


def copies(appointment: Appointment) -> list[tuple[str, Bundle]]:
    """With the address of whose calendar it stands in: the organiser's, each guest's of the house who did not decline, the
    room's."""
    owners = [appointment.organiser]
    owners += [guest.person for guest in appointment.guests if guest.answer != "decline" and is_inside(guest.person)]
    made = [(owner.address, bundle(appointment, owner)) for owner in owners]
    if appointment.room:
        made.append((room_address(appointment.room), bundle(appointment, None)))
    return made


def bundle(appointment: Appointment, owner: Person | None) -> Bundle:
    """The appointment as it stands in the owner's calendar; None: in the room's."""
    item = Item(
        "IPM.Appointment",
        "CalendarItem",
        properties={**_shared(appointment), **_own(appointment, owner)},
        created=appointment.sent,
        modified=_touched(appointment, owner),
        read=True,
    )
    return Bundle(
        item,
        tuple(file_attachment(file, appointment.sent) for file in appointment.attachments),
        tuple(_occurrence(appointment, change) for change in appointment.changed),
        tuple(_place(appointment, day) for day in appointment.deleted),
    )


def file_attachment(file: File, modified: datetime) -> Attachment:
    return Attachment(file.name, file.content, file.mime_type, modified=modified)


def _shared(appointment: Appointment) -> dict[str, str]:
    """What is the same in everybody's copy, and in the invitation."""
    subject = appointment.subject
    words = EVERYDAY[appointment.language]
    if appointment.cancelled:
        subject = words.cancelled + subject
    made = {
        "Subject": escape(subject),
        "Sensitivity": appointment.sensitivity,
        **elements.body(appointment.text, html=True, link=appointment.link, link_text=words.online),
        "Importance": appointment.importance,
        "UID": appointment.uid,
        "DateTimeStamp": elements.moment(appointment.sent),
        "Start": elements.moment(appointment.start),
        "End": elements.moment(appointment.end),
        "IsAllDayEvent": elements.truth(appointment.whole_day),
        "Location": escape(appointment.location),
        "IsMeeting": elements.truth(bool(appointment.guests)),
        "IsCancelled": elements.truth(appointment.cancelled),
        "Organizer": elements.person(appointment.organiser, appointment.language),
        "AppointmentSequenceNumber": "1" if appointment.cancelled else "0",
        "StartTimeZone": "",
        "StartTimeZone@Id": appointment.zone,
        "EndTimeZone": "",
        "EndTimeZone@Id": appointment.zone,
    }
    if appointment.categories:
        made["Categories"] = elements.texts(appointment.categories)
    if appointment.link:
        made |= {"IsOnlineMeeting": "true", "JoinOnlineMeetingUrl": escape(appointment.link)}
    if appointment.repeats:
        made["Recurrence"] = elements.recurrence(appointment.repeats, appointment.start.date())
    return made


def _own(appointment: Appointment, owner: Person | None) -> dict[str, str]:
    """What differs between the organiser's copy and a guest's."""
    organises = owner is appointment.organiser
    answer = next((guest for guest in appointment.guests if guest.person is owner), None)
    mine = "Organizer" if organises else RESPONSES[answer.answer] if answer else "Accept"  # a room accepts by itself
    made = {
        **_attendees(appointment, owner),
        "LegacyFreeBusyStatus": "Tentative" if answer and answer.answer in ("tentative", "none") else appointment.busy,
        "ReminderIsSet": elements.truth(appointment.reminder_minutes is not None),
        "MeetingRequestWasSent": elements.truth(bool(appointment.guests)),
        "IsResponseRequested": "true",
        "MyResponseType": mine,
        "AppointmentState": str(_state(appointment, organises)),
        "AllowNewTimeProposal": "true",
    }
    if appointment.reminder_minutes is not None:
        made["ReminderMinutesBeforeStart"] = str(appointment.reminder_minutes)
        made["ReminderDueBy"] = elements.moment(appointment.start)
    if answer and answer.at:
        made["AppointmentReplyTime"] = elements.moment(answer.at)
    return made


def _state(appointment: Appointment, organises: bool) -> int:
    if not appointment.guests:
        return 0
    return MEETING + (0 if organises else RECEIVED) + (CANCELLED if appointment.cancelled else 0)


def _attendees(appointment: Appointment, owner: Person | None) -> dict[str, str]:
    knows = owner is appointment.organiser
    made = {}
    for name, optional in (("RequiredAttendees", False), ("OptionalAttendees", True)):
        guests = [guest for guest in appointment.guests if guest.optional is optional]
        if guests:
            made[name] = "".join(_attendee(guest, appointment.language, told=knows) for guest in guests)
    if appointment.room:
        room = elements.mailbox(appointment.room.name, room_address(appointment.room))
        made["Resources"] = elements.element("Attendee", room + elements.element("ResponseType", "Accept"))
    return made


def _attendee(guest: Guest, language: str, *, told: bool) -> str:
    inner = elements.person(guest.person, language)
    inner += elements.element("ResponseType", RESPONSES[guest.answer] if told else "Unknown")
    if told and guest.at:
        inner += elements.element("LastResponseTime", elements.moment(guest.at))
    return elements.element("Attendee", inner)


def _touched(appointment: Appointment, owner: Person | None) -> datetime:
    """When the owner's copy last changed."""
    answers = [g.at for g in appointment.guests if g.at and (owner in (g.person, appointment.organiser))]
    return max([appointment.sent, *answers])


def _place(appointment: Appointment, day: date) -> datetime:
    """The start of the series' occurrence on that local day, UTC."""
    return appointment.start.replace(year=day.year, month=day.month, day=day.day).astimezone(UTC)


def _occurrence(appointment: Appointment, change: Change) -> Occurrence:
    original = _place(appointment, change.day)
    made: dict[str, str] = {}
    if change.start is not None:
        made["Start"] = elements.moment(change.start)
        made["End"] = elements.moment(later(change.start, appointment.minutes))
    if change.subject is not None:
        made["Subject"] = escape(change.subject)
    if change.location is not None:
        made["Location"] = escape(change.location)
    if change.text is not None:
        words = EVERYDAY[appointment.language]
        made |= elements.body(change.text, html=True, link=appointment.link, link_text=words.online)
    return Occurrence(original, made)


# --- mail about meetings --------------------------------------------------------------------------------------------


def meeting_mail(mail: MeetingMail) -> Bundle:
    """A request, an answer or a cancellation, as it lies in the reader's inbox (and in the author's sent items)."""
    made = {"request": _request, "response": _response, "cancellation": _cancellation}[mail.kind](mail)
    made.properties |= {
        "Subject": escape(mail.subject),
        "Sensitivity": mail.appointment.sensitivity,
        "Importance": mail.appointment.importance,
        "Sender": elements.person(mail.author, mail.appointment.language),
        "From": elements.person(mail.author, mail.appointment.language),
        "ToRecipients": _people(mail.readers, mail.appointment.language),
        "ConversationTopic": escape(mail.appointment.subject),
        "InternetMessageId": escape(_message_id(mail)),
        "UID": mail.appointment.uid,
        "DateTimeStamp": elements.moment(mail.sent),
    }
    if mail.copied:
        made.properties["CcRecipients"] = _people(mail.copied, mail.appointment.language)
    made.sent = mail.sent
    made.received = made.created = made.modified = mail.sent + timedelta(seconds=2)
    files = mail.appointment.attachments if mail.kind == "request" else ()
    return Bundle(made, tuple(file_attachment(file, mail.sent) for file in files))


def _people(people: Iterable[Person], language: str) -> str:
    return "".join(elements.person(one, language) for one in people)


def _message_id(mail: MeetingMail) -> str:
    digest = hashlib.sha256(f"{mail.kind} {mail.appointment.uid} {mail.author.address}".encode())
    return f"<{digest.hexdigest()[:32].upper()}@{DOMAIN}>"


def _request(mail: MeetingMail) -> Item:
    appointment = mail.appointment
    properties = _shared(appointment) | _attendees(appointment, mail.guest.person)
    for name in ("IsMeeting", "JoinOnlineMeetingUrl", "IsCancelled"):
        properties.pop(name, None)
    properties |= {
        "MeetingRequestType": "NewMeetingRequest",
        "IntendedFreeBusyStatus": appointment.busy,
        "LegacyFreeBusyStatus": "Tentative",
        "IsMeeting": "true",
        "IsCancelled": "false",
        "MeetingRequestWasSent": "true",
        "IsResponseRequested": "true",
        "MyResponseType": RESPONSES[mail.guest.answer],
        "AppointmentState": str(MEETING + RECEIVED),
        "HasBeenProcessed": "true",
        "ResponseType": RESPONSES[mail.guest.answer],
    }
    return Item("IPM.Schedule.Meeting.Request", "MeetingRequest", properties)


def _response(mail: MeetingMail) -> Item:
    return Item(
        f"IPM.Schedule.Meeting.Resp.{CLASSES[mail.guest.answer]}",
        "MeetingResponse",
        {
            **elements.body("", html=False),
            **_when(mail.appointment),
            "HasBeenProcessed": "true",
            "ResponseType": RESPONSES[mail.guest.answer],
        },
    )


def _cancellation(mail: MeetingMail) -> Item:
    return Item(
        "IPM.Schedule.Meeting.Canceled",
        "MeetingCancellation",
        {
            **elements.body(mail.appointment.text, html=True),
            **_when(mail.appointment),
            "HasBeenProcessed": "true",
            "ResponseType": "NoResponseReceived",
        },
    )


def _when(appointment: Appointment) -> dict[str, str]:
    made = {
        "Start": elements.moment(appointment.start),
        "End": elements.moment(appointment.end),
        "Location": escape(appointment.location),
    }
    if appointment.repeats:
        made["Recurrence"] = elements.recurrence(appointment.repeats, appointment.start.date())
    return made
