"""The properties that a server reckons when it shows an item: ids, times, names of recipients, what follows from others.

`COMPUTED` makes the element's text ("" where the item has none of it); `STANDING` is what Exchange says of an item of which
nobody said anything else. What depends on occurrences and time zones is in `calendar_view`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from hashlib import blake2b

from pybase64 import b64encode

from mailkeep.simulator.ews import attachment_xml, calendar_view
from mailkeep.simulator.ews.composing import people, text_of_html
from mailkeep.simulator.ews.markup import boolean, element, escape, local_name, outer_xml, parsed, stamp, text_of
from mailkeep.simulator.ews.view import View, folder_id_xml, item_id_xml, stored
from mailkeep.simulator.exchange.values import Item

_RIGHTS = "".join(
    f"<t:{name}>{value}</t:{name}>"
    for name, value in (
        ("CreateAssociated", "false"),
        ("CreateContents", "false"),
        ("CreateHierarchy", "false"),
        ("Delete", "true"),
        ("Modify", "true"),
        ("Read", "true"),
        ("ViewPrivateItems", "true"),
    )
)
_REPLIES = "<t:ReplyToItem/><t:ReplyAllToItem/><t:ForwardItem/>"
_RESPONSES = {
    "Message": _REPLIES,
    "MeetingMessage": _REPLIES,
    "MeetingResponse": _REPLIES,
    "MeetingCancellation": "<t:ReplyToItem/><t:ReplyAllToItem/><t:ForwardItem/><t:RemoveItem/>",
    "MeetingRequest": "<t:AcceptItem/><t:TentativelyAcceptItem/><t:DeclineItem/>" + _REPLIES,
    "PostItem": "<t:PostReplyItem/><t:ReplyToItem/><t:ForwardItem/>",
    "CalendarItem": "<t:ForwardItem/>",
    "Contact": "<t:ForwardItem/>",
    "DistributionList": "<t:ForwardItem/>",
    "Task": "<t:ForwardItem/>",
    "Item": "<t:ForwardItem/>",
}
_STATUS_TEXT = {
    "NotStarted": "Not Started",
    "InProgress": "In Progress",
    "Completed": "Completed",
    "WaitingOnOthers": "Waiting on someone else",
    "Deferred": "Deferred",
}
_REPLY_MARK = re.compile(r"^(?:[A-Za-z]{1,3}\s*(?:\[\d+\])?:\s*)+")
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)

# What every item has, whoever made it and however.
STANDING = {
    name: element(name, value)
    for name, value in {
        "Sensitivity": "Normal",
        "Importance": "Normal",
        "IsSubmitted": "false",
        "IsResend": "false",
        "IsAssociated": "false",
        "Culture": "en-US",
        "ReminderIsSet": "false",
        "ReminderMinutesBeforeStart": "0",
        "Flag": "<t:FlagStatus>NotFlagged</t:FlagStatus>",
        "IsReadReceiptRequested": "false",
        "IsDeliveryReceiptRequested": "false",
        "IsResponseRequested": "false",
        "IsAllDayEvent": "false",
        "LegacyFreeBusyStatus": "Busy",
        "IsCancelled": "false",
        "MeetingRequestWasSent": "false",
        "ConflictingMeetingCount": "0",
        "AdjacentMeetingCount": "0",
        "AppointmentSequenceNumber": "0",
        "AllowNewTimeProposal": "true",
        "IsOnlineMeeting": "false",
        "IsDelegated": "false",
        "IsOutOfDate": "false",
        "HasBeenProcessed": "false",
        "ResponseType": "Unknown",
        "FileAsMapping": "None",
        "PercentComplete": "0",
        "Status": "NotStarted",
        "IsTeamTask": "false",
        "ChangeCount": "1",
        "DelegationState": "NoMatch",
    }.items()
}


def received(item: Item) -> datetime:
    """When it came; for what never came, when it was made."""
    return item.received or item.created or _LONG_AGO


def sent(item: Item) -> datetime:
    return item.sent or item.received or item.created or _LONG_AGO


def _times(name: str, pick: Callable[[Item], datetime | None]) -> Callable[[View], str]:
    def of(view: View) -> str:
        found = pick(view.item)
        return f"<t:{name}>{stamp(found)}</t:{name}>" if found else ""

    return of


def _display(name: str, sources: Iterable[str]) -> Callable[[View], str]:
    """`DisplayTo`: the names of recipients, with semicolons between them."""

    def of(view: View) -> str:
        names = []
        for source in sources:
            inner = view.item.properties.get(source)
            names += [box[0] or box[1] for box in people(inner)] if inner else []
        return element(name, escape("; ".join(dict.fromkeys(names))))  # a meeting request says its guests twice

    return of


def _body(view: View) -> str:
    body, kind = view.property("Body"), view.property("Body@BodyType") or "Text"
    if body is None:
        return '<t:Body BodyType="Text"/>' if view.shape.body_type != "HTML" else '<t:Body BodyType="HTML"/>'
    return _as_asked(view, "Body", body, kind, view.shape.body_type)


def _text_body(view: View) -> str:
    body, kind = view.property("Body"), view.property("Body@BodyType") or "Text"
    return "" if body is None else _as_asked(view, "TextBody", body, kind, "Text")


def _as_asked(view: View, name: str, body: str, kind: str, wanted: str) -> str:
    if wanted == "Text" and kind == "HTML":
        plain = view.property("TextBody")
        body, kind = (escape(text_of_html(text_of(body))) if plain is None else plain), "Text"
    elif wanted == "HTML" and kind == "Text":
        body, kind = escape(_page(body)), "HTML"
    cut = view.shape.body_length_max
    if cut and len(body) > cut:
        body = escape(text_of(body)[:cut])
        return element(name, body, f' BodyType="{kind}" IsTruncated="true"')
    return element(name, body, f' BodyType="{kind}"')


def _page(text: str) -> str:
    """Plain text as Exchange shows it to who asks for HTML. `text` is escaped already, as HTML wants it too."""
    lines = text.replace("&#xD;", "").replace("\n", "<br>\n")
    head = '<meta http-equiv="Content-Type" content="text/html; charset=utf-8">'
    return f'<html><head>\n{head}</head><body><div class="PlainText">{lines}</div></body></html>'


def _lazy(name: str) -> Callable[[View], str]:
    def of(view: View) -> str:
        inner = view.property(name)
        return "" if not inner else element(name, inner)

    return of


def _internet_headers(view: View) -> str:
    inner = view.property("InternetMessageHeaders")
    wanted = {index.lower() for uri, index in view.shape.indexed if uri == "item:InternetMessageHeader"}
    if inner and wanted and not view.shape.whole("InternetMessageHeaders"):
        nodes = [node for node in parsed(inner) if node.get("HeaderName", "").lower() in wanted]
        inner = "".join(map(outer_xml, nodes))
    return element("InternetMessageHeaders", inner) if inner else ""


def _entries(name: str, uri: str) -> Callable[[View], str]:
    """A dictionary of a contact, whole or only the entries that were asked for."""

    def of(view: View) -> str:
        inner = view.item.properties.get(name)
        if not inner:
            return ""
        if not view.shape.whole(name):
            asked = [(path, key) for path, key in view.shape.indexed if path.startswith(uri)]
            inner = _some_entries(inner, asked) if asked else inner
        return element(name, inner) if inner else ""

    return of


def _some_entries(inner: str, asked: list[tuple[str, str]]) -> str:
    kept = []
    for node in parsed(inner):
        paths = [path.rpartition(":")[2] for path, key in asked if key == node.get("Key")]
        if paths and len(node):
            fields = [each for each in node if local_name(each) in paths]
            kept.append(
                element("Entry", "".join(map(outer_xml, fields)), f' Key="{node.get("Key")}"') if fields else ""
            )
        elif paths:
            kept.append(outer_xml(node))
    return "".join(kept)


def conversation_id(item: Item) -> str:
    """The same for all messages of one topic, as Exchange makes it where there is no thread index."""
    topic = item.properties.get("ConversationTopic")
    if topic is None:
        topic = _REPLY_MARK.sub("", item.properties.get("Subject", ""))
    digest = blake2b(topic.lower().encode(), digest_size=16).digest()
    return b64encode(b"AAQkAG" + digest).decode("ascii")


def _conversation_index(view: View) -> str:
    if "ConversationIndex" in view.item.properties:
        return stored(view.item.properties, "ConversationIndex")
    moment = int(sent(view.item).timestamp()).to_bytes(6, "big")
    topic = blake2b(conversation_id(view.item).encode(), digest_size=16).digest()
    return element("ConversationIndex", b64encode(b"\x01" + moment[1:] + topic).decode("ascii"))


def _has_attachments(view: View) -> str:
    return f"<t:HasAttachments>{boolean(any(not each.inline for each in view.attachments))}</t:HasAttachments>"


def _attachments(view: View) -> str:
    inner = "".join(attachment_xml.attachment_info(view, each) for each in view.attachments)
    return element("Attachments", inner) if inner else ""


def _from_me(view: View) -> str:
    address = view.mailbox.address.lower()
    return element(
        "IsFromMe", boolean(any(box[1].lower() == address for box in people(view.item.properties.get("From", ""))))
    )


def _owner(name: str) -> Callable[[View], str]:
    """The mailbox's owner, as who received a message."""

    def of(view: View) -> str:
        if name in view.item.properties:
            return stored(view.item.properties, name)
        if view.item.draft or view.item.received is None:
            return ""
        box = view.mailbox
        inner = (
            f"<t:Name>{escape(box.name)}</t:Name><t:EmailAddress>{escape(box.address)}</t:EmailAddress>"
            "<t:RoutingType>SMTP</t:RoutingType><t:MailboxType>Mailbox</t:MailboxType>"
        )
        return element(name, f"<t:Mailbox>{inner}</t:Mailbox>")

    return of


def _complete_name(view: View) -> str:
    properties = view.item.properties
    kept = properties.get("CompleteName")
    if kept:
        return element("CompleteName", kept)
    pairs = (
        ("FirstName", "GivenName"), ("MiddleName", "MiddleName"), ("LastName", "Surname"), ("Suffix", "Generation"),
        ("Initials", "Initials"), ("FullName", "DisplayName"), ("Nickname", "Nickname"),
    )  # fmt: skip
    inner = "".join(element(name, properties[source]) for name, source in pairs if properties.get(source))
    return element("CompleteName", inner) if inner else ""


def _photo(view: View) -> str:
    photo = next((each for each in view.attachments if each.contact_photo), None)
    if photo is not None:
        return element("Photo", b64encode(photo.content).decode("ascii"))
    return stored(view.item.properties, "Photo") if "Photo" in view.item.properties else ""


def _status_description(view: View) -> str:
    return element("StatusDescription", _STATUS_TEXT.get(view.item.properties.get("Status", "NotStarted"), ""))


def _posted(view: View) -> str:
    if "PostedTime" in view.item.properties:
        return stored(view.item.properties, "PostedTime")
    return element("PostedTime", stamp(sent(view.item)))


def _unique_body(view: View) -> str:
    text = _body(view)
    return text.replace("<t:Body ", "<t:UniqueBody ", 1).replace("</t:Body>", "</t:UniqueBody>")


def _web_query(name: str, model: str) -> Callable[[View], str]:
    def of(view: View) -> str:
        number = f"{view.item.mailbox}-{view.item.id}"
        return element(name, f"https://owa.simulator.invalid/owa/?ItemID={number}&amp;exvsurl=1&amp;viewmodel={model}")

    return of


COMPUTED: dict[str, Callable[[View], str]] = {
    "ItemId": lambda view: item_id_xml(view.item),
    "ParentFolderId": folder_id_xml,
    "ItemClass": lambda view: f"<t:ItemClass>{escape(view.item.item_class)}</t:ItemClass>",
    "Body": _body,
    "TextBody": _text_body,
    "UniqueBody": _unique_body,
    "NormalizedBody": lambda view: _unique_body(view).replace("UniqueBody", "NormalizedBody"),
    "Attachments": _attachments,
    "DateTimeReceived": _times("DateTimeReceived", received),
    "Size": lambda view: f"<t:Size>{min(view.item.size, 0x7FFFFFFF)}</t:Size>",
    "IsDraft": lambda view: f"<t:IsDraft>{boolean(view.item.draft)}</t:IsDraft>",
    "IsFromMe": _from_me,
    "IsUnmodified": lambda view: element("IsUnmodified", boolean(view.item.modified == view.item.created)),
    "InternetMessageHeaders": _internet_headers,
    "DateTimeSent": _times("DateTimeSent", sent),
    "DateTimeCreated": _times("DateTimeCreated", lambda item: item.created),
    "ResponseObjects": lambda view: (
        "" if view.item.draft else element("ResponseObjects", _RESPONSES[view.item.element])
    ),
    "DisplayCc": _display("DisplayCc", ("CcRecipients", "OptionalAttendees")),
    "DisplayTo": _display("DisplayTo", ("ToRecipients", "RequiredAttendees")),
    "DisplayBcc": _display("DisplayBcc", ("BccRecipients",)),
    "HasAttachments": _has_attachments,
    "EffectiveRights": lambda _: f"<t:EffectiveRights>{_RIGHTS}</t:EffectiveRights>",
    "LastModifiedName": lambda view: element("LastModifiedName", escape(view.mailbox.name)),
    "LastModifiedTime": _times("LastModifiedTime", lambda item: item.modified),
    "WebClientReadFormQueryString": _web_query("WebClientReadFormQueryString", "ReadMessageItem"),
    "WebClientEditFormQueryString": _web_query("WebClientEditFormQueryString", "ItemCompose"),
    "ConversationId": lambda view: f'<t:ConversationId Id="{conversation_id(view.item)}"/>',
    "ConversationIndex": _conversation_index,
    "InstanceKey": lambda view: element("InstanceKey", b64encode(b"key %d" % view.item.id).decode("ascii")),
    "StoreEntryId": lambda view: element("StoreEntryId", b64encode(b"\0\0\0\0mk%d" % view.item.id).decode("ascii")),
    "IconIndex": lambda _: element("IconIndex", "Default"),
    "Preview": _lazy("Preview"),
    "IsRead": lambda view: f"<t:IsRead>{boolean(view.item.read)}</t:IsRead>",
    "ReceivedBy": _owner("ReceivedBy"),
    "ReceivedRepresenting": _owner("ReceivedRepresenting"),
    "EmailAddresses": _entries("EmailAddresses", "contacts:EmailAddress"),
    "PhysicalAddresses": _entries("PhysicalAddresses", "contacts:PhysicalAddress"),
    "PhoneNumbers": _entries("PhoneNumbers", "contacts:PhoneNumber"),
    "ImAddresses": _entries("ImAddresses", "contacts:ImAddress"),
    "CompleteName": _complete_name,
    "HasPicture": lambda view: element("HasPicture", boolean(any(each.contact_photo for each in view.attachments))),
    "Photo": _photo,
    "IsComplete": lambda view: element("IsComplete", boolean(view.item.properties.get("Status") == "Completed")),
    "StatusDescription": _status_description,
    "PostedTime": _posted,
    **calendar_view.COMPUTED,
}
