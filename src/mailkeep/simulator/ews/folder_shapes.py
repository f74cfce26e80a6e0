"""Folders as EWS shows them, and a folder's properties one by one.

    shape = read_folder_shape(request)                what is asked for (BaseShape, AdditionalProperties)
    render_folder(mailbox, folder, shape)       <t:Folder>, <t:CalendarFolder> …, children in the schema's order

Which element a folder gets follows from its class. A calendar or contacts folder tells no UnreadCount: its type has none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from lxml import etree

from mailkeep.simulator.ews import ids
from mailkeep.simulator.ews.envelope import EwsError, M, boolean, t
from mailkeep.simulator.ews.item_schema import property_name
from mailkeep.simulator.ews.markup import child, child_text, escape, local_name, parsed
from mailkeep.simulator.ews.shapes import read_extended_uri
from mailkeep.simulator.exchange.mailbox import Mailbox
from mailkeep.simulator.exchange.values import Folder, FolderState

_ELEMENTS = {"IPF.Appointment": "CalendarFolder", "IPF.Contact": "ContactsFolder", "IPF.Task": "TasksFolder"}
CLASSES = {element: folder_class for folder_class, element in _ELEMENTS.items()} | {"Folder": "IPF.Note"}
_COUNTED_UNREAD = frozenset({"Folder", "TasksFolder", "SearchFolder"})
_DEFAULT = frozenset({"FolderId", "DisplayName", "TotalCount", "ChildFolderCount", "UnreadCount"})
_ALL = _DEFAULT | {"ParentFolderId", "FolderClass", "EffectiveRights", "DistinguishedFolderId"}
_BASES = {"IdOnly": frozenset({"FolderId"}), "Default": _DEFAULT, "AllProperties": _ALL}
_ORDER = (
    "FolderId", "ParentFolderId", "FolderClass", "DisplayName", "TotalCount", "ChildFolderCount", "ExtendedProperty",
    "EffectiveRights", "DistinguishedFolderId", "SharingEffectiveRights", "PermissionSet", "UnreadCount",
)  # fmt: skip
_RIGHTS = ("CreateAssociated", "CreateContents", "CreateHierarchy", "Delete", "Modify", "Read", "ViewPrivateItems")


@dataclass(frozen=True, slots=True)
class FolderShape:
    """`extended`: key, type, and the ExtendedFieldURI as it was asked for."""

    names: frozenset[str]
    extended: tuple[tuple[str, str, etree._Element], ...] = ()


ID_ONLY = FolderShape(_BASES["IdOnly"])


@dataclass(slots=True)
class Shown:
    """A folder with what is reckoned of it once, when first needed."""

    mailbox: Mailbox
    folder: Folder
    _state: FolderState | None = None

    @property
    def element(self) -> str:
        return element_of(self.folder)

    @property
    def state(self) -> FolderState:
        if self._state is None:
            self._state = self.mailbox.state(self.folder)
        return self._state


def element_of(folder: Folder) -> str:
    """By the class, or the class it is derived from: IPF.Contact.RecipientCache is a ContactsFolder."""
    return _ELEMENTS.get(".".join(folder.folder_class.split(".")[:2]), "Folder")


def read_folder_shape(request: etree._Element) -> FolderShape:
    """From `m:FolderShape`; without one, all properties. Raises EwsError."""
    shape = request.find(f"{M}FolderShape")
    if shape is None:
        return FolderShape(_ALL)
    names, extended = set(_BASES[child_text(shape, "BaseShape") or "AllProperties"]), []
    asked = child(shape, "AdditionalProperties")
    for each in asked if asked is not None else ():
        match local_name(each):
            case "ExtendedFieldURI":
                key, kind, _ = read_extended_uri(each)
                extended.append((key, kind, t("ExtendedFieldURI", **{str(k): str(v) for k, v in each.attrib.items()})))
            case "FieldURI" if each.get("FieldURI", "").startswith("folder:"):
                names.add(property_name(each.get("FieldURI", "")))
            case _:
                raise EwsError("ErrorInvalidPropertyRequest", "Property is not valid for this object type.")
    return FolderShape(frozenset(names), tuple(extended))


def render_folder(mailbox: Mailbox, folder: Folder, shape: FolderShape) -> etree._Element:
    """Children in the order of BaseFolderType and what extends it."""
    shown = Shown(mailbox, folder)
    made = t(shown.element)
    for name in _ORDER:
        if name == "ExtendedProperty":
            made.extend(_extended(shown, shape))
        elif name in shape.names and (property_of := _PROPERTIES.get(name)) is not None:
            made.extend(property_of(shown))
    return made


def folder_value(shown: Shown, name: str) -> str | None:
    """A property as text, for a restriction; None where the folder has none."""
    found = _PROPERTIES[name](shown) if name in _PROPERTIES else []
    return "".join(str(part) for part in found[0].itertext()) if found else None


def _id(name: str, folder: Folder | None) -> list[etree._Element]:
    if folder is None:
        return []
    text, change_key = ids.folder_id(folder)
    return [t(name, Id=text, ChangeKey=change_key)]


def _parent(shown: Shown) -> list[etree._Element]:
    parent = shown.folder.parent
    return [] if parent is None else _id("ParentFolderId", shown.mailbox.folder(parent))


def _text(name: str, text: str) -> list[etree._Element]:
    return [t(name, text)] if text else []


def _unread(shown: Shown) -> list[etree._Element]:
    return [t("UnreadCount", str(shown.state.unread))] if shown.element in _COUNTED_UNREAD else []


def _rights(shown: Shown) -> list[etree._Element]:
    distinguished = bool(shown.folder.distinguished)
    held = (
        t(name, boolean(not (name == "Delete" and distinguished) and name != "CreateAssociated")) for name in _RIGHTS
    )
    return [t("EffectiveRights", None, *held)]


def _permissions(shown: Shown) -> list[etree._Element]:
    """Nobody but the owner has any."""
    inner = "CalendarPermissions" if shown.element == "CalendarFolder" else "Permissions"
    return [t("PermissionSet", None, t(inner))]


_PROPERTIES: dict[str, Callable[[Shown], list[etree._Element]]] = {
    "FolderId": lambda shown: _id("FolderId", shown.folder),
    "ParentFolderId": _parent,
    "FolderClass": lambda shown: _text("FolderClass", shown.folder.folder_class),
    "DisplayName": lambda shown: [t("DisplayName", shown.folder.name)],
    "TotalCount": lambda shown: [t("TotalCount", str(shown.state.total))],
    "ChildFolderCount": lambda shown: [t("ChildFolderCount", str(shown.state.children))],
    "EffectiveRights": _rights,
    "DistinguishedFolderId": lambda shown: _text("DistinguishedFolderId", shown.folder.distinguished),
    "PermissionSet": _permissions,
    "UnreadCount": _unread,
}


# Extended properties


def _extended(shown: Shown, shape: FolderShape) -> list[etree._Element]:
    found = []
    for key, kind, uri in shape.extended:
        inner = folder_extended(shown, key)
        if inner is not None:
            value = parsed(inner)
            value.tag = t("Values" if kind.endswith("Array") else "Value").tag
            found.append(t("ExtendedProperty", None, _copy(uri), value))
    return found


def _copy(uri: etree._Element) -> etree._Element:
    return t("ExtendedFieldURI", **{str(name): str(value) for name, value in uri.attrib.items()})


def folder_extended(shown: Shown, key: str) -> str | None:
    """The inner XML of one that was stored with the folder or that a server reckons; None where it has none."""
    kept = shown.folder.extended.get(key)
    if kept is not None:
        return kept[1]
    reckoned = _RECKONED.get(key)
    return None if reckoned is None else reckoned(shown)


def precise(when: datetime) -> str:
    """With a fraction of a second where there is one: two changes within a second differ."""
    when = when.astimezone(UTC)
    fraction = f".{when.microsecond:06d}0" if when.microsecond else ""
    return f"{when:%Y-%m-%dT%H:%M:%S}{fraction}Z"


# By MS-OXPROPS: the names follow PidTag.
_RECKONED: dict[str, Callable[[Shown], str | None]] = {
    "0x3001": lambda shown: escape(shown.folder.name),  # DisplayName
    "0x3008": lambda shown: precise(shown.state.committed),  # LastModificationTime
    "0x3602": lambda shown: str(shown.state.total),  # ContentCount
    "0x3603": lambda shown: str(shown.state.unread),  # ContentUnreadCount
    "0x360a": lambda shown: boolean(shown.state.children > 0),  # Subfolders
    "0x3613": lambda shown: shown.folder.folder_class or None,  # ContainerClass
    "0x670a": lambda shown: precise(shown.state.committed),  # LocalCommitTimeMax
    "0x670b": lambda shown: str(shown.state.deleted_total),  # DeletedCountTotal
    "0x6751": lambda shown: str(shown.mailbox.next_number & 0x7FFFFFFF),  # ArticleNumberNext
    "0x10f4": lambda shown: boolean(shown.folder.distinguished == "recipientcache"),  # AttributeHidden
}
