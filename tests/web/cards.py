"""Items that are no letters, for the tests: appointments, contacts, tasks, notes, in the native form of a provider made for this."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mailkeep.connectors.base import Connector, Description, Enclosed, Endpoint, Step
from mailkeep.mail.items import Kind, NativePart, Section

from .letters import PIXEL, hostile_bodies, hostile_names
from .world import Letter

SAID = "card.said"


class CardProvider:
    """See `connectors.base.Provider`: reads the form `card`, a JSON object of a `Description`'s fields. Opens nothing."""

    forms = frozenset({"card"})

    def open(
        self, endpoint: Endpoint, address: str, sections: frozenset[Section] = frozenset({Section.PRIMARY})
    ) -> Connector:
        raise NotImplementedError("these cards come from no server")

    def test(self, endpoint: Endpoint) -> Iterator[Step]:
        raise NotImplementedError("these cards come from no server")

    def properties(self, parts: Sequence[NativePart]) -> Mapping[str, str]:
        said = _said(parts)
        return {"Subject": "…", **{str(label).replace(" ", ""): str(text) for label, text in said.get("rows", ())}}

    def describe(self, parts: Sequence[NativePart]) -> Description | None:
        said = _said(parts)
        if not said:
            return None
        return Description(
            rows=tuple((label, text) for label, text in said.get("rows", ())),
            text=said.get("text", ""),
            html=said.get("html", ""),
            files=tuple(Enclosed(**one) for one in said.get("files", ())),
            photo=said.get("photo", ""),
        )


def _said(parts: Sequence[NativePart]) -> dict[str, Any]:
    return next((json.loads(bytes(part.content)) for part in parts if part.name == SAID), {})


def card(
    kind: Kind,
    subject: str,
    rows: Sequence[tuple[str, str]],
    *,
    text: str = "",
    html: str = "",
    files: Sequence[tuple[str, bytes]] = (),
    photo: bytes = b"",
    inline: bytes = b"",
    folder: int = 1,
    raw: bytes = b"<t:Item/>",
    sender: str = "",
) -> Letter:
    """An item of that kind; `inline` is a picture that the HTML names `cid:logo@contoso`."""
    parts = [NativePart(f"card.file.{number}", content) for number, (_, content) in enumerate(files)]
    told = [
        {"part": f"card.file.{number}", "name": name, "size": len(content)}
        for number, (name, content) in enumerate(files)
    ]
    if inline:
        parts.append(NativePart("card.inline", inline))
        told.append({"part": "card.inline", "name": "logo.png", "size": len(inline), "content_id": "logo@contoso"})
    if photo:
        parts.append(NativePart("card.photo", photo))
        told.append({"part": "card.photo", "name": "ContactPicture.jpg", "size": len(photo)})
    said = {"rows": list(rows), "text": text, "html": html, "files": told, "photo": "card.photo" if photo else ""}
    parts.insert(0, NativePart(SAID, json.dumps(said).encode()))
    classes = {
        Kind.MAIL: "IPM.Schedule.Meeting.Request",
        Kind.EVENT: "IPM.Appointment",
        Kind.CONTACT: "IPM.Contact",
        Kind.TASK: "IPM.Task",
        Kind.NOTE: "IPM.StickyNote",
    }
    return Letter(raw, subject, sender, ("seen",), folder, kind=kind, message_class=classes[kind], parts=tuple(parts))


FOLDERS = (
    (1, ("Posteingang",), "inbox", Kind.MAIL),
    (2, ("Kalender",), "calendar", Kind.EVENT),
    (3, ("Kalender", "Geburtstage"), "", Kind.EVENT),
    (4, ("Kontakte",), "contacts", Kind.CONTACT),
    (5, ("Aufgaben",), "tasks", Kind.TASK),
    (6, ("Notizen",), "notes", Kind.NOTE),
    (7, ("Posteingang",), "", Kind.MAIL, Section.IN_PLACE_ARCHIVE),
    (8, ("Deletions",), "", Kind.MAIL, Section.RECOVERABLE_ITEMS),
)


def ordinary_cards(photo: bytes = PIXEL) -> list[Letter]:
    """One of each kind, as rich as they come."""
    return [
        card(
            Kind.EVENT,
            "Vertriebsrunde",
            [
                ("When", "Monday 23 November 2026, 09:30–10:30 (Europe/Berlin)"),
                ("Repeats", "every Monday until 29 March 2027\n2 occurrences changed, 1 deleted"),
                ("Where", "Besprechungsraum 3.14"),
                ("Organiser", "Anna Lindqvist <anna.lindqvist@contoso.example>"),
                ("Required", "Ben Okafor – accepted\n佐藤 花 – tentative\nنور حداد – no answer"),
                ("Reminder", "15 minutes before"),
                ("Online meeting", "https://meet.contoso.example/abc-defg"),
                ("Categories", "Vertrieb, Wichtig"),
            ],
            html='<p>Agenda</p><ol><li>Zahlen</li><li>Messe</li></ol><img src="cid:logo@contoso" alt="Contoso" width="40">',
            files=(("Zahlen Q3.xlsx", b"PK" * 4000),),
            inline=PIXEL,
            folder=2,
            raw=b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:Vertriebsrunde\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
        ),
        card(
            Kind.CONTACT,
            "Inès Moreau",
            [
                ("Company", "Contoso, Achats"),
                ("E-mail", "ines.moreau@contoso.example"),
                ("Mobile", "+33 6 12 34 56 78"),
                ("Address", "12 rue des Lilas\n75019 Paris\nFrance"),
                ("Birthday", "3 May 1984"),
            ],
            text="Parle aussi allemand.",
            photo=photo,
            folder=4,
            raw=b"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:In\xc3\xa8s Moreau\r\nEND:VCARD\r\n",
        ),
        card(
            Kind.TASK,
            "Angebot nachfassen",
            [("Status", "In progress, 40 %"), ("Due", "Friday 27 November 2026"), ("Priority", "High")],
            text="Erst anrufen, dann schreiben.",
            folder=5,
        ),
        card(
            Kind.NOTE, "WLAN im Besucherraum", [("Colour", "Yellow")], text="Gast-WLAN\nPasswort am Empfang", folder=6
        ),
        card(
            Kind.MAIL,
            "Einladung: Vertriebsrunde",
            [("When", "Monday 23 November 2026, 09:30–10:30"), ("Where", "Besprechungsraum 3.14")],
            raw=b"Subject: Einladung\r\nFrom: anna@contoso.example\r\n\r\nBitte zusagen.\r\n",
            sender="Anna Lindqvist <anna.lindqvist@contoso.example>",
        ),
    ]


def hostile_cards(canary: str) -> list[Letter]:
    """Every hostile body and name in every place that a card has."""
    bodies, names = hostile_bodies(canary), hostile_names(canary)
    kinds = (Kind.EVENT, Kind.CONTACT, Kind.TASK, Kind.NOTE)
    return [
        card(
            kinds[number % 4],
            names[number % len(names)],
            [(names[(number + 1) % len(names)], body), ("Where", names[(number + 2) % len(names)])],
            html=body,
            text=body,
            files=((names[(number + 3) % len(names)], b"x"),),
            photo=b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'></svg>",
            sender=f"{names[(number + 4) % len(names)]} <a@b.example>",
        )
        for number, body in enumerate(bodies)
    ]
