"""People in an item's element: recipients, attendees with their answers, the members of a list."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

from mailkeep.connectors.ews.wire.names import T


@dataclass(frozen=True, slots=True)
class Person:
    """`answer`: EWS's word ("Accept", "Tentative", "Decline", "NoResponseReceived", "Organizer"), "" where there is none."""

    name: str
    address: str
    answer: str = ""

    def __str__(self) -> str:
        if self.name and self.address and self.name.casefold() != self.address.casefold():
            return f"{self.name} <{self.address}>"
        return self.address or self.name


def people_of(element: etree._Element | None) -> Iterator[Person]:
    """Of `<t:ToRecipients>`, `<t:RequiredAttendees>`, `<t:Members>`, `<t:From>` …, in the server's order."""
    if element is None:
        return
    for box in element.iter(f"{T}Mailbox"):
        around = box.getparent()
        answer = "" if around is None else around.findtext(f"{T}ResponseType") or ""
        yield Person(
            (box.findtext(f"{T}Name") or "").strip(),
            (box.findtext(f"{T}EmailAddress") or "").strip(),
            "" if answer == "Unknown" else answer,
        )
