"""What we make of EWS's answers: listings, errors, comparable properties, and items as people read them."""

from __future__ import annotations

import base64
import time
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from mailkeep.connectors.base import Gone, Listed, Marked
from mailkeep.connectors.ews.wire import codes, listing, recurrence
from mailkeep.connectors.ews.wire.carver import Block
from mailkeep.connectors.ews.wire.code_table import GROUPS
from mailkeep.connectors.ews.wire.describe import describe
from mailkeep.connectors.ews.wire.facts import rule_of
from mailkeep.connectors.ews.wire.html_words import words_of
from mailkeep.connectors.ews.wire.names import MESSAGES, TYPES
from mailkeep.connectors.ews.wire.properties import properties
from mailkeep.connectors.ews.wire.responses import ResponseMessage, read
from mailkeep.errors import GiveUp, RetryLater, RetryNow
from mailkeep.mail.items import Kind, NativePart, Sensitivity


def answer(operation: str, inner: str, response_class: str = "Success", code: str = "NoError") -> ResponseMessage:
    document = (
        '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
        f'<m:{operation}Response xmlns:m="{MESSAGES}" xmlns:t="{TYPES}"><m:ResponseMessages>'
        f'<m:{operation}ResponseMessage ResponseClass="{response_class}"><m:ResponseCode>{code}</m:ResponseCode>'
        f"{inner}</m:{operation}ResponseMessage></m:ResponseMessages></m:{operation}Response></s:Body></s:Envelope>"
    )
    (message,) = read([document.encode()])
    return message


def part(item: str, name: str = "ews.properties") -> NativePart:
    return NativePart(name, answer("GetItem", f"<m:Items>{item}</m:Items>").verbatim())


# --- listings ----------------------------------------------------------------------------------------------------------

SEARCH_KEY = (
    '<t:ExtendedProperty><t:ExtendedFieldURI PropertyTag="0x300b" PropertyType="Binary"/>'
    f"<t:Value>{base64.b64encode(b'key!').decode()}</t:Value></t:ExtendedProperty>"
)
MAIL = f"""<t:Message><t:ItemId Id="AAA" ChangeKey="CK"/><t:ItemClass>IPM.Note.SMIME</t:ItemClass><t:Subject>Plan</t:Subject>
<t:Sensitivity>Private</t:Sensitivity><t:DateTimeReceived>2026-03-01T10:00:00+01:00</t:DateTimeReceived><t:Size>123</t:Size>
<t:IsDraft>true</t:IsDraft><t:DateTimeSent>2026-03-01T08:59:00Z</t:DateTimeSent>{SEARCH_KEY}<t:ExtendedProperty>
<t:ExtendedFieldURI PropertyTag="4225" PropertyType="Integer"/><t:Value>103</t:Value></t:ExtendedProperty>
<t:DisplayTo>Bob</t:DisplayTo><t:LastModifiedTime>2026-03-02T00:00:00Z</t:LastModifiedTime><t:Flag>
<t:FlagStatus>Flagged</t:FlagStatus></t:Flag><t:From><t:Mailbox><t:Name>Carol</t:Name><t:EmailAddress>c@x.example</t:EmailAddress>
</t:Mailbox></t:From><t:InternetMessageId>&lt;1@x&gt;</t:InternetMessageId><t:IsRead>true</t:IsRead></t:Message>"""
EVENT = """<t:CalendarItem><t:ItemId Id="EEE" ChangeKey="K"/><t:IsDraft>true</t:IsDraft><t:Start>2026-03-05T09:00:00Z</t:Start>
<t:Organizer><t:Mailbox><t:Name>Dan</t:Name><t:EmailAddress>/o=X/cn=dan</t:EmailAddress></t:Mailbox></t:Organizer>
<t:UID>0400</t:UID></t:CalendarItem>"""


def test_a_page_of_changes() -> None:
    page = listing.read_items_page(
        answer(
            "SyncFolderItems",
            "<m:SyncState>H4s=</m:SyncState><m:IncludesLastItemInRange>false</m:IncludesLastItemInRange><m:Changes>"
            f"<t:Create>{MAIL}</t:Create><t:Update>{EVENT}</t:Update>"
            '<t:ReadFlagChange><t:ItemId Id="R"/><t:IsRead>false</t:IsRead></t:ReadFlagChange>'
            '<t:Delete><t:ItemId Id="D"/></t:Delete><t:Create><t:Message><t:Subject/></t:Message></t:Create></m:Changes>',
        )
    )
    mail, event, marked, gone = page.changes
    assert (page.state, page.last) == ("H4s=", False)
    assert marked == Marked("R", "seen", on=False)
    assert gone == Gone("D")
    assert isinstance(mail, Listed)
    assert not mail.changed
    assert mail.ref.flags == {"seen", "flagged", "draft", "answered"}
    assert (mail.ref.kind, mail.ref.message_class, mail.ref.size) == (Kind.MAIL, "IPM.Note.SMIME", 123)
    assert mail.ref.time == mail.ref.received == datetime(2026, 3, 1, 9, tzinfo=UTC)
    assert (mail.ref.version, mail.ref.stable_id) == ("2026-03-02T00:00:00Z", b"key!".hex())
    assert (mail.ref.sensitivity, mail.ref.sender) == (Sensitivity.PRIVATE, "Carol <c@x.example>")
    assert (mail.ref.subject, mail.ref.recipients, mail.ref.message_id) == ("Plan", "Bob", "<1@x>")
    assert isinstance(event, Listed)
    assert event.changed
    assert (event.ref.kind, event.ref.message_class, event.ref.version) == (Kind.EVENT, "IPM.Appointment", "K")
    assert event.ref.time == datetime(2026, 3, 5, 9, tzinfo=UTC)
    assert (event.ref.sender, event.ref.message_id, event.ref.flags) == ("Dan", "0400", frozenset())


def test_sent_mail_has_the_time_of_sending() -> None:
    element = etree.fromstring(f'<x xmlns:t="{TYPES}">{MAIL}</x>')[0]
    assert listing.item_ref(element, sent=True).time == datetime(2026, 3, 1, 8, 59, tzinfo=UTC)


def test_a_page_that_says_nothing_of_more_is_the_last() -> None:
    page = listing.read_items_page(answer("SyncFolderItems", "<m:SyncState/><m:Changes/>"))
    assert (page.changes, page.state, page.last) == ((), "", True)


FOLDER = """<t:CalendarFolder><t:FolderId Id="F" ChangeKey="K"/><t:ParentFolderId Id="P"/><t:FolderClass>IPF.Appointment
</t:FolderClass><t:DisplayName>Kalender</t:DisplayName><t:TotalCount>7</t:TotalCount><t:ChildFolderCount>1</t:ChildFolderCount>
<t:ExtendedProperty><t:ExtendedFieldURI PropertyTag="0x670a" PropertyType="SystemTime"/><t:Value>2026-01-01T00:00:00Z</t:Value>
</t:ExtendedProperty><t:ExtendedProperty><t:ExtendedFieldURI PropertyTag="0x10f4" PropertyType="Boolean"/><t:Value>true</t:Value>
</t:ExtendedProperty><t:DistinguishedFolderId>calendar</t:DistinguishedFolderId></t:CalendarFolder>"""


def test_a_page_of_folders() -> None:
    page = listing.read_hierarchy_page(
        answer(
            "SyncFolderHierarchy",
            f'<m:SyncState>S</m:SyncState><m:Changes><t:Create>{FOLDER}</t:Create><t:Delete><t:FolderId Id="D"/></t:Delete>'
            "</m:Changes>",
        )
    )
    (folder,) = page.folders
    assert (page.gone, page.state, page.last) == (("D",), "S", True)
    assert (folder.id, folder.parent, folder.name, folder.element) == ("F", "P", "Kalender", "CalendarFolder")
    assert (folder.distinguished, folder.total, folder.children, folder.hidden) == ("calendar", 7, 1, True)
    assert (folder.commit_time_max, folder.deleted_total) == ("2026-01-01T00:00:00Z", "")


def test_pages_of_found_things_go_on() -> None:
    inner = '<m:RootFolder IndexedPagingOffset="2" TotalItemsInView="9" IncludesLastItemInRange="{}"><t:{}>{}</t:{}></m:RootFolder>'
    items = listing.read_found_items(answer("FindItem", inner.format("false", "Items", MAIL + EVENT, "Items")))
    assert ([ref.id for ref in items.refs], items.next_offset, items.total) == (["AAA", "EEE"], 2, 9)
    folders = answer("FindFolder", inner.format("true", "Folders", FOLDER, "Folders"))
    assert [folder.id for folder in listing.read_folders(folders)] == ["F"]
    assert listing.next_offset(folders) is None


@pytest.mark.parametrize("offset", ["", 'IndexedPagingOffset="0"', 'IndexedPagingOffset="5"'])
def test_a_page_that_does_not_say_where_the_next_one_begins(offset: str) -> None:
    inner = f'<m:RootFolder {offset} IncludesLastItemInRange="false"><t:Folders>{{}}</t:Folders></m:RootFolder>'
    assert listing.next_offset(answer("FindFolder", inner.format(FOLDER)), 5) == 6
    assert listing.next_offset(answer("FindFolder", inner.format("")), 5) == 5


def test_what_was_made_has_ids() -> None:
    made = answer("CreateItem", '<m:Items><t:Message><t:ItemId Id="N" ChangeKey="C"/></t:Message></m:Items>')
    assert listing.new_ids(made) == (("N", "C"),)
    assert listing.new_ids(answer("UploadItems", '<m:ItemId Id="U" ChangeKey="C"/>')) == (("U", "C"),)
    inner = '<t:FileAttachment><t:AttachmentId Id="A" RootItemId="N" RootItemChangeKey="C2"/></t:FileAttachment>'
    attached = answer("CreateAttachment", f"<m:Attachments>{inner}</m:Attachments>")
    assert listing.new_attachment(attached) == ("A", "C2")


def test_attachments_and_occurrences_of_an_item() -> None:
    element = etree.fromstring(
        f'<t:CalendarItem xmlns:t="{TYPES}"><t:Attachments><t:FileAttachment><t:AttachmentId Id="A"/><t:Name>a.png</t:Name>'
        "<t:ContentType>image/png</t:ContentType><t:ContentId>c</t:ContentId><t:Size>10</t:Size><t:IsInline>true</t:IsInline>"
        "<t:IsContactPhoto>true</t:IsContactPhoto></t:FileAttachment><t:ItemAttachment><t:AttachmentId Id='B'/></t:ItemAttachment>"
        "<t:FileAttachment/></t:Attachments><t:ModifiedOccurrences><t:Occurrence><t:ItemId Id='O'/>"
        "<t:OriginalStart>2026-03-01T09:00:00Z</t:OriginalStart></t:Occurrence></t:ModifiedOccurrences></t:CalendarItem>"
    )
    one, two = listing.attachments_of(element)
    assert one == listing.FoundAttachment("A", "a.png", "image/png", "c", 10, True, False, True)
    assert (two.id, two.is_item) == ("B", True)
    assert listing.occurrences_of(element) == (listing.FoundOccurrence("O", datetime(2026, 3, 1, 9, tzinfo=UTC)),)


@given(st.text(max_size=40))
def test_any_moment_is_a_moment_or_none(text: str) -> None:
    assert listing.moment(text) is None or listing.moment(text).tzinfo is UTC  # type: ignore[union-attr]


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-02-30T00:00:00Z", ""])
def test_an_impossible_moment_is_none(text: str) -> None:
    assert listing.moment(text) is None


# --- codes -------------------------------------------------------------------------------------------------------------


def refused(code: str, back_off: str = "", text: str = "No.") -> ResponseMessage:
    values = {"BackOffMilliseconds": back_off} if back_off else {}
    nothing = etree.Element("x")
    return ResponseMessage("x", "Error", code, text, MappingProxyType(values), nothing, (), Block("x", b"", (), b""))


def test_every_code_of_the_schema_is_classed_once(corpus: Path) -> None:
    schema = etree.parse(corpus / "ews-xsd-ready" / "messages.xsd")
    xs = "{http://www.w3.org/2001/XMLSchema}"
    known = {
        value.get("value")
        for kind in schema.iter(f"{xs}simpleType")
        if kind.get("name") == "ResponseCodeType"
        for value in kind.iter(f"{xs}enumeration")
    }
    assert known - {"NoError"} == set(GROUPS)


@pytest.mark.parametrize(
    ("code", "kind", "ours"),
    [
        ("ErrorServerBusy", RetryLater, "throttled"),
        ("ErrorExceededConnectionCount", RetryLater, "throttled"),
        ("ErrorMailboxMoveInProgress", RetryLater, "mailbox_moving"),
        ("ErrorMailboxStoreUnavailable", RetryLater, "store_offline"),
        ("ErrorInvalidServerVersion", GiveUp, "refused_by_server"),
        ("ErrorInternalServerError", RetryLater, "unreachable"),
        ("ErrorInternalServerTransientError", RetryNow, "connection_lost"),
        ("ErrorTimeoutExpired", RetryNow, "connection_lost"),
        ("ErrorInvalidSyncStateData", RetryNow, "state_lost"),
        ("ErrorImpersonateUserDenied", GiveUp, "impersonation_denied"),
        ("ErrorNonExistentMailbox", GiveUp, "mailbox_not_found"),
        ("ErrorAccountDisabled", GiveUp, "account_disabled"),
        ("ErrorAccessDenied", GiveUp, "access_denied"),
        ("ErrorPasswordExpired", GiveUp, "auth_failed"),
        ("ErrorQuotaExceeded", GiveUp, "over_quota"),
        ("ErrorFolderNotFound", GiveUp, "folder_not_found"),
        ("ErrorItemNotFound", GiveUp, "vanished"),
        ("ErrorMessageSizeExceeded", GiveUp, "item_too_large"),
        ("ErrorItemCorrupt", GiveUp, "unreadable"),
        ("ErrorSchemaValidation", GiveUp, "refused_by_server"),
        ("ErrorOfTheYear2030", GiveUp, "refused_by_server"),
    ],
)
def test_what_a_code_means(code: str, kind: type[Exception], ours: str) -> None:
    error = codes.error_of(refused(code), "list the folder Sent", "anna@firma.example")
    assert (type(error), error.code) == (kind, ours)
    assert code in error.message, "the server's own word is there to be looked up"
    assert error.hint


def test_every_code_has_a_sentence() -> None:
    for code in GROUPS:
        error = codes.error_of(refused(code), "read the items")
        assert "{" not in error.message, code
        assert error.hint, code


def test_a_back_off_is_kept_whatever_the_code() -> None:
    error = codes.error_of(refused("ErrorInternalServerError", "2500"), "read")
    assert isinstance(error, RetryLater)
    assert (error.code, error.wait_seconds) == ("throttled", 2.5)
    assert codes.item_problem(refused("ErrorItemCorrupt", "100")) is None
    assert refused("ErrorServerBusy", "soon").back_off_seconds is None


def test_problems_of_one_item() -> None:
    told = {
        code: codes.item_problem(refused(code)) for code in ("ErrorItemNotFound", "ErrorItemCorrupt", "ErrorServerBusy")
    }
    assert told["ErrorItemNotFound"] and told["ErrorItemNotFound"][0] == "vanished"  # noqa: PT018
    assert told["ErrorItemCorrupt"] and told["ErrorItemCorrupt"][0] == "unreadable"  # noqa: PT018
    assert told["ErrorServerBusy"] is None
    poisoned = codes.item_problem(refused("ErrorInternalServerError"))
    assert poisoned is not None
    assert poisoned[0] == "unreadable"


def test_a_restore_goes_on_without_an_item() -> None:
    for code in ("ErrorItemSave", "ErrorInvalidPropertySet", "ErrorSchemaValidation"):
        assert codes.error_of(refused(code), "create", writing=True).code == "cannot_create"
    assert codes.error_of(refused("ErrorMessageSizeExceeded"), "create", writing=True).code == "item_too_large"


def test_questions_about_codes() -> None:
    assert codes.is_lost_state("ErrorInvalidSyncStateData")
    assert codes.is_lost_folder("ErrorSyncFolderNotFound")
    assert codes.is_missing_operation("ErrorInvalidOperation")
    assert codes.is_missing_operation("Client")
    assert not codes.is_missing_operation("ErrorServerBusy")
    assert codes.splits("ErrorInternalServerError")
    assert not codes.splits("ErrorServerBusy")


# --- properties --------------------------------------------------------------------------------------------------------

WEEKLY = """<t:Recurrence><t:WeeklyRecurrence><t:Interval>2</t:Interval><t:DaysOfWeek>Monday Thursday</t:DaysOfWeek>
<t:FirstDayOfWeek>Monday</t:FirstDayOfWeek></t:WeeklyRecurrence><t:EndDateRecurrence><t:StartDate>2026-03-02+01:00</t:StartDate>
<t:EndDate>2026-06-30+01:00</t:EndDate></t:EndDateRecurrence></t:Recurrence>"""
MEETING = f"""<t:CalendarItem><t:ItemId Id="1" ChangeKey="a"/><t:ParentFolderId Id="f"/><t:ItemClass>IPM.Appointment</t:ItemClass>
<t:Subject>Jour fixe</t:Subject><t:Body BodyType="HTML">&lt;html&gt;&lt;p&gt;Agenda&lt;/p&gt;&lt;p&gt;https://teams.microsoft.com/l/meetup-join/1
&lt;/html&gt;&#xD;
</t:Body><t:Attachments><t:FileAttachment><t:AttachmentId Id="at"/><t:Name>plan.pdf</t:Name>
<t:ContentType>application/pdf</t:ContentType><t:Size>99</t:Size></t:FileAttachment></t:Attachments>
<t:Size>5000</t:Size><t:Categories><t:String>Work</t:String><t:String>Blue</t:String></t:Categories>
<t:ReminderIsSet>true</t:ReminderIsSet><t:ReminderMinutesBeforeStart>60</t:ReminderMinutesBeforeStart>
<t:LastModifiedTime>2026-01-01T00:00:00Z</t:LastModifiedTime><t:Start>2026-03-02T08:00:00Z</t:Start><t:End>2026-03-02T08:30:00Z</t:End>
<t:LegacyFreeBusyStatus>Busy</t:LegacyFreeBusyStatus><t:Location>Raum 5</t:Location><t:MyResponseType>Organizer</t:MyResponseType>
<t:Organizer><t:Mailbox><t:Name>Anna</t:Name><t:EmailAddress>anna@x.example</t:EmailAddress><t:RoutingType>SMTP</t:RoutingType>
</t:Mailbox></t:Organizer><t:RequiredAttendees>
<t:Attendee><t:Mailbox><t:Name>Ben</t:Name><t:EmailAddress>ben@x.example</t:EmailAddress></t:Mailbox>
<t:ResponseType>Accept</t:ResponseType><t:LastResponseTime>2026-01-01T00:00:00Z</t:LastResponseTime></t:Attendee>
<t:Attendee><t:Mailbox><t:Name>Ada</t:Name><t:EmailAddress>ada@x.example</t:EmailAddress></t:Mailbox>
<t:ResponseType>Unknown</t:ResponseType></t:Attendee></t:RequiredAttendees>{WEEKLY}<t:ModifiedOccurrences><t:Occurrence>
<t:ItemId Id="o1"/><t:Start>2026-03-05T10:00:00Z</t:Start><t:End>2026-03-05T10:30:00Z</t:End>
<t:OriginalStart>2026-03-05T08:00:00Z</t:OriginalStart></t:Occurrence></t:ModifiedOccurrences><t:DeletedOccurrences>
<t:DeletedOccurrence><t:Start>2026-03-16T08:00:00Z</t:Start></t:DeletedOccurrence></t:DeletedOccurrences>
<t:StartTimeZone Name="(UTC+01:00) Berlin" Id="W. Europe Standard Time"/></t:CalendarItem>"""
OCCURRENCE = """<t:CalendarItem><t:ItemId Id="o1"/><t:Subject>Jour fixe, later</t:Subject><t:Start>2026-03-05T10:00:00Z</t:Start>
</t:CalendarItem>"""
MEETING_PARTS = [part(MEETING), part(OCCURRENCE, "ews.occurrence.0"), NativePart("ews.attachment.0", b"%PDF")]


def test_properties_of_a_series() -> None:
    found = properties(MEETING_PARTS)
    assert found["Subject"] == "Jour fixe"
    assert found["RequiredAttendees"] == "Ada <ada@x.example>; Ben <ben@x.example>"
    assert found["RequiredAttendees answers"] == "ben@x.example: Accept"
    assert found["Categories"] == "Blue; Work"
    assert found["Recurrence/WeeklyRecurrence/Interval"] == "2"
    assert found["StartTimeZone"] == "W. Europe Standard Time"
    assert found["ModifiedOccurrences/2026-03-05T08:00:00Z"] == "2026-03-05T10:00:00Z to 2026-03-05T10:30:00Z"
    assert found["DeletedOccurrences/2026-03-16T08:00:00Z"] == "deleted"
    assert found["Occurrences/2026-03-05T08:00:00Z/Subject"] == "Jour fixe, later"
    assert found["Attachments/plan.pdf"].startswith("application/pdf, 4 bytes, sha256 ")
    assert not {"ItemId", "Size", "LastModifiedTime", "ParentFolderId"} & {name.split("/")[-1] for name in found}


def test_what_the_server_sets_makes_no_difference() -> None:
    other = MEETING
    for old, new in (
        ('Id="1" ChangeKey="a"', 'Id="2" ChangeKey="b"'),
        ("<t:Size>5000<", "<t:Size>6000<"),
        ("<t:LastModifiedTime>2026-01-01T00:00:00Z<", "<t:LastModifiedTime>2026-09-09T00:00:00Z<"),
        ("<t:Start>2026-03-02T08:00:00Z<", "<t:Start>2026-03-02T09:00:00+01:00<"),
        ("<t:String>Work</t:String><t:String>Blue</t:String>", "<t:String>Blue</t:String><t:String>Work</t:String>"),
        ("&#xD;\n</t:Body>", "</t:Body>"),
        ("<t:Location>", "<t:Flag><t:FlagStatus>NotFlagged</t:FlagStatus></t:Flag><t:InReplyTo/><t:Location>"),
        ("<t:RoutingType>SMTP</t:RoutingType>", "<t:MailboxType>Mailbox</t:MailboxType>"),
    ):
        assert old in other
        other = other.replace(old, new)
    assert properties([part(other), *MEETING_PARTS[1:]]) == properties(MEETING_PARTS)


@pytest.mark.parametrize(
    ("old", "new", "name"),
    [
        (">Jour fixe<", ">Jour fixé<", "Subject"),
        (">Accept<", ">Decline<", "RequiredAttendees answers"),
        ("<t:Interval>2<", "<t:Interval>3<", "Recurrence/WeeklyRecurrence/Interval"),
        ("Agenda", "Agenda!", "Body"),
        (">60<", ">15<", "ReminderMinutesBeforeStart"),
        ("W. Europe Standard Time", "GMT Standard Time", "StartTimeZone"),
        ("<t:String>Work</t:String>", "", "Categories"),
    ],
)
def test_what_people_set_does(old: str, new: str, name: str) -> None:
    before, after = properties(MEETING_PARTS), properties([part(MEETING.replace(old, new)), *MEETING_PARTS[1:]])
    assert {key for key in before | after if before.get(key) != after.get(key)} == {name}
    changed_file = [*MEETING_PARTS[:2], NativePart("ews.attachment.0", b"%pdf")]
    assert properties(changed_file)["Attachments/plan.pdf"] != before["Attachments/plan.pdf"]


def test_mapi_properties_have_one_name() -> None:
    field = (
        '<t:ExtendedProperty><t:ExtendedFieldURI {} PropertyType="String"/><t:Value>v</t:Value></t:ExtendedProperty>'
    )
    item = "".join(
        field.format(one)
        for one in (
            'PropertyTag="0x1081"',
            'DistinguishedPropertySetId="PublicStrings" PropertyName="Colour"',
            'PropertySetId="00062003-0000-0000-C000-000000000046" PropertyId="33025"',
            'PropertyTag="0x300b"',
        )
    )
    found = properties([part(f"<t:Message>{item}</t:Message>")])
    assert found == {
        "Element": "Message",
        "0x1081": "v",
        "PublicStrings/Colour": "v",
        "00062003-0000-0000-c000-000000000046/33025": "v",
    }


def test_an_attached_item_is_compared_too() -> None:
    outer = """<t:Task><t:Attachments><t:ItemAttachment><t:AttachmentId Id="x"/><t:Name>inner</t:Name></t:ItemAttachment>
    </t:Attachments></t:Task>"""
    inner = (
        "<t:ItemAttachment><t:AttachmentId Id='x'/><t:Message><t:Subject>{}</t:Subject></t:Message></t:ItemAttachment>"
    )
    found = properties([part(outer), part(inner.format("deep"), "ews.attachment.0.properties")])
    assert found["Attachments/inner"] == "item"
    assert found["Attachments/inner/Subject"] == "deep"


def test_parts_of_another_form_tell_nothing() -> None:
    assert properties([NativePart("memory.properties", b"{}")]) == {}
    assert describe([NativePart("memory.properties", b"{}")]) is None
    assert describe([NativePart("ews.properties", b"<!DOCTYPE a><a/>")]) is None


@given(st.binary(max_size=300))
def test_any_part_is_read_or_not(content: bytes) -> None:
    parts = [NativePart("ews.properties", content), NativePart("ews.occurrence.0", content)]
    properties(parts)
    describe(parts)


# --- for people --------------------------------------------------------------------------------------------------------


def test_a_meeting_for_people() -> None:
    said = describe(MEETING_PARTS)
    assert said is not None
    rows = dict(said.rows)
    assert rows["Starts"] == "Mon 2026-03-02 09:00"
    assert rows["Ends"] == "Mon 2026-03-02 09:30"
    assert rows["Time zone"] == "W. Europe Standard Time"
    assert rows["Where"] == "Raum 5"
    assert rows["Required attendees"] == "Ben <ben@x.example> (accepted); Ada <ada@x.example>"
    assert rows["Repeats"] == "every 2 weeks on Monday and Thursday, from 2026-03-02 until 2026-06-30"
    assert rows["Changed occurrences"] == "Thu 2026-03-05 09:00, moved to Thu 2026-03-05 11:00"
    assert rows["Deleted occurrences"] == "Mon 2026-03-16 09:00"
    assert rows["Reminder"] == "1 hour before"
    assert rows["Shows as"] == "busy"
    assert rows["Meeting link"] == "https://teams.microsoft.com/l/meetup-join/1"
    assert rows["Categories"] == "Work, Blue"
    assert said.text.startswith("Agenda\nhttps://")
    assert said.html.startswith("<html>")
    assert [(one.part, one.name, one.size) for one in said.files] == [("ews.attachment.0", "plan.pdf", 4)]
    assert dict(said.facts)["RRULE"] == "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TH;UNTIL=20260630T235959Z"


def test_a_whole_day_shows_its_days() -> None:
    said = describe(
        [
            part(
                """<t:CalendarItem><t:Start>2026-03-01T23:00:00Z</t:Start><t:End>2026-03-03T23:00:00Z</t:End>
                <t:IsAllDayEvent>true</t:IsAllDayEvent><t:StartTimeZone Id="W. Europe Standard Time"/></t:CalendarItem>"""
            )
        ]
    )
    assert said is not None
    assert dict(said.rows)["Starts"] == "Mon 2026-03-02"
    assert dict(said.rows)["Ends"] == "Tue 2026-03-03"
    assert dict(said.facts)["DTSTART"] == "20260302"


def test_a_contact_for_people() -> None:
    said = describe(
        [
            part(
                """<t:Contact><t:Attachments><t:FileAttachment><t:AttachmentId Id="p"/><t:Name>ContactPicture.jpg</t:Name>
                <t:IsContactPhoto>true</t:IsContactPhoto></t:FileAttachment></t:Attachments><t:DisplayName>Eva Lang</t:DisplayName>
                <t:GivenName>Eva</t:GivenName><t:CompanyName>Lang; Sons</t:CompanyName>
                <t:EmailAddresses><t:Entry Key="EmailAddress1">eva@x.example</t:Entry></t:EmailAddresses><t:PhysicalAddresses>
                <t:Entry Key="Home"><t:Street>Weg 1</t:Street><t:City>Ulm</t:City><t:PostalCode>89073</t:PostalCode></t:Entry>
                </t:PhysicalAddresses><t:PhoneNumbers><t:Entry Key="HomePhone2">+49 1</t:Entry></t:PhoneNumbers>
                <t:Birthday>1980-05-04T00:00:00Z</t:Birthday><t:Surname>Lang</t:Surname></t:Contact>"""
            ),
            NativePart("ews.attachment.0", b"\xff\xd8\xff"),
        ]
    )
    assert said is not None
    assert said.rows == (
        ("Name", "Eva Lang"),
        ("Company", "Lang; Sons"),
        ("E-mail", "eva@x.example"),
        ("Home phone 2", "+49 1"),
        ("Home address", "Weg 1, 89073 Ulm"),
        ("Birthday", "1980-05-04"),
    )
    assert (said.photo, said.files) == ("ews.attachment.0", ())
    facts = dict(said.facts)
    assert (facts["N"], facts["ORG"], facts["BDAY"]) == ("Lang;Eva;;;", "Lang\\; Sons", "19800504")
    assert facts["TEL;TYPE=home"] == "+49 1"
    assert facts["ADR;TYPE=home"] == ";;Weg 1;Ulm;;89073;"


def test_a_list_a_task_and_a_letter_for_people() -> None:
    members = "".join(
        f"<t:Member><t:Mailbox><t:Name>N{n}</t:Name><t:EmailAddress>n{n}@x.example</t:EmailAddress></t:Mailbox></t:Member>"
        for n in range(250)
    )
    team = describe(
        [
            part(
                f"<t:DistributionList><t:DisplayName>Team</t:DisplayName><t:Members>{members}</t:Members></t:DistributionList>"
            )
        ]
    )
    assert team is not None
    assert team.rows[0] == ("Name", "Team")
    assert team.rows[1][1].endswith("N199 <n199@x.example>; and 50 more")
    assert ("MEMBER", "mailto:n249@x.example") in team.facts
    task = describe(
        [
            part(
                """<t:Task><t:Body BodyType="Text">do it</t:Body><t:Importance>High</t:Importance>
                <t:DueDate>2026-11-24T00:00:00Z</t:DueDate><t:PercentComplete>50</t:PercentComplete><t:Recurrence>
                <t:DailyRegeneration><t:Interval>1</t:Interval></t:DailyRegeneration><t:NoEndRecurrence/></t:Recurrence>
                <t:Status>InProgress</t:Status></t:Task>"""
            )
        ]
    )
    assert task is not None
    assert dict(task.rows) == {
        "Due": "2026-11-24",
        "Status": "in progress",
        "Done": "50 %",
        "Repeats": "every day after the last one is completed",
        "Importance": "high",
    }
    assert (task.text, task.html) == ("do it", "")
    assert ("DUE", "20261124") in task.facts
    letter = describe([part("<t:Message><t:Flag><t:FlagStatus>Flagged</t:FlagStatus></t:Flag></t:Message>")])
    assert letter is not None
    assert letter.rows == (("Flag", "to follow up"),)


@pytest.mark.parametrize(
    ("pattern", "words", "rule"),
    [
        ("<t:DailyRecurrence><t:Interval>1</t:Interval></t:DailyRecurrence>", "every day", "FREQ=DAILY"),
        (
            "<t:AbsoluteMonthlyRecurrence><t:Interval>3</t:Interval><t:DayOfMonth>15</t:DayOfMonth></t:AbsoluteMonthlyRecurrence>",
            "every 3 months on day 15",
            "FREQ=MONTHLY;INTERVAL=3;BYMONTHDAY=15",
        ),
        (
            "<t:RelativeMonthlyRecurrence><t:Interval>1</t:Interval><t:DaysOfWeek>Weekday</t:DaysOfWeek>"
            "<t:DayOfWeekIndex>Last</t:DayOfWeekIndex></t:RelativeMonthlyRecurrence>",
            "every month on the last weekday",
            "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
        ),
        (
            "<t:AbsoluteYearlyRecurrence><t:DayOfMonth>29</t:DayOfMonth><t:Month>February</t:Month></t:AbsoluteYearlyRecurrence>",
            "every year on February 29",
            "FREQ=YEARLY;BYMONTHDAY=29;BYMONTH=2",
        ),
        (
            "<t:RelativeYearlyRecurrence><t:DaysOfWeek>Friday</t:DaysOfWeek><t:DayOfWeekIndex>Second</t:DayOfWeekIndex>"
            "<t:Month>October</t:Month></t:RelativeYearlyRecurrence>",
            "every year on the second Friday of October",
            "FREQ=YEARLY;BYDAY=FR;BYSETPOS=2;BYMONTH=10",
        ),
        ("", "", ""),
    ],
)
def test_recurrences_in_words_and_rules(pattern: str, words: str, rule: str) -> None:
    ends = "<t:NumberedRecurrence><t:StartDate>2026-01-01</t:StartDate><t:NumberOfOccurrences>5</t:NumberOfOccurrences></t:NumberedRecurrence>"
    element = etree.fromstring(f'<t:Recurrence xmlns:t="{TYPES}">{pattern}{ends}</t:Recurrence>')
    assert recurrence.in_words(element) == (words and f"{words}, from 2026-01-01, 5 times")
    assert rule_of(element) == (rule and f"{rule};COUNT=5")


@given(st.text(max_size=200))
def test_any_html_has_words_or_none(html: str) -> None:
    assert "\n\n" not in words_of(html)


def test_scripts_and_styles_are_no_words() -> None:
    assert words_of(
        "<head><title>t</title><style>s</style></head><p>Hello <b>you</b><br>there<script>x()</script> and"
    ) == ("Hello you\nthere and")


def test_hostile_properties_are_read_in_time() -> None:
    """Nesting deeper than Python may recurse, a name twenty thousand times, a link that never ends, a million times."""
    nested = "<t:a>" * 1500 + "x" + "</t:a>" * 1500
    many = "<t:Companies>" + "<t:String>c</t:String>" * 30_000 + "</t:Companies>"
    links = f'<t:Body BodyType="Text">{"https://" * 100_000}</t:Body>'
    item = [part(f"<t:CalendarItem>{links}{many}<t:Odd>{nested}</t:Odd></t:CalendarItem>")]
    started = time.process_time()
    assert len(properties(item)) <= 20_001
    assert describe(item) is not None
    assert time.process_time() - started < 10
