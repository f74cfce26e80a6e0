"""ExportItems and UploadItems: items out and in, whole (see `export_form`). A server can be without them (`Face.native_export`)."""

from __future__ import annotations

import binascii
from collections.abc import Sequence
from dataclasses import replace

from lxml import etree
from pybase64 import b64decode, b64encode

from mailkeep.simulator.ews import export_form
from mailkeep.simulator.ews.envelope import Answer, Call, EwsError, Handler, SoapFault, T, each, m
from mailkeep.simulator.ews.export_form import CorruptStream, Exported
from mailkeep.simulator.ews.ids import item_id
from mailkeep.simulator.ews.lookup import folder_named, ids_in, item_named
from mailkeep.simulator.exchange.mailbox import Mailbox
from mailkeep.simulator.exchange.values import Folder, Item


def export_items(call: Call, request: etree._Element) -> Answer:
    _refuse_without(call)

    def one(named: etree._Element) -> Sequence[etree._Element]:
        mailbox, item = item_named(call, named)
        if item.occurrence is not None:
            raise EwsError("ErrorInvalidIdMalformed", "An occurrence cannot be exported by itself.")
        stream = export_form.written(Exported(item, mailbox.attachments(item), *mailbox.occurrences(item)))
        return [_identity(item), m("Data", b64encode(stream).decode("ascii"))]

    return each("ExportItems", ids_in(request, "ItemIds"), one)


def upload_items(call: Call, request: etree._Element) -> Answer:
    _refuse_without(call)

    def one(given: etree._Element) -> Sequence[etree._Element]:
        with call.organisation.writing():
            return [_identity(_uploaded(call, given))]

    return each("UploadItems", ids_in(request, "Items"), one)


def _refuse_without(call: Call) -> None:
    if not call.face.native_export:
        raise SoapFault("ErrorInvalidOperation", "The operation is not supported by this server.")


def _identity(item: Item) -> etree._Element:
    number, key = item_id(item)
    return m("ItemId", Id=number, ChangeKey=key)


def _uploaded(call: Call, given: etree._Element) -> Item:
    parent, data, old = given.find(f"{T}ParentFolderId"), given.findtext(f"{T}Data"), given.find(f"{T}ItemId")
    if parent is None or not data:
        raise EwsError("ErrorInvalidRequest", "The request is invalid.")
    mailbox, folder = folder_named(call, parent)
    whole = _read(data, call.face.item_bytes_max)
    action = given.get("CreateAction", "CreateNew")
    if action == "CreateNew":
        return _added(mailbox, folder, whole)
    if old is None:
        raise EwsError("ErrorInvalidIdEmpty")
    return _over(call, mailbox, folder, old, whole, action)


def _read(data: str, bytes_max: int) -> Exported:
    try:
        stream = b64decode("".join(data.split()), validate=True)
        if len(stream) > bytes_max:
            raise EwsError("ErrorMessageSizeExceeded", "The message exceeds the maximum supported size.")
        return export_form.read(stream)
    except (binascii.Error, ValueError, CorruptStream) as error:
        raise EwsError("ErrorCorruptData", "The data of the item is corrupt.") from error


def _added(mailbox: Mailbox, folder: Folder, whole: Exported) -> Item:
    return mailbox.add(folder, whole.item, whole.attachments, whole.occurrences, whole.deleted)


def _over(call: Call, mailbox: Mailbox, folder: Folder, old: etree._Element, whole: Exported, action: str) -> Item:
    """In place of an item that is there, under its id; UpdateOrCreate makes a new one where it is not."""
    try:
        home, item = item_named(call, old)
    except EwsError as error:
        if action == "UpdateOrCreate" and error.code == "ErrorItemNotFound":
            return _added(mailbox, folder, whole)
        raise
    for held in home.attachments(item):
        home.remove_attachment(item, held.id)
    new = replace(whole.item, id=item.id, mailbox=item.mailbox, folder=item.folder, search_key=item.search_key)
    saved = home.save(new)
    for attachment in whole.attachments:
        home.add_attachment(saved, attachment)
    for changed in whole.occurrences:
        home.set_occurrence(saved, changed)
    for start in whole.deleted:
        home.delete_occurrence(saved, start)
    return saved


HANDLERS: dict[str, Handler] = {"ExportItems": export_items, "UploadItems": upload_items}
