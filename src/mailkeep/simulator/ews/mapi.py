"""Extended properties: those a client stored, and the MAPI properties that Exchange reckons from the item itself.

    0x0E07  PidTagMessageFlags        read, unmodified, submitted, unsent, has attachments, from me
    0x0E06  PidTagMessageDeliveryTime 0x0039  PidTagClientSubmitTime    0x3008  PidTagLastModificationTime
    0x300B  PidTagSearchKey           0x0E08  PidTagMessageSize         0x0E23  PidTagInternetArticleNumber

A client may set some of the reckoned ones when it creates an item (`set_extended`): a restored message is no draft because its
flags say so, and was received when 0x0E06 says so. Source: MS-OXPROPS; MS-OXCMSG 2.2.1.6 for the flags.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from pybase64 import b64encode

from mailkeep.simulator.ews import contact_mapi
from mailkeep.simulator.ews.envelope import EwsError
from mailkeep.simulator.ews.markup import boolean, escape, moment, stamp, text_of
from mailkeep.simulator.ews.view import View
from mailkeep.simulator.exchange.values import PROPERTY_SETS, Item

READ, UNMODIFIED, SUBMITTED, UNSENT, HAS_ATTACHMENTS, FROM_ME = 1, 2, 4, 8, 16, 32
_MESSAGE_FLAGS = "0x0e07"  # kept for the bits the item has no field for, and reckoned all the same
_APPOINTMENT, _TASK = PROPERTY_SETS["Appointment"], PROPERTY_SETS["Task"]
_STATE_FLAGS = f"{_APPOINTMENT}/{0x8217}"  # PidLidAppointmentStateFlags
_RESPONSE_STATUS = f"{_APPOINTMENT}/{0x8218}"  # PidLidResponseStatus
_SEQUENCE = f"{_APPOINTMENT}/{0x8201}"  # PidLidAppointmentSequence
_REPLY_TIME = f"{_APPOINTMENT}/{0x8220}"  # PidLidAppointmentReplyTime
_INVITED = f"{_APPOINTMENT}/{0x8229}"  # PidLidFInvited
_PROCESSED = "0x7d01"  # PidTagProcessed
_PHONETIC = {
    f"{PROPERTY_SETS['Address']}/{0x802C}": "PhoneticFirstName",
    f"{PROPERTY_SETS['Address']}/{0x802D}": "PhoneticLastName",
}
_COMPLETED = f"{_TASK}/{0x810F}"  # PidLidTaskDateCompleted
_TASK_OWNER = f"{_TASK}/{0x811F}"  # PidLidTaskOwner
_ONLINE_LINK = f"{PROPERTY_SETS['PublicStrings']}/=OnlineMeetingExternalLink"
_RECURRING = f"{_APPOINTMENT}/{0x8223}"  # PidLidRecurring
_INSTANCE_TYPE = f"{PROPERTY_SETS['PublicStrings']}/=urn:schemas:calendar:instancetype"
_ANSWERS = (
    "Unknown",
    "Organizer",
    "Tentative",
    "Accept",
    "Decline",
    "NoResponseReceived",
)  # PidLidResponseStatus 0 to 5
_IMPORTANCE = {"Low": "0", "Normal": "1", "High": "2"}
_SENSITIVITY = {"Normal": "0", "Personal": "1", "Private": "2", "Confidential": "3"}
_FLAGS = {"NotFlagged": "0", "Complete": "1", "Flagged": "2"}


def extended_property(view: View, key: str, kind: str, uri: str) -> str:
    """`<t:ExtendedProperty>` for what was asked, "" where the item has no such property."""
    inner = _value(view, key)
    if inner is None:
        return ""
    holder = "Values" if kind.endswith("Array") else "Value"
    return f"<t:ExtendedProperty>{uri}<t:{holder}>{inner}</t:{holder}></t:ExtendedProperty>"


def _value(view: View, key: str) -> str | None:
    kept = view.item.extended.get(key)
    if kept is not None and key != _MESSAGE_FLAGS:
        return kept[1]
    maker = _RECKONED.get(key)
    return contact_mapi.get(view.item, key) if maker is None else maker(view)


def drop_extended(item: Item, key: str) -> None:
    """Take an extended property away, whichever place it has."""
    if not contact_mapi.put(item, key, ""):
        item.extended.pop(key, None)


def flags(view: View) -> int:
    """PidTagMessageFlags."""
    item = view.item
    value = READ * item.read + UNSENT * item.draft + HAS_ATTACHMENTS * bool(view.attachments)
    kept = item.extended.get(_MESSAGE_FLAGS)
    return value | (int(kept[1]) & (UNMODIFIED | SUBMITTED | FROM_ME) if kept else 0)


def set_extended(item: Item, key: str, kind: str, inner: str) -> None:
    """Store an extended property; one that the item itself has is set there. Raises `EwsError` for a value of another type."""
    try:
        if not _set_own(item, key, inner) and not contact_mapi.put(item, key, inner):
            item.extended[key] = (kind, inner)
            _mirror(item, key, inner)
    except (ValueError, IndexError) as error:
        raise EwsError("ErrorInvalidExtendedPropertyValue", "The extended property value is not valid.") from error


def _mirror(item: Item, key: str, inner: str) -> None:
    """What EWS shows as a read-only property of its own, and lets a client set only so."""
    if key == _STATE_FLAGS:
        state = int(inner)
        item.properties["AppointmentState"] = inner
        item.properties["IsMeeting"] = boolean(bool(state & 1))
        item.properties["IsCancelled"] = boolean(bool(state & 4))
    elif key == _RESPONSE_STATUS:
        item.properties["MyResponseType"] = _ANSWERS[int(inner)]
        if item.item_class.lower().startswith("ipm.schedule.meeting."):
            item.properties["ResponseType"] = _ANSWERS[int(inner)]
    elif key == _PROCESSED:
        item.properties["HasBeenProcessed"] = inner
    elif key in _PHONETIC:
        item.properties[_PHONETIC[key]] = inner
    elif key == _SEQUENCE:
        item.properties["AppointmentSequenceNumber"] = inner
    elif key == _REPLY_TIME:
        item.properties["AppointmentReplyTime"] = stamp(moment(inner))
    elif key == _INVITED:
        item.properties["MeetingRequestWasSent"] = inner
    elif key == _ONLINE_LINK:
        item.properties |= {"JoinOnlineMeetingUrl": inner, "IsOnlineMeeting": "true"}
    elif key == _COMPLETED:
        item.properties["CompleteDate"] = stamp(moment(inner))
    elif key == _TASK_OWNER:
        item.properties["Owner"] = inner
    elif key in ("0x0070", "0x0071"):
        item.properties["ConversationTopic" if key == "0x0070" else "ConversationIndex"] = inner


def _set_own(item: Item, key: str, inner: str) -> bool:
    """True: the item has it now. The search key is the store's: setting it is ignored, as Exchange does."""
    match key:
        case "0x0e07":
            value = int(inner)
            item.read, item.draft = bool(value & READ), bool(value & UNSENT)
            item.extended[key] = ("Integer", str(value))
        case "0x0e06":
            item.received = moment(inner)
        case "0x0039":
            item.sent = moment(inner)
        case "0x3007":
            item.created = moment(inner)
        case "0x001a":
            item.item_class = text_of(inner)
        case "0x300b" | "0x3008" | "0x0e08" | "0x0fff":
            pass
        case _:
            return False
    return True


def _time(pick: Callable[[Item], datetime | None]) -> Callable[[View], str | None]:
    def of(view: View) -> str | None:
        found = pick(view.item)
        return stamp(found) if found else None

    return of


def _copied(name: str) -> Callable[[View], str | None]:
    return lambda view: view.property(name)


def _binary(content: bytes) -> str:
    return b64encode(content).decode("ascii")


def _boxes(view: View, name: str, tag: str) -> str | None:
    """The first Name or EmailAddress of a person's property."""
    inner = view.item.properties.get(name, "")
    start = inner.find(f"<t:{tag}>")
    return inner[start + len(tag) + 4 : inner.find("<", start + 1)] if start >= 0 else None


def _body(view: View, kind: str) -> str | None:
    if kind == "HTML":
        html = view.property("Body") if view.property("Body@BodyType") == "HTML" else None
        return None if html is None else _binary(text_of(html).encode())
    return view.property("TextBody") if view.property("Body@BodyType") == "HTML" else view.property("Body")


_RECKONED: dict[str, Callable[[View], str | None]] = {
    "0x001a": lambda view: escape(view.item.item_class),
    "0x0017": lambda view: _IMPORTANCE.get(view.item.properties.get("Importance", "Normal")),
    "0x0026": lambda view: {"Low": "-1", "Normal": "0", "High": "1"}.get(
        view.item.properties.get("Importance", "Normal")
    ),
    "0x0036": lambda view: _SENSITIVITY.get(view.item.properties.get("Sensitivity", "Normal")),
    "0x0037": _copied("Subject"),
    "0x0e1d": _copied("ConversationTopic"),
    "0x0070": _copied("ConversationTopic"),
    "0x0071": _copied("ConversationIndex"),
    "0x1035": _copied("InternetMessageId"),
    "0x1039": _copied("References"),
    "0x1042": _copied("InReplyTo"),
    "0x0039": _time(lambda item: item.sent),
    "0x0e06": _time(lambda item: item.received),
    "0x3007": _time(lambda item: item.created),
    "0x3008": _time(lambda item: item.modified),
    "0x0e07": lambda view: str(flags(view)),
    "0x0e08": lambda view: str(view.item.size),
    "0x0e1b": lambda view: boolean(bool(view.attachments)),
    "0x0e23": lambda view: str(view.item.id & 0x7FFFFFFF),
    "0x0e69": lambda view: boolean(view.item.read),
    "0x300b": lambda view: _binary(view.item.search_key),
    "0x0fff": lambda view: _binary(
        b"\0\0\0\0mk" + view.item.mailbox.to_bytes(8, "big") + view.item.id.to_bytes(8, "big")
    ),
    "0x65e0": lambda view: _binary(b"mailkeep-source!" + view.item.id.to_bytes(6, "big")),
    "0x65e2": lambda view: _binary(b"mailkeep-change!" + view.item.change.to_bytes(6, "big")),
    "0x0c1a": lambda view: _boxes(view, "Sender", "Name"),
    "0x0c1f": lambda view: _boxes(view, "Sender", "EmailAddress"),
    "0x5d01": lambda view: _boxes(view, "Sender", "EmailAddress"),
    "0x0042": lambda view: _boxes(view, "From", "Name"),
    "0x0065": lambda view: _boxes(view, "From", "EmailAddress"),
    "0x5d02": lambda view: _boxes(view, "From", "EmailAddress"),
    "0x1000": lambda view: _body(view, "Text"),
    "0x1013": lambda view: _body(view, "HTML"),
    "0x1090": lambda view: _FLAGS.get(_flag_status(view.item)) if "Flag" in view.item.properties else None,
    "0x3fd9": _copied("Preview"),
    "0x3fde": lambda _: "65001",
}


_RECKONED |= {
    _STATE_FLAGS: _copied("AppointmentState"),
    _SEQUENCE: _copied("AppointmentSequenceNumber"),
    _REPLY_TIME: _copied("AppointmentReplyTime"),
    _INVITED: _copied("MeetingRequestWasSent"),
    _ONLINE_LINK: _copied("JoinOnlineMeetingUrl"),
    _COMPLETED: _copied("CompleteDate"),
    _TASK_OWNER: _copied("Owner"),
    _RESPONSE_STATUS: lambda view: _response_status(view.item),
    _RECURRING: lambda view: boolean("Recurrence" in view.item.properties) if _is_event(view.item) else None,
    _INSTANCE_TYPE: lambda view: _instance_type(view.item) if _is_event(view.item) else None,
}


def _is_event(item: Item) -> bool:
    return item.element == "CalendarItem"


def _instance_type(item: Item) -> str:
    """0 single, 1 master of a series, 2 an occurrence."""
    if item.occurrence is not None:
        return "2"
    return "1" if "Recurrence" in item.properties else "0"


def _response_status(item: Item) -> str | None:
    said = item.properties.get("MyResponseType")
    return str(_ANSWERS.index(said)) if said in _ANSWERS else None


def _flag_status(item: Item) -> str:
    inner = item.properties.get("Flag", "")
    return next((status for status in ("Flagged", "Complete") if f">{status}<" in inner), "NotFlagged")
