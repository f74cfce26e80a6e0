"""GetFolder, CreateFolder, UpdateFolder, DeleteFolder, MoveFolder, CopyFolder, EmptyFolder."""

from __future__ import annotations

from collections.abc import Sequence

from lxml import etree

from mailkeep.simulator.ews.envelope import Answer, Call, EwsError, Handler, SoapFault, T, each, m
from mailkeep.simulator.ews.folder_shapes import CLASSES, ID_ONLY, read_folder_shape, render_folder
from mailkeep.simulator.ews.item_schema import property_name
from mailkeep.simulator.ews.lookup import folder_in, folder_named, ids_in
from mailkeep.simulator.ews.markup import child, child_text, inner_xml, local_name, true
from mailkeep.simulator.ews.shapes import read_extended_uri
from mailkeep.simulator.exchange.mailbox import DeleteKind, Mailbox
from mailkeep.simulator.exchange.values import Folder

_KINDS: dict[str, DeleteKind] = {"HardDelete": "hard", "SoftDelete": "soft", "MoveToDeletedItems": "trash"}


def delete_kind(request: etree._Element) -> DeleteKind:
    """From the attribute DeleteType. Raises SoapFault for none that the schema knows."""
    try:
        return _KINDS[request.get("DeleteType", "")]
    except KeyError as error:
        raise SoapFault("ErrorInvalidRequest") from error


def _shown(mailbox: Mailbox, folder: Folder) -> list[etree._Element]:
    """`m:Folders` with the folder's id alone, as an answer to a change has it."""
    return [m("Folders", None, render_folder(mailbox, folder, ID_ONLY))]


def get_folder(call: Call, request: etree._Element) -> Answer:
    shape = read_folder_shape(request)

    def one(wanted: etree._Element) -> Sequence[etree._Element]:
        mailbox, folder = folder_named(call, wanted)
        return [m("Folders", None, render_folder(mailbox, folder, shape))]

    return each("GetFolder", ids_in(request, "FolderIds"), one, empty="Folders")


def create_folder(call: Call, request: etree._Element) -> Answer:
    def one(wanted: etree._Element) -> Sequence[etree._Element]:
        mailbox, parent = folder_in(call, request, "ParentFolderId", "ErrorParentFolderNotFound")
        name = child_text(wanted, "DisplayName")
        if not name.strip():
            raise EwsError("ErrorFolderSave", "The folder save operation failed: it has no name.")
        folder_class = child_text(wanted, "FolderClass") or CLASSES.get(local_name(wanted), "IPF.Note")
        made = mailbox.add_folder(parent, name, folder_class)
        made.extended = _extended_of(wanted)
        return _shown(mailbox, mailbox.update_folder(made) if made.extended else made)

    return each("CreateFolder", ids_in(request, "Folders"), one, empty="Folders")


def _extended_of(wanted: etree._Element) -> dict[str, tuple[str, str]]:
    return dict(_extended(each) for each in wanted.iterfind(f"{T}ExtendedProperty"))


def _extended(held: etree._Element) -> tuple[str, tuple[str, str]]:
    uri = child(held, "ExtendedFieldURI")
    if uri is None:
        raise EwsError("ErrorInvalidExtendedProperty", "The extended property is not valid.")
    key, kind, _ = read_extended_uri(uri)
    value = next((each for each in held if local_name(each) in ("Value", "Values")), None)
    return key, (kind, "" if value is None else inner_xml(value))


def update_folder(call: Call, request: etree._Element) -> Answer:
    def one(change: etree._Element) -> Sequence[etree._Element]:
        wanted = next((each for each in change if local_name(each).endswith("FolderId")), None)
        updates = child(change, "Updates")
        if wanted is None or updates is None:
            raise SoapFault("ErrorInvalidRequest")
        mailbox, folder = folder_named(call, wanted)
        for update in updates:
            _apply(folder, update)
        return _shown(mailbox, mailbox.update_folder(folder))

    return each("UpdateFolder", ids_in(request, "FolderChanges"), one, empty="Folders")


def _apply(folder: Folder, update: etree._Element) -> None:
    """One of SetFolderField, DeleteFolderField. Raises EwsError for what can't be changed so."""
    path, value = update[0], update[-1]
    match local_name(update), local_name(path):
        case "SetFolderField", "ExtendedFieldURI":
            folder.extended.update(_extended_of(value))
        case "DeleteFolderField", "ExtendedFieldURI":
            folder.extended.pop(read_extended_uri(path)[0], None)
        case "SetFolderField", "FieldURI":
            _set(folder, property_name(path.get("FieldURI", "")), value)
        case "DeleteFolderField", "FieldURI" if property_name(path.get("FieldURI", "")) == "PermissionSet":
            return  # a folder here has no permissions of its own: there is nothing to take away
        case "DeleteFolderField", _:
            raise EwsError("ErrorInvalidPropertyDelete", "The property can not be deleted.")
        case _:
            raise EwsError("ErrorInvalidPropertyAppend", "The property can not be appended to.")


def _set(folder: Folder, name: str, value: etree._Element) -> None:
    match name:
        case "DisplayName":
            folder.name = child_text(value, "DisplayName")
        case "FolderClass":
            folder.folder_class = child_text(value, "FolderClass")
        case "PermissionSet":
            raise EwsError(
                "ErrorInvalidPermissionSettings", "The simulated organisation keeps no permissions of folders."
            )
        case _:
            raise EwsError("ErrorInvalidPropertySet", "Set action is invalid for property.")


def delete_folder(call: Call, request: etree._Element) -> Answer:
    kind = delete_kind(request)

    def one(wanted: etree._Element) -> Sequence[etree._Element]:
        mailbox, folder = folder_named(call, wanted)
        if folder.distinguished:
            raise EwsError("ErrorDeleteDistinguishedFolder")
        mailbox.delete_folder(folder, kind)
        return []

    return each("DeleteFolder", ids_in(request, "FolderIds"), one)


def empty_folder(call: Call, request: etree._Element) -> Answer:
    kind = delete_kind(request)

    def one(wanted: etree._Element) -> Sequence[etree._Element]:
        mailbox, folder = folder_named(call, wanted)
        if folder.folder_class.startswith("IPF.Appointment"):
            raise EwsError("ErrorCannotEmptyFolder", "The folder cannot be emptied.")
        if true(request.get("DeleteSubFolders")):
            for below in mailbox.children(folder):
                if not below.distinguished:
                    mailbox.delete_folder(below, kind)
        mailbox.empty_folder(folder, kind)
        return []

    return each("EmptyFolder", ids_in(request, "FolderIds"), one)


def move_folder(call: Call, request: etree._Element) -> Answer:
    def one(wanted: etree._Element) -> Sequence[etree._Element]:
        mailbox, folder = folder_named(call, wanted)
        return _shown(mailbox, mailbox.move_folder(folder, _target(call, request, mailbox)))

    return each("MoveFolder", ids_in(request, "FolderIds"), one, empty="Folders")


def copy_folder(call: Call, request: etree._Element) -> Answer:
    def one(wanted: etree._Element) -> Sequence[etree._Element]:
        mailbox, folder = folder_named(call, wanted)
        return _shown(mailbox, mailbox.copy_folder(folder, _target(call, request, mailbox)))

    return each("CopyFolder", ids_in(request, "FolderIds"), one, empty="Folders")


def _target(call: Call, request: etree._Element, mailbox: Mailbox) -> Folder:
    other, target = folder_in(call, request, "ToFolderId", "ErrorToFolderNotFound")
    if other.id != mailbox.id:
        raise EwsError("ErrorCrossMailboxMoveCopy", "A folder cannot be moved or copied to another mailbox.")
    return target


HANDLERS: dict[str, Handler] = {
    "GetFolder": get_folder,
    "CreateFolder": create_folder,
    "UpdateFolder": update_folder,
    "DeleteFolder": delete_folder,
    "EmptyFolder": empty_folder,
    "MoveFolder": move_folder,
    "CopyFolder": copy_folder,
}
