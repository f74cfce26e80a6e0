"""Restores: folders and items put onto the server, and taken back as long as nobody changed them. Nothing is ever sent.

    ews.export and a server with UploadItems ──▶ UploadItems, then read state and flag as they were last
    anything else                            ──▶ CreateItem (`composing`), CreateAttachment, the exceptions of a series

A property that the server refuses is left out and named in `Created.cannot`: by the server's own word where it names one,
else step by step, the rarer ones first. Some servers refuse a MIME with another's From; there the message is made empty and
given its MIME afterwards.

A restore that is cut between the steps of one item leaves no half of it: what was just made is taken back, and where its
making was not answered, it is found by a mark (a property of ours, gone when the item is finished).
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import pybase64
from lxml import etree

from mailkeep.connectors.base import Created, NewItem
from mailkeep.connectors.ews import series
from mailkeep.connectors.ews.attaching import attach
from mailkeep.connectors.ews.composing import MARK, Form, form_of, has_details, parts_set, pieces, properties, state_of
from mailkeep.connectors.ews.hierarchy import FOLDER_CLASSES, Hierarchy
from mailkeep.connectors.ews.patience import answer
from mailkeep.connectors.ews.refusals import ServerFailed
from mailkeep.connectors.ews.session import Session
from mailkeep.connectors.ews.settable import RARER_FIRST, creatable, extended_key, field_key
from mailkeep.connectors.ews.whole import EXPORT
from mailkeep.connectors.ews.wire import codes, listing, requests, writing
from mailkeep.connectors.ews.wire.envelope import Request
from mailkeep.connectors.ews.wire.ids import FolderName
from mailkeep.connectors.ews.wire.listing import attachments_of
from mailkeep.connectors.ews.wire.names import T
from mailkeep.connectors.ews.wire.responses import ResponseMessage
from mailkeep.connectors.ews.wire.shapes import LISTING, MIME, Shape
from mailkeep.errors import GiveUp, MailkeepError, RetryLater, RetryNow
from mailkeep.mail.items import Folder, Kind, Section

_WHAT = "create an item"
_FILLED_BYTES_MAX = 24 << 20  # of a MIME that is given afterwards: it is held as text
_STATE = Shape(fields=("message:IsRead", "item:Flag", "item:IsDraft"))
_FINAL = frozenset({"over_quota", "folder_not_found", "mailbox_not_found", "impersonation_denied", "item_too_large"})
_NOT_AS_SOMEBODY = frozenset({"ErrorAccessDenied", "ErrorSendAsDenied", "ErrorCreateItemAccessDenied"})
_NOT_THERE = frozenset({"ErrorItemNotFound", "ErrorObjectNotFound"})
_NOTHING_DONE = frozenset({"throttled", "mailbox_moving"})  # the request was refused before it did anything
_TAKEN_BACK_TRIES = 3
_FAILED_PAUSES = (
    0.2,
    1.0,
    0.0,
)  # seconds after an HTTP 500 over the first stream; after the last, the operation is missing
_REFUSED_MAX = 2  # streams of two items


@dataclass(slots=True)
class Uploads:
    """Whether this server takes FastTransfer streams: None until one was taken, or enough were not."""

    there: bool | None = None
    refused: int = 0


def create_folder(hierarchy: Hierarchy, session: Session, path: tuple[str, ...], kind: Kind) -> Folder:
    """The folder of that path in the primary mailbox, made with its parents where it is missing."""
    known = _primary(hierarchy)
    parent: FolderName = hierarchy.root()
    for depth in range(1, len(path) + 1):
        found = known.get(path[:depth])
        if found is None:
            request = writing.create_folder(parent, path[depth - 1], FOLDER_CLASSES[kind])
            message = answer(session, request, "create a folder")
            if message.response_class == "Error" and message.code != "ErrorFolderExists":
                raise session.error(message, f"create the folder {'/'.join(path[:depth])}")
            known = _primary(hierarchy)
            found = known.get(path[:depth])
        if found is None:
            told = f"the folder {'/'.join(path[:depth])} is there, but the server does not show it"
            raise GiveUp("cannot_create", told, "choose another name for it")
        parent = found.id
    return known[path]


def _primary(hierarchy: Hierarchy) -> dict[tuple[str, ...], Folder]:
    listed = (one.folder for one in hierarchy.listed())
    return {folder.path: folder for folder in listed if folder.section is Section.PRIMARY}


def create(session: Session, folder: Folder, item: NewItem, uploads: Uploads) -> Created:
    """Add the item to the folder: whole, but for what the server will not take. Where it raises, nothing is left behind."""
    stream = next((part.content for part in item.parts if part.name == EXPORT), b"")
    if len(stream) and uploads.there is not False:
        item_id = _upload(session, folder, bytes(stream), uploads)
        if item_id:
            return _completed(session, item_id, lambda: _set_state(session, item_id, item))
    form = form_of(item)
    if has_details(form):
        form = replace(form, mark=secrets.token_hex(16))
    made, without = _create(session, folder, form)
    cannot = [name for name in without if name != MARK.key]
    return _completed(session, made, lambda: cannot + _detailed(session, made, form, marked=MARK.key not in without))


def _completed(session: Session, item_id: str, work: Callable[[], list[str]]) -> Created:
    """The rest of an item that is there by now. If that must wait, the item goes: half of it would be taken for another."""
    try:
        return Created(item_id, tuple(dict.fromkeys(work())))
    except MailkeepError as error:
        if _taken_back(session, item_id):
            raise
        return Created(item_id, (f"not finished: {error.message}",))


def _taken_back(session: Session, item_id: str) -> bool:
    """Remove the item that was made a moment ago. Its id is the proof: nobody else has it yet, and no other item ever will."""
    for _ in range(_TAKEN_BACK_TRIES):
        try:
            message = answer(session, silently(writing.delete_item([item_id])), "take back an unfinished item")
        except RetryNow:
            continue
        except MailkeepError:
            return False  # the caller tells of the item, which stays
        return message.response_class != "Error" or message.code in _NOT_THERE
    return False


def _detailed(session: Session, item_id: str, form: Form, *, marked: bool) -> list[str]:
    """Attachments, the exceptions of a series, and the mark away; returns what the server would not take."""
    if not has_details(form) or form.element is None:
        return []
    cannot = attach(session, item_id, attachments_of(form.element), form.attachments)
    exceptions = series.exceptions_of(form.element, form.occurrences)
    if exceptions:
        cannot += series.restore(session, item_id, form.element, exceptions)
    if marked:
        meetings = form.name == "CalendarItem"
        change = writing.DeleteField(MARK)
        update = writing.update_item(item_id, [change], meetings=meetings, conflict="AlwaysOverwrite")
        if answer(session, silently(update), "finish a restored item").response_class == "Error":
            cannot.append("the restore's own mark stays on it")
    return cannot


def remove_created(session: Session, item_id: str, content_sha256: str, version: str) -> bool:
    """Remove that item if it still is what was read back. False: left alone."""
    message = answer(session, requests.get_item([item_id], LISTING if version else MIME), "look at a restored item")
    if message.response_class == "Error" or message.item is None:
        return False
    if version:
        unchanged = listing.item_ref(message.item).version == version
    else:
        held = message.content
        unchanged = held is not None and hashlib.sha256(held.content).hexdigest() == content_sha256
    if not unchanged:
        return False
    removed = answer(session, silently(writing.delete_item([item_id])), "remove a restored item")
    if removed.response_class == "Error" and removed.code not in _NOT_THERE:
        raise session.error(removed, "remove a restored item")
    return removed.response_class != "Error"


def silently(request: Request) -> Request:
    """The request, so that it sends no read receipt either: marking or deleting a letter would, where its sender asked."""
    opening = request.pieces[0]
    if not isinstance(opening, bytes):
        raise TypeError("a request begins with bytes")
    name = f"<m:{request.operation} ".encode()
    silent = opening.replace(name, name + b'SuppressReadReceipts="true" ', 1)
    return replace(request, pieces=(silent, *request.pieces[1:]))


# --- streams ----------------------------------------------------------------------------------------------------------


def _upload(session: Session, folder: Folder, stream: bytes, uploads: Uploads) -> str:
    """The new item's id, "" where the server takes no such stream."""
    message = _upload_answered(session, writing.upload_items([(folder.id, stream)]), uploads)
    if message is None:
        uploads.there = False
        return ""
    if message.response_class != "Error":
        uploads.there = True
        made = listing.new_ids(message)
        return made[0][0] if made else ""
    error = session.error(message, _WHAT, writing=True)
    if error.code in _FINAL:
        raise error
    uploads.refused += 1
    if uploads.there is None and (codes.is_missing_operation(message.code) or uploads.refused >= _REFUSED_MAX):
        uploads.there = False
    return ""


def _upload_answered(session: Session, request: Request, uploads: Uploads) -> ResponseMessage | None:
    """None: the server fails over it again and again, and never took one, so that it knows no such operation."""
    if uploads.there:
        return answer(session, request, _WHAT)
    for pause in _FAILED_PAUSES:  # one bad moment proves nothing
        try:
            return answer(session, request, _WHAT)
        except ServerFailed:
            time.sleep(pause)
    return None


def _set_state(session: Session, item_id: str, item: NewItem) -> list[str]:
    """Read state and flag as they were last, which the stream may not know. Returns what the server would not take."""
    if item.kind is not Kind.MAIL:
        return []
    element = answer(session, requests.get_item([item_id], _STATE), _WHAT).item
    if element is None:
        return ["seen", "flagged"]
    now = listing.item_ref(element).flags
    name = creatable(etree.QName(element).localname)
    cannot = []
    for flag, uri, xml in (
        ("seen", "message:IsRead", ("<t:IsRead>false</t:IsRead>", "<t:IsRead>true</t:IsRead>")),
        ("flagged", "item:Flag", (_flag("NotFlagged"), _flag("Flagged"))),
    ):
        if (flag in item.flags) == (flag in now):
            continue
        change = writing.SetField(uri, name, xml[flag in item.flags])
        update = writing.update_item(item_id, [change], conflict="AlwaysOverwrite")  # nobody else knows the item yet
        if answer(session, silently(update), _WHAT).response_class == "Error":
            cannot.append(flag)
    return cannot


def _flag(status: str) -> str:
    return f"<t:Flag><t:FlagStatus>{status}</t:FlagStatus></t:Flag>"


# --- properties -------------------------------------------------------------------------------------------------------


def _create(session: Session, folder: Folder, form: Form) -> tuple[str, list[str]]:
    """The new item's id and what had to be left out."""
    without: list[str] = []
    steps = list(RARER_FIRST)
    while True:
        element = pieces(form, without)
        request = writing.create_item(folder.id, [element], meetings=form.name == "CalendarItem")
        try:
            message = answer(session, request, _WHAT, lasts=bool(without))
        except (RetryNow, RetryLater) as error:
            unheard = _made_unheard(session, folder, form, error)
            if not unheard:
                raise
            return unheard, without
        if message.response_class != "Error":
            return _id_of(message), without
        refused = session.error(message, _WHAT, writing=True)
        if refused.code in _FINAL:
            raise refused
        if message.code in _NOT_AS_SOMEBODY:
            return _create_then_fill(session, folder, form, refused), without
        left_out = _named(message, form, without) or _next_step(form, without, steps)
        if not left_out:
            raise _refused(refused)
        without += left_out


def _made_unheard(session: Session, folder: Folder, form: Form, error: MailkeepError) -> str:
    """The id of an item that was made while its answer was lost, found by its mark; "" where there is none."""
    if not form.mark or error.code in _NOTHING_DONE:
        return ""
    request = requests.find_item(folder.id, Shape(fields=(MARK,)), count=10, equals=((MARK, form.mark),))
    try:
        message = answer(session, request, "look for an item whose making was not answered")
    except MailkeepError:
        return ""  # the caller raises what was first
    for element in message.items:  # a server that knows no restriction shows others too
        marks = (one for one in element.iterfind(f"{T}ExtendedProperty") if extended_key(one) == MARK.key)
        if any(one.findtext(f"{T}Value") == form.mark for one in marks):
            return listing.item_ref(element).id
    return ""


def _named(message: ResponseMessage, form: Form, without: list[str]) -> list[str]:
    """The property that the server itself says it will not take."""
    set_now = parts_set(form, without)
    for field in message.element.iter("{*}FieldURI", "{*}IndexedFieldURI"):
        name = field.get("FieldURI", "").partition(":")[2]
        if name in set_now and name not in without:
            return [name]
    if "ExtendedProperty" in set_now:
        return [key for key in map(field_key, message.element.iter("{*}ExtendedFieldURI")) if key not in without][:1]
    return []


def _next_step(form: Form, without: list[str], steps: list[frozenset[str]]) -> list[str]:
    set_now = parts_set(form, without)
    while steps:
        left_out = sorted(name for name in steps.pop(0) if name in set_now)
        if left_out:
            return left_out
    return []


def _refused(error: MailkeepError) -> MailkeepError:
    """A server that fails over this item alone is no reason to come back later."""
    if isinstance(error, RetryLater):
        return GiveUp("cannot_create", error.message, "look into the server's log")
    return error


def _create_then_fill(session: Session, folder: Folder, form: Form, refused: MailkeepError) -> str:
    """A message made without its MIME, which it is given as a change."""
    if form.item.kind is not Kind.MAIL or not form.by_mime or len(form.item.content) > _FILLED_BYTES_MAX:
        raise refused
    bare = replace(form, item=replace(form.item, content=b"\r\n"), element=None)
    element = writing.item_element(bare.name, "".join(properties(bare, ("Flag",)).values()))
    message = answer(session, writing.create_item(folder.id, [element]), _WHAT)
    if message.response_class == "Error":
        raise refused
    item_id = _id_of(message)
    mime = f'<t:MimeContent CharacterSet="UTF-8">{pybase64.b64encode_as_string(form.item.content)}</t:MimeContent>'
    read = "true" if "seen" in form.item.flags else "false"
    changes = [
        writing.SetField("item:MimeContent", bare.name, mime),
        writing.SetField("message:IsRead", bare.name, f"<t:IsRead>{read}</t:IsRead>"),
        *(writing.SetField(one, bare.name, writing.extended_property(one, value)) for one, value in state_of(form)),
    ]
    update = silently(writing.update_item(item_id, changes, conflict="AlwaysOverwrite"))
    try:
        filled = answer(session, update, _WHAT)
    except MailkeepError:
        _taken_back(session, item_id)
        raise
    if filled.response_class == "Error":
        _taken_back(session, item_id)
        raise refused
    return item_id


def _id_of(message: ResponseMessage) -> str:
    made = listing.new_ids(message)
    return made[0][0] if made else ""
