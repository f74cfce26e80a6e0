"""Requests that read: one function per operation, each gives a `Request` (see `envelope`). Those that write: `writing`.

Elements stand in the schema's order, and optional ones that say nothing are left out: EWS servers that Microsoft did not
write are strict about the first and surprised by the second.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mailkeep.connectors.ews.wire.envelope import Request
from mailkeep.connectors.ews.wire.ids import FolderName, ItemName, folder_id, item_id
from mailkeep.connectors.ews.wire.names import attribute, text
from mailkeep.connectors.ews.wire.shapes import FOLDERS, ID_ONLY, LISTING, WHOLE, Field, Shape, field_xml

CHANGES_MAX = 512  # SyncFolderItems: the schema's ceiling for one page
FIND_MAX = 1000  # FindItem, FindFolder: Exchange's own default policy (EWSFindCountLimit)


def sync_folder_hierarchy(root: FolderName, state: str = "", shape: Shape = FOLDERS) -> Request:
    """Changes of the folders below `root` since the state; "" asks for all of them."""
    known = f"<m:SyncState>{text(state)}</m:SyncState>" if state else ""
    return _request(
        "SyncFolderHierarchy", f"{shape.folder_xml()}<m:SyncFolderId>{folder_id(root)}</m:SyncFolderId>{known}"
    )


def sync_folder_items(folder: FolderName, state: str = "", count: int = CHANGES_MAX, shape: Shape = LISTING) -> Request:
    """One page of changes of a folder's items since the state. Bodies cannot be asked for here."""
    known = f"<m:SyncState>{text(state)}</m:SyncState>" if state else ""
    return _request(
        "SyncFolderItems",
        f"{shape.item_xml()}<m:SyncFolderId>{folder_id(folder)}</m:SyncFolderId>{known}"
        f"<m:MaxChangesReturned>{min(count, CHANGES_MAX)}</m:MaxChangesReturned>",
    )


def get_folder(folders: Iterable[FolderName], shape: Shape = FOLDERS) -> Request:
    """One response message per folder, in this order."""
    return _request("GetFolder", f"{shape.folder_xml()}<m:FolderIds>{''.join(map(folder_id, folders))}</m:FolderIds>")


def find_folder(
    roots: Iterable[FolderName],
    shape: Shape = FOLDERS,
    *,
    deep: bool = True,
    offset: int | None = None,
    count: int = FIND_MAX,
) -> Request:
    """Folders below the roots. `offset` None: all at once, as Exchange gives them; else one page from there on."""
    page = "" if offset is None else _page("IndexedPageFolderView", count, offset)
    return _request(
        "FindFolder",
        f"{shape.folder_xml()}{page}<m:ParentFolderIds>{''.join(map(folder_id, roots))}</m:ParentFolderIds>",
        f' Traversal="{"Deep" if deep else "Shallow"}"',
    )


def find_item(
    folder: FolderName,
    shape: Shape = LISTING,
    *,
    offset: int = 0,
    count: int = FIND_MAX,
    equals: Sequence[tuple[Field, str]] = (),
    order: Field | None = None,
) -> Request:
    """One page of a folder's items. `equals`: only those with all of these values. `order`: ascending by this property."""
    tests = "".join(
        f"<t:IsEqualTo>{field_xml(field)}<t:FieldURIOrConstant><t:Constant Value={attribute(value)}/>"
        "</t:FieldURIOrConstant></t:IsEqualTo>"
        for field, value in equals
    )
    if len(equals) > 1:
        tests = f"<t:And>{tests}</t:And>"
    restriction = f"<m:Restriction>{tests}</m:Restriction>" if tests else ""
    sort = ""
    if order is not None:
        sort = f'<m:SortOrder><t:FieldOrder Order="Ascending">{field_xml(order)}</t:FieldOrder></m:SortOrder>'
    return _request(
        "FindItem",
        f"{shape.item_xml()}{_page('IndexedPageItemView', count, offset)}{restriction}{sort}"
        f"<m:ParentFolderIds>{folder_id(folder)}</m:ParentFolderIds>",
        ' Traversal="Shallow"',
    )


def get_item(items: Iterable[ItemName], shape: Shape = WHOLE) -> Request:
    """One response message per item, in this order."""
    return _request("GetItem", f"{shape.item_xml()}<m:ItemIds>{''.join(map(item_id, items))}</m:ItemIds>")


def get_attachment(attachments: Iterable[str], *, mime: bool = False, shape: Shape = ID_ONLY) -> Request:
    """One response message per attachment, in this order. `mime`: an item attachment's MIME too."""
    asked = Shape(mime=mime, body=shape.body, fields=shape.fields)
    wanted = asked.attachment_xml() if mime or shape.body or shape.fields else ""
    ids = "".join(f"<t:AttachmentId Id={attribute(name)}/>" for name in attachments)
    return _request("GetAttachment", f"{wanted}<m:AttachmentIds>{ids}</m:AttachmentIds>")


def export_items(items: Iterable[ItemName]) -> Request:
    """Each item's FastTransfer stream, opaque to everyone but Exchange: one response message per item, in this order."""
    return _request("ExportItems", f"<m:ItemIds>{''.join(map(item_id, items))}</m:ItemIds>")


def resolve_names(entry: str, *, full: bool = False) -> Request:
    """Who or what in the directory answers to that name or address. Some servers insist on the attribute."""
    return _request(
        "ResolveNames",
        f"<m:UnresolvedEntry>{text(entry)}</m:UnresolvedEntry>",
        f' ReturnFullContactData="{"true" if full else "false"}"',
    )


def expand_dl(address: str) -> Request:
    """The members of a distribution list."""
    return _request("ExpandDL", f"<m:Mailbox><t:EmailAddress>{text(address)}</t:EmailAddress></m:Mailbox>")


def get_server_time_zones(ids: Iterable[str] = (), *, full: bool = False) -> Request:
    """The server's time zones, all of them where no ids are given; `full`: with their rules."""
    wanted = "".join(f"<t:Id>{text(name)}</t:Id>" for name in ids)
    return _request(
        "GetServerTimeZones",
        f"<m:Ids>{wanted}</m:Ids>" if wanted else "",
        f' ReturnFullTimeZoneData="{"true" if full else "false"}"',
    )


def _page(view: str, count: int, offset: int) -> str:
    return f'<m:{view} MaxEntriesReturned="{count}" Offset="{offset}" BasePoint="Beginning"/>'


def _request(operation: str, inner: str, attributes: str = "") -> Request:
    return Request(operation, (f"<m:{operation}{attributes}>{inner}</m:{operation}>".encode(),))
