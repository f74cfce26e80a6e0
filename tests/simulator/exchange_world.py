"""A small organisation and somebody who asks it: every request and answer is held against the corpus's schemas."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from lxml import etree

from mailkeep.simulator.ews.envelope import Call, EwsError, M, T
from mailkeep.simulator.ews.ids import folder_id, item_id
from mailkeep.simulator.ews.operations import OPERATIONS
from mailkeep.simulator.exchange.mailbox import Mailbox
from mailkeep.simulator.exchange.organisation import Organisation
from mailkeep.simulator.exchange.values import Folder, Item

_MESSAGES = "http://schemas.microsoft.com/exchange/services/2006/messages"
_TYPES = "http://schemas.microsoft.com/exchange/services/2006/types"


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **by: float) -> None:
        self.now += timedelta(**by)


def house(path: Path | None = None, seed: int = 7) -> Organisation:
    """Anna (German, with an archive), Bob, Charlie; Anna may open Bob's mailbox; `svc` impersonates."""
    organisation = Organisation(path, clock=Clock(), seed=seed)
    if organisation.mailboxes():
        return organisation
    organisation.add_mailbox(
        "anna@house.example", "Anna Vogt", archive=True, language="de", aliases=["av@house.example"]
    )
    bob = organisation.add_mailbox("bob@house.example", "Bob Vogel")
    organisation.add_mailbox("charlie@house.example", "Charlie Day")
    anna = organisation.add_account("HOUSE\\anna", "secret of Anna", "anna@house.example")
    organisation.add_account("HOUSE\\bob", "secret of Bob", "bob@house.example")
    organisation.add_account("HOUSE\\svc", "secret of the service", impersonates=True)
    organisation.give_full_access(anna, bob)
    return organisation


def mailbox_of(organisation: Organisation, name: str) -> Mailbox:
    found = organisation.mailbox(f"{name}@house.example")
    assert found is not None
    return found


def letter(subject: str, **more: object) -> Item:
    item = Item("IPM.Note", "Message", {"Subject": subject}, mime=f"Subject: {subject}\r\n\r\nHello\r\n".encode())
    for name, value in more.items():
        setattr(item, name, value)
    return item


def meeting(subject: str, start: str, end: str, recurrence: str = "", zone: str = "W. Europe Standard Time") -> Item:
    properties = {
        "Subject": subject,
        "Start": start,
        "End": end,
        "StartTimeZone": "",
        "StartTimeZone@Id": zone,
        "UID": subject,
    }
    if recurrence:
        properties["Recurrence"] = recurrence
    return Item("IPM.Appointment", "CalendarItem", properties)


def weekly(start: str, times: int = 0, day: str = "Monday") -> str:
    bounds = (
        f"<t:NumberedRecurrence><t:StartDate>{start}</t:StartDate><t:NumberOfOccurrences>{times}</t:NumberOfOccurrences>"
        "</t:NumberedRecurrence>"
        if times
        else f"<t:NoEndRecurrence><t:StartDate>{start}</t:StartDate></t:NoEndRecurrence>"
    )
    pattern = f"<t:WeeklyRecurrence><t:Interval>1</t:Interval><t:DaysOfWeek>{day}</t:DaysOfWeek></t:WeeklyRecurrence>"
    return pattern + bounds


class Asker:
    """Somebody with an account, asking for a mailbox; without the network, authentication or throttling between."""

    def __init__(
        self, organisation: Organisation, schema: etree.XMLSchema, user: str = "bob", name: str | None = None
    ) -> None:
        account = organisation.account(f"HOUSE\\{user}")
        assert account is not None
        own = account.mailbox if name is None else f"{name}@house.example"
        self.call = Call(organisation, account, None if own is None else organisation.mailbox(own))
        self._schema = schema

    def ask(self, body: str) -> etree._Element:
        """The answer to a request without its SOAP envelope; both are valid, or the test fails."""
        request = etree.fromstring(
            body.replace(">", f' xmlns:m="{_MESSAGES}" xmlns:t="{_TYPES}">', 1)
            if "/>" not in body.split(">")[0]
            else body
        )
        self._schema.assertValid(request)
        answer = OPERATIONS[etree.QName(request).localname](self.call, request)
        answer = etree.fromstring(etree.tostring(answer))
        self._schema.assertValid(answer)
        return answer

    def codes(self, body: str) -> list[str]:
        """The response code of each message."""
        return codes_of(self.ask(body))


def codes_of(answer: etree._Element) -> list[str]:
    return [code.text or "" for code in answer.iter(f"{M}ResponseCode")]


def folder_xml(folder: Folder, name: str = "FolderId") -> str:
    return f'<t:{name} Id="{folder_id(folder)[0]}"/>'


def item_xml(item: Item) -> str:
    return f'<t:ItemId Id="{item_id(item)[0]}"/>'


def texts(answer: etree._Element, name: str) -> list[str]:
    return [each.text or "" for each in answer.iter(f"{T}{name}", f"{M}{name}")]


def refused(run: object) -> str:
    """The code of the EwsError that it raises."""
    assert callable(run)
    try:
        run()
    except EwsError as error:
        return error.code
    return ""
