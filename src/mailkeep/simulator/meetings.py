"""The mail that meetings make: a request to each guest, an answer to the organiser, a cancellation.

organiser ──request──▶ guest's inbox ──answer──▶ organiser's inbox
    └──────────cancellation──▶ guest's inbox
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from mailkeep.simulator.appointments import Appointment, Guest
from mailkeep.simulator.everyday import EVERYDAY
from mailkeep.simulator.people import DOMAIN, Person

KEPT_DAYS = 60  # older meeting mail was deleted with the meeting


@dataclass(frozen=True, slots=True)
class MeetingMail:
    """`kind`: "request", "response" or "cancellation"; `guest`: whose invitation it is about."""

    kind: str
    appointment: Appointment
    author: Person
    reader: Person
    guest: Guest
    subject: str
    sent: datetime

    @property
    def readers(self) -> tuple[Person, ...]:
        """To whom it is addressed: one letter goes to all guests (the optional ones are copied), an answer to the organiser alone."""
        return (self.reader,) if self.kind == "response" else self._guests(optional=False)

    @property
    def copied(self) -> tuple[Person, ...]:
        return () if self.kind == "response" else self._guests(optional=True)

    def _guests(self, *, optional: bool) -> tuple[Person, ...]:
        return tuple(guest.person for guest in self.appointment.guests if guest.optional is optional)

    @property
    def first(self) -> bool:
        """Of the copies of one letter, the one by which it lies in its author's sent items."""
        return self.kind == "response" or self.guest.person is self.appointment.guests[0].person


def mail_about(appointment: Appointment, now: datetime) -> Iterator[MeetingMail]:
    """What lies in mailboxes of the house because of that appointment; nothing about what was long ago."""
    if appointment.sent < now - timedelta(days=KEPT_DAYS):
        return
    for guest in appointment.guests:
        inside = guest.person.address.endswith("@" + DOMAIN)
        if inside:
            yield invited(appointment, guest)
        if guest.at is not None:
            yield answered(appointment, guest, guest.at)
        if appointment.cancelled and inside:
            yield called_off(appointment, guest, min(now, appointment.sent + timedelta(hours=30)))


def invited(appointment: Appointment, guest: Guest) -> MeetingMail:
    return MeetingMail(
        "request", appointment, appointment.organiser, guest.person, guest, appointment.subject, appointment.sent
    )


def answered(appointment: Appointment, guest: Guest, at: datetime) -> MeetingMail:
    words = EVERYDAY[guest.person.languages[0]]
    prefix = {"accept": words.accepted, "tentative": words.tentative, "decline": words.declined}[guest.answer]
    subject = prefix + appointment.subject
    return MeetingMail("response", appointment, guest.person, appointment.organiser, guest, subject, at)


def called_off(appointment: Appointment, guest: Guest, at: datetime) -> MeetingMail:
    subject = EVERYDAY[appointment.language].cancelled + appointment.subject
    return MeetingMail("cancellation", appointment, appointment.organiser, guest.person, guest, subject, at)
