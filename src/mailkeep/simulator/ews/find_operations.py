"""FindFolder and FindItem: which folders, which items, in which order, which page of them.

A search or an unusual order has to look at every item of a folder; its outcome (ids only) is remembered until the folder
changes, so that the second page costs no more than a page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import chain

from lxml import etree

from mailkeep.simulator.ews.calendar_search import between
from mailkeep.simulator.ews.envelope import Answer, Call, EwsError, Handler, M, SoapFault, each, m, of_text, t
from mailkeep.simulator.ews.folder_shapes import Shown, folder_extended, folder_value, read_folder_shape, render_folder
from mailkeep.simulator.ews.item_schema import property_name
from mailkeep.simulator.ews.item_values import reader_of
from mailkeep.simulator.ews.lookup import folder_named, ids_in
from mailkeep.simulator.ews.paging import Slice, read_view, sliced
from mailkeep.simulator.ews.restrictions import Order, Path, Predicate, Reader, compiled, read_orders, sort_key
from mailkeep.simulator.ews.shapes import read_shape, render_text
from mailkeep.simulator.exchange.mailbox import Mailbox
from mailkeep.simulator.exchange.values import Folder, Item

# Orders that the store itself knows.
_COLUMNS = {
    "item:DateTimeReceived": "received",
    "item:DateTimeCreated": "created",
    "item:DateTimeSent": "sent",
    "item:LastModifiedTime": "modified",
    "item:Size": "size",
    "item:ItemClass": "item_class",
}


def _restriction(request: etree._Element) -> Predicate | None:
    node = request.find(f"{M}Restriction")
    expression = next((part for part in node if isinstance(part.tag, str)), None) if node is not None else None
    return None if expression is None else compiled(expression)


# Folders


def find_folder(call: Call, request: etree._Element) -> Answer:
    shape, traversal = read_folder_shape(request), request.get("Traversal", "")

    def one(parent: etree._Element) -> Sequence[etree._Element]:
        mailbox, root = folder_named(call, parent)
        fits = _restriction(request)
        found = [
            folder for folder in _traversed(mailbox, root, traversal) if fits is None or fits(_reader(mailbox, folder))
        ]
        page = sliced(read_view(request, "IndexedPageFolderView"), len(found), call.face.find_count_limit)
        shown = (render_folder(mailbox, folder, shape) for folder in found[page.start : page.end])
        return [m("RootFolder", None, t("Folders", None, *shown), **page.attributes())]

    return each("FindFolder", ids_in(request, "ParentFolderIds"), one)


def _traversed(mailbox: Mailbox, root: Folder, traversal: str) -> list[Folder]:
    """Below the root, each folder followed by its own; Exchange keeps no soft-deleted folders."""
    match traversal:
        case "Shallow":
            return mailbox.children(root)
        case "Deep":
            return _in_depth(mailbox.folders(root), root.id)
        case "SoftDeleted":
            return []
    raise SoapFault("ErrorInvalidRequest")


def _in_depth(folders: Iterable[Folder], root: int) -> list[Folder]:
    children: dict[int | None, list[Folder]] = {}
    for folder in folders:
        children.setdefault(folder.parent, []).append(folder)
    ordered: list[Folder] = []
    waiting = list(reversed(children.get(root, [])))
    while waiting:
        folder = waiting.pop()
        ordered.append(folder)
        waiting.extend(reversed(children.get(folder.id, [])))
    return ordered


def _reader(mailbox: Mailbox, folder: Folder) -> Reader:
    shown = Shown(mailbox, folder)

    def read(path: Path) -> str | None:
        if path.extended:
            return folder_extended(shown, path.name)
        if not path.name.startswith("folder:"):
            raise EwsError("ErrorUnsupportedPathForQuery")
        return folder_value(shown, property_name(path.name))

    return read


# Items


def find_item(call: Call, request: etree._Element) -> Answer:
    def one(parent: etree._Element) -> Sequence[etree._Element]:
        shape = read_shape(request.find(f"{M}ItemShape"), listing=True)
        items, attributes = _page(call, request, *folder_named(call, parent))
        shown = "".join(render_text(call, item, shape) for item in items)
        return [m("RootFolder", None, of_text("t:Items", shown), **attributes)]

    return each("FindItem", ids_in(request, "ParentFolderIds"), one)


def _page(
    call: Call, request: etree._Element, mailbox: Mailbox, folder: Folder
) -> tuple[Iterable[Item], dict[str, str]]:
    """The items to show, and the attributes of RootFolder."""
    _refuse_unknown(request)
    if (view := request.find(f"{M}CalendarView")) is not None:
        found, last = between(mailbox, folder, view, call.face.find_count_limit)
        page = Slice(0, len(found), len(found), False)
        return found, {**page.attributes(), "IncludesLastItemInRange": "true" if last else "false"}
    if request.get("Traversal") != "Shallow":  # nothing is hidden or soft-deleted in its own folder since Exchange 2010
        return (), dict(Slice(0, 0, 0, False).attributes())
    view_asked = read_view(request, "IndexedPageItemView") or read_view(request, "ContactsView")
    fits, orders = _filter(request), read_orders(request.find(f"{M}SortOrder"))
    column = _column(orders) if fits is None else None
    if column is not None:
        page = sliced(view_asked, mailbox.count(folder), call.face.find_count_limit)
        downwards = not orders or orders[0].descending
        numbers: Sequence[int] = mailbox.item_numbers(
            folder, column, descending=downwards, offset=page.start, limit=page.end - page.start
        )
    else:
        numbers = _remembered(call, request, mailbox, folder, fits, orders)
        page = sliced(view_asked, len(numbers), call.face.find_count_limit)
        numbers = numbers[page.start : page.end]
    return mailbox.items_by_number(numbers), dict(page.attributes())


def _column(orders: Sequence[Order]) -> str | None:
    """The one column that this order means; None where every item has to be looked at."""
    if len(orders) > 1:
        return None
    return _COLUMNS.get(orders[0].path.name) if orders else "received"


def _refuse_unknown(request: etree._Element) -> None:
    for name in ("FractionalPageItemView", "SeekToConditionPageItemView", "GroupBy", "DistinguishedGroupBy"):
        if request.find(f"{M}{name}") is not None:
            raise EwsError("ErrorInvalidOperation", f"The simulated organisation does not know {name}.")


def _remembered(
    call: Call,
    request: etree._Element,
    mailbox: Mailbox,
    folder: Folder,
    fits: _Fits | None,
    orders: Sequence[Order],
) -> Sequence[int]:
    """The ids of all that fit, in order."""
    asked = b"".join(etree.tostring(part) for part in request if etree.QName(part).localname in _SEARCHING)
    key = (folder.id, mailbox.state(folder).committed, asked)
    return call.face.listings.get(key, lambda: _searched(call, mailbox.items(folder), fits, orders))


_SEARCHING = ("Restriction", "SortOrder", "QueryString", "ContactsView")
_Fits = Callable[[Reader], bool]


def _filter(request: etree._Element) -> _Fits | None:
    filters = [each for each in (_restriction(request), _names(request), _words(request)) if each is not None]
    return (lambda reader: all(fits(reader) for fits in filters)) if filters else None


def _names(request: etree._Element) -> _Fits | None:
    """A ContactsView's InitialName and FinalName."""
    view = request.find(f"{M}ContactsView")
    if view is None:
        return None
    first, last = view.get("InitialName", "").casefold(), view.get("FinalName", "").casefold()

    def fits(reader: Reader) -> bool:
        name = reader(Path("contacts:DisplayName"))
        folded = name.casefold() if isinstance(name, str) else ""
        return folded >= first and (not last or folded <= last)

    return fits


_SEARCHED = ("item:Subject", "message:From", "item:DisplayTo", "item:TextBody")


def _words(request: etree._Element) -> _Fits | None:
    """A QueryString: every word stands in the subject, the sender, the recipients or the text. Its keywords aren't known."""
    words = (request.findtext(f"{M}QueryString") or "").casefold().split()
    if not words:
        return None

    def fits(reader: Reader) -> bool:
        found = (reader(Path(name)) for name in _SEARCHED)
        text = " ".join(
            chain.from_iterable([each] if isinstance(each, str) else each for each in found if each)
        ).casefold()
        return all(word in text for word in words)

    return fits


def _searched(call: Call, items: Iterable[Item], fits: _Fits | None, orders: Sequence[Order]) -> Sequence[int]:
    keyed = []
    for item in items:
        reader = reader_of(call, item)
        if fits is None or fits(reader):
            keyed.append((item.id, [sort_key(order.path, reader) for order in orders]))
    for place in reversed(range(len(orders))):
        keyed.sort(key=lambda pair: pair[1][place], reverse=orders[place].descending)
    return [number for number, _ in keyed]


HANDLERS: dict[str, Handler] = {"FindFolder": find_folder, "FindItem": find_item}
