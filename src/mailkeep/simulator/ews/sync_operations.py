"""SyncFolderHierarchy and SyncFolderItems. What has changed is the organisation's to say; here it is only written down."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lxml import etree

from mailkeep.simulator.ews import ids
from mailkeep.simulator.ews.envelope import (
    Answer,
    Call,
    EwsError,
    Handler,
    M,
    SoapFault,
    answer,
    attempt,
    boolean,
    m,
    of_text,
    t,
)
from mailkeep.simulator.ews.folder_shapes import FolderShape, read_folder_shape, render_folder
from mailkeep.simulator.ews.lookup import folder_in, ids_in
from mailkeep.simulator.ews.shapes import read_shape, render_text
from mailkeep.simulator.ews.view import Shape
from mailkeep.simulator.exchange.changes import Change, FolderChange
from mailkeep.simulator.exchange.mailbox import Mailbox
from mailkeep.simulator.exchange.values import Folder, Item

_CHANGES_MAX = 512  # MaxSyncChangesReturnedType
_WORDS = {"create": "Create", "update": "Update", "read": "ReadFlagChange", "delete": "Delete"}


def sync_folder_hierarchy(call: Call, request: etree._Element) -> Answer:
    def run() -> Sequence[etree._Element]:
        shape = read_folder_shape(request)
        mailbox, root = _hierarchy_root(call, request)
        page = mailbox.hierarchy_changes(root, request.findtext(f"{M}SyncState") or "")
        return [
            m("SyncState", page.state),
            m("IncludesLastFolderInRange", "true"),
            m("Changes", None, *(_folder_change(mailbox, change, shape) for change in page.changes)),
        ]

    return _answered("SyncFolderHierarchy", run, "IncludesLastFolderInRange")


def _hierarchy_root(call: Call, request: etree._Element) -> tuple[Mailbox, Folder]:
    if request.find(f"{M}SyncFolderId") is not None:
        return folder_in(call, request, "SyncFolderId", "ErrorSyncFolderNotFound")
    if call.mailbox is None:
        raise EwsError("ErrorMissingInformationEmailAddress")
    return call.mailbox, call.mailbox.well_known("root")


def _folder_change(mailbox: Mailbox, change: FolderChange, shape: FolderShape) -> etree._Element:
    if change.kind == "delete":
        return t("Delete", None, t("FolderId", Id=ids.folder_id(change.folder)[0]))
    return t(_WORDS[change.kind], None, render_folder(mailbox, change.folder, shape))


def sync_folder_items(call: Call, request: etree._Element) -> Answer:
    def run() -> Sequence[etree._Element]:
        shape = read_shape(request.find(f"{M}ItemShape"), listing=True, lenient=True)
        mailbox, folder = folder_in(call, request, "SyncFolderId", "ErrorSyncFolderNotFound")
        page = mailbox.changes(folder, request.findtext(f"{M}SyncState") or "", _limit(request))
        ignored = {ids.read_item_id(each.get("Id", "")).item for each in ids_in(request, "Ignore")}
        wanted = [change for change in page.changes if change.item not in ignored]
        return [
            m("SyncState", page.state),
            m("IncludesLastItemInRange", boolean(page.last)),
            _changes(call, mailbox, folder, wanted, shape),
        ]

    return _answered("SyncFolderItems", run, "IncludesLastItemInRange")


def _answered(operation: str, run: Callable[[], Sequence[etree._Element]], last: str) -> Answer:
    """Even an error has a state, though an empty one, and says that there is no more: clients look for them."""
    message = attempt(operation, run)
    if message.get("ResponseClass") == "Error":
        message.extend([m("SyncState"), m(last, "true")])
    return answer(operation, [message])


def _limit(request: etree._Element) -> int:
    text = request.findtext(f"{M}MaxChangesReturned") or ""
    if not text.isdigit() or not 1 <= int(text) <= _CHANGES_MAX:
        raise SoapFault(
            "ErrorSchemaValidation", "The request failed schema validation: MaxChangesReturned is 1 to 512."
        )
    return int(text)


def _changes(call: Call, mailbox: Mailbox, folder: Folder, changes: Sequence[Change], shape: Shape) -> etree._Element:
    """`m:Changes`. Items that went since the page was drawn up are left out: the next page tells that they went."""
    living = [change.item for change in changes if change.kind != "delete"]
    items = {item.id: item for item in mailbox.items_by_number(living)}
    written = []
    for change in changes:
        if change.kind == "delete":
            gone = ids.gone_item_id(mailbox.id, folder.id, change.item, change.proof)
            written.append(f'<t:Delete><t:ItemId Id="{gone}"/></t:Delete>')
        elif (item := items.get(change.item)) is not None:
            word = _WORDS[change.kind]
            written.append(f"<t:{word}>{_change(call, change, item, shape)}</t:{word}>")
    return of_text("m:Changes", "".join(written))


def _change(call: Call, change: Change, item: Item, shape: Shape) -> str:
    if change.kind == "read":
        return f"{ids.item_id_xml(item)}<t:IsRead>{boolean(item.read)}</t:IsRead>"
    return render_text(call, item, shape)


HANDLERS: dict[str, Handler] = {
    "SyncFolderHierarchy": sync_folder_hierarchy,
    "SyncFolderItems": sync_folder_items,
}
