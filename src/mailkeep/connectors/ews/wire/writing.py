"""Requests that write, for restores: one function per operation, each gives a `Request` (see `envelope`).

None of them ever sends anything: items are saved only (`MessageDisposition="SaveOnly"`), and no meeting request or
cancellation goes to anyone (`SendToNone`).

An *item* to create is its element, in pieces, prefix `t:`, as EWS's schema orders it: `item_element` puts one together of
MIME and of the inner XML of its properties.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mailkeep.connectors.ews.wire.envelope import Base64, Piece, Request
from mailkeep.connectors.ews.wire.ids import FolderName, Id, ItemName, folder_id, item_id
from mailkeep.connectors.ews.wire.names import text
from mailkeep.connectors.ews.wire.shapes import Extended, Field, field_xml

Content = bytes | bytearray | memoryview


@dataclass(frozen=True, slots=True)
class FileToAttach:
    name: str
    content: Content
    content_type: str = ""
    content_id: str = ""
    content_location: str = ""
    inline: bool = False
    contact_photo: bool = False


@dataclass(frozen=True, slots=True)
class ItemToAttach:
    name: str
    item: tuple[Piece, ...]  # the item's element
    content_type: str = ""


@dataclass(frozen=True, slots=True)
class SetField:
    """`SetItemField`: one property's new value. `value` is the property's own element, as inside `<t:Message>`.

    `element`: the item element that holds it (`CalendarItem`, `Message` …).
    """

    field: Field
    element: str
    value: str


@dataclass(frozen=True, slots=True)
class DeleteField:
    """`DeleteItemField`: the property goes."""

    field: Field


def create_folder(parent: FolderName, name: str, folder_class: str = "") -> Request:
    """A folder of that class (`IPF.Appointment`; "" = mail) in its parent."""
    element = _FOLDER_ELEMENTS.get(folder_class.partition(".")[2].partition(".")[0].lower(), "Folder")
    of_class = f"<t:FolderClass>{text(folder_class)}</t:FolderClass>" if folder_class else ""
    return _request(
        "CreateFolder",
        f"<m:ParentFolderId>{folder_id(parent)}</m:ParentFolderId><m:Folders><t:{element}>{of_class}"
        f"<t:DisplayName>{text(name)}</t:DisplayName></t:{element}></m:Folders>",
    )


_FOLDER_ELEMENTS = {"appointment": "CalendarFolder", "contact": "ContactsFolder", "task": "TasksFolder"}


def create_item(folder: FolderName, items: Iterable[tuple[Piece, ...]], *, meetings: bool = False) -> Request:
    """Saves the items in the folder; one response message each, in this order. `meetings`: they are calendar items.

    Exchange wants `SendMeetingInvitations` for calendar items, and takes `MessageDisposition` for all the rest.
    """
    how = ' MessageDisposition="SaveOnly"'
    if meetings:
        how += ' SendMeetingInvitations="SendToNone"'
    opening = f"<m:CreateItem{how}><m:SavedItemFolderId>{folder_id(folder)}</m:SavedItemFolderId><m:Items>"
    pieces = [opening.encode()]
    held: list[Piece] = [*pieces, *(piece for item in items for piece in item), b"</m:Items></m:CreateItem>"]
    return Request("CreateItem", tuple(held))


def item_element(element: str, inner: str = "", mime: Content | None = None) -> tuple[Piece, ...]:
    """`<t:Message>` (or another) of its MIME and its properties' XML, which follow the MIME in the schema's order."""
    if mime is None:
        return (f"<t:{element}>{inner}</t:{element}>".encode(),)
    opening = f'<t:{element}><t:MimeContent CharacterSet="UTF-8">'.encode()
    return opening, Base64(mime), f"</t:MimeContent>{inner}</t:{element}>".encode()


def extended_property(field: Extended, value: str | Sequence[str]) -> str:
    """`<t:ExtendedProperty>` with one value, or with several for an array type."""
    if isinstance(value, str):
        held = f"<t:Value>{text(value)}</t:Value>"
    else:
        held = f"<t:Values>{''.join(f'<t:Value>{text(one)}</t:Value>' for one in value)}</t:Values>"
    return f"<t:ExtendedProperty>{field.xml()}{held}</t:ExtendedProperty>"


def upload_items(items: Iterable[tuple[str | Id, Content]]) -> Request:
    """Each stream, as ExportItems gave it, as a new item of its folder."""
    pieces: list[Piece] = [b"<m:UploadItems><m:Items>"]
    for folder, content in items:
        parent = folder_id(folder).replace("<t:FolderId", "<t:ParentFolderId", 1)
        pieces += [
            f'<t:Item CreateAction="CreateNew">{parent}<t:Data>'.encode(),
            Base64(content),
            b"</t:Data></t:Item>",
        ]
    pieces.append(b"</m:Items></m:UploadItems>")
    return Request("UploadItems", tuple(pieces))


def create_attachment(parent: Id, attachments: Iterable[FileToAttach | ItemToAttach]) -> Request:
    """Attachments of a saved item; one response message each, in this order, with the parent's new change key."""
    opening = item_id(parent).replace("<t:ItemId", "<m:ParentItemId", 1)
    pieces: list[Piece] = [f"<m:CreateAttachment>{opening}<m:Attachments>".encode()]
    for attachment in attachments:
        pieces += _file(attachment) if isinstance(attachment, FileToAttach) else _item(attachment)
    pieces.append(b"</m:Attachments></m:CreateAttachment>")
    return Request("CreateAttachment", tuple(pieces))


def _file(attachment: FileToAttach) -> list[Piece]:
    inner = f"<t:Name>{text(attachment.name)}</t:Name>" + "".join(
        f"<t:{name}>{text(value)}</t:{name}>"
        for name, value in (
            ("ContentType", attachment.content_type),
            ("ContentId", attachment.content_id),
            ("ContentLocation", attachment.content_location),
        )
        if value
    )
    if attachment.inline:
        inner += "<t:IsInline>true</t:IsInline>"
    photo = "<t:IsContactPhoto>true</t:IsContactPhoto>" if attachment.contact_photo else ""
    return [
        f"<t:FileAttachment>{inner}{photo}<t:Content>".encode(),
        Base64(attachment.content),
        b"</t:Content></t:FileAttachment>",
    ]


def _item(attachment: ItemToAttach) -> list[Piece]:
    kind = f"<t:ContentType>{text(attachment.content_type)}</t:ContentType>" if attachment.content_type else ""
    opening = f"<t:ItemAttachment><t:Name>{text(attachment.name)}</t:Name>{kind}".encode()
    return [opening, *attachment.item, b"</t:ItemAttachment>"]


def update_item(
    item: ItemName, changes: Iterable[SetField | DeleteField], *, meetings: bool = False, conflict: str = "AutoResolve"
) -> Request:
    """Changes of one item's properties. `conflict`: "NeverOverwrite", "AutoResolve" or "AlwaysOverwrite"."""
    updates = "".join(_update(change) for change in changes)
    how = f' ConflictResolution="{conflict}" MessageDisposition="SaveOnly"'
    if meetings:
        how += ' SendMeetingInvitationsOrCancellations="SendToNone"'
    return _request(
        "UpdateItem",
        f"<m:ItemChanges><t:ItemChange>{item_id(item)}<t:Updates>{updates}</t:Updates></t:ItemChange></m:ItemChanges>",
        how,
    )


def _update(change: SetField | DeleteField) -> str:
    path = field_xml(change.field)
    if isinstance(change, DeleteField):
        return f"<t:DeleteItemField>{path}</t:DeleteItemField>"
    held = f"<t:{change.element}>{change.value}</t:{change.element}>"
    return f"<t:SetItemField>{path}{held}</t:SetItemField>"


def delete_item(items: Iterable[ItemName], *, how: str = "HardDelete") -> Request:
    """Removes items (`HardDelete`, `SoftDelete`, `MoveToDeletedItems`); nobody is told of a cancelled meeting."""
    return _request(
        "DeleteItem",
        f"<m:ItemIds>{''.join(map(item_id, items))}</m:ItemIds>",
        f' DeleteType="{how}" SendMeetingCancellations="SendToNone" AffectedTaskOccurrences="AllOccurrences"',
    )


def move_item(items: Iterable[ItemName], folder: FolderName) -> Request:
    """Moves items; the answer names their new ids, in this order."""
    ids = "".join(map(item_id, items))
    return _request("MoveItem", f"<m:ToFolderId>{folder_id(folder)}</m:ToFolderId><m:ItemIds>{ids}</m:ItemIds>")


def _request(operation: str, inner: str, attributes: str = "") -> Request:
    return Request(operation, (f"<m:{operation}{attributes}>{inner}</m:{operation}>".encode(),))
