"""Somebody who makes items and looks at them: Bob, by requests and answers that Microsoft's schemas allow."""

from __future__ import annotations

from dataclasses import dataclass

from lxml import etree
from pybase64 import b64decode, b64encode

from mailkeep.simulator.ews.envelope import T
from mailkeep.simulator.ews.markup import inner_xml, local_name
from tests.simulator.exchange_world import Asker

# What a server sets by itself on every item, and what holds an id.
SERVER_SET = frozenset(
    [
        "MimeContent",
        "ItemId",
        "ParentFolderId",
        "Size",
        "DateTimeCreated",
        "LastModifiedTime",
        "DateTimeReceived",
        "DateTimeSent",
        "IsUnmodified",
        "WebClientReadFormQueryString",
        "WebClientEditFormQueryString",
        "ConversationIndex",
    ]
)
WHOLE = "<t:BaseShape>AllProperties</t:BaseShape>"
MIME = "<t:BaseShape>IdOnly</t:BaseShape><t:IncludeMimeContent>true</t:IncludeMimeContent>"
READ_MAIL = (
    '<t:ExtendedProperty><t:ExtendedFieldURI PropertyTag="0x0E07" PropertyType="Integer"/>'
    "<t:Value>1</t:Value></t:ExtendedProperty>"
)


@dataclass(frozen=True)
class Shown:
    """An item of an answer: each property's inner XML by its name."""

    node: etree._Element

    @property
    def kind(self) -> str:
        return local_name(self.node)

    @property
    def id(self) -> str:
        return self.node.find(f"{T}ItemId").get("Id", "")

    @property
    def change_key(self) -> str:
        return self.node.find(f"{T}ItemId").get("ChangeKey", "")

    def __getitem__(self, name: str) -> str:
        found = self.node.find(T + name)
        assert found is not None, f"{self.kind} has no {name}"
        return inner_xml(found)

    def get(self, name: str) -> str | None:
        found = self.node.find(T + name)
        return None if found is None else inner_xml(found)

    def text(self, name: str) -> str:
        return self.node.findtext(T + name) or ""

    @property
    def mime(self) -> bytes:
        return b64decode(self.node.findtext(f"{T}MimeContent") or "")

    def extended(self, tag: str) -> str | None:
        for each in self.node.iter(f"{T}ExtendedProperty"):
            if (
                each[0].get("PropertyTag") == tag
                or each[0].get("PropertyId") == tag
                or each[0].get("PropertyName") == tag
            ):
                return inner_xml(each[1])
        return None

    def properties(self) -> dict[str, str]:
        """All but what a server sets."""
        return {
            local_name(each): inner_xml(each) + str(sorted(each.items()))
            for each in self.node
            if local_name(each) not in SERVER_SET
        }


class Bob:
    """Makes, reads, changes. Each answer is one message; `code` gives that of a refused one."""

    def __init__(self, asker: Asker) -> None:
        self.asker = asker

    def make(self, inner: str, folder: str = "", sending: str = "") -> Shown:
        return Shown(_item(self.asker.ask(_create(inner, folder, sending))))

    def refused(self, inner: str, folder: str = "", sending: str = "") -> str:
        return self.asker.codes(_create(inner, folder, sending))[0]

    def letter(self, mime: bytes, more: str = READ_MAIL, folder: str = "inbox") -> Shown:
        content = b64encode(mime).decode()
        return self.make(f"<t:Message><t:MimeContent>{content}</t:MimeContent>{more}</t:Message>", folder)

    def see(self, item: Shown | str, shape: str = WHOLE) -> Shown:
        number = item if isinstance(item, str) else item.id
        answer = self.asker.ask(
            f'<m:GetItem><m:ItemShape>{shape}</m:ItemShape><m:ItemIds><t:ItemId Id="{number}"/></m:ItemIds></m:GetItem>'
        )
        return Shown(_item(answer))

    def change(self, item: Shown | str, *updates: str, key: str = "", how: str = "AlwaysOverwrite") -> Shown:
        return Shown(_item(self.asker.ask(self.change_request(item, *updates, key=key, how=how))))

    def change_request(self, item: Shown | str, *updates: str, key: str = "", how: str = "AlwaysOverwrite") -> str:
        named = item if isinstance(item, str) else f'<t:ItemId Id="{item.id}" ChangeKey="{key or item.change_key}"/>'
        return (
            f'<m:UpdateItem ConflictResolution="{how}" MessageDisposition="SaveOnly" '
            'SendMeetingInvitationsOrCancellations="SendToNone"><m:ItemChanges><t:ItemChange>'
            f"{named}<t:Updates>{''.join(updates)}</t:Updates></t:ItemChange></m:ItemChanges></m:UpdateItem>"
        )

    def attach(self, item: Shown, inner: str) -> str:
        """The new attachment's id."""
        answer = self.asker.ask(
            f'<m:CreateAttachment><m:ParentItemId Id="{item.id}"/><m:Attachments>{inner}</m:Attachments></m:CreateAttachment>'
        )
        return next(answer.iter(f"{T}AttachmentId")).get("Id", "")

    def attachment(self, number: str, shape: str = "") -> etree._Element:
        asked = f"<m:AttachmentShape>{shape}</m:AttachmentShape>" if shape else ""
        answer = self.asker.ask(
            f'<m:GetAttachment>{asked}<m:AttachmentIds><t:AttachmentId Id="{number}"/></m:AttachmentIds></m:GetAttachment>'
        )
        return next(answer.iter(f"{T}FileAttachment", f"{T}ItemAttachment"))


def set_field(uri: str, kind: str, inner: str) -> str:
    return f'<t:SetItemField><t:FieldURI FieldURI="{uri}"/><t:{kind}>{inner}</t:{kind}></t:SetItemField>'


def _create(inner: str, folder: str, sending: str) -> str:
    place = f'<m:SavedItemFolderId><t:DistinguishedFolderId Id="{folder}"/></m:SavedItemFolderId>' if folder else ""
    sending = sending or 'MessageDisposition="SaveOnly" SendMeetingInvitations="SendToNone"'
    return f"<m:CreateItem {sending}>{place}<m:Items>{inner}</m:Items></m:CreateItem>"


def _item(answer: etree._Element) -> etree._Element:
    code = next(answer.iter("{*}ResponseCode")).text
    assert code == "NoError", f"{code}: {answer.findtext('.//{*}MessageText')}"
    return next(answer.iter("{*}Items"))[0]
