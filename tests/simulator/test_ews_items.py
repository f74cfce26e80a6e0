"""Items of every kind over EWS: made by properties, read back property by property, changed field by field.

What is made is compared with what GetItem shows; requests and answers all validate against Microsoft's schemas (`Asker.ask`).
"""

from __future__ import annotations

import pytest

from mailkeep.simulator.ews.envelope import T
from mailkeep.simulator.exchange.organisation import Organisation
from tests.simulator.exchange_world import codes_of, mailbox_of
from tests.simulator.items_world import MIME, READ_MAIL, Bob, Shown, set_field

_COLOUR = 'PropertySetId="0006200E-0000-0000-C000-000000000046" PropertyId="35584" PropertyType="Integer"'
_WHO = "<t:Mailbox><t:Name>Eve Extern</t:Name><t:EmailAddress>eve@else.example</t:EmailAddress></t:Mailbox>"
_PROMISE = """<t:Subject>Promise &amp; more</t:Subject><t:Sensitivity>Private</t:Sensitivity>
  <t:Body BodyType="HTML">&lt;p&gt;Zürich &amp;amp; 東京&lt;/p&gt;</t:Body><t:Categories><t:String>Red</t:String><t:String>Blue</t:String>
  </t:Categories><t:Importance>High</t:Importance><t:InReplyTo>&lt;first@else.example&gt;</t:InReplyTo>"""
_RECURRENCES = [
    "<t:DailyRecurrence><t:Interval>3</t:Interval></t:DailyRecurrence>",
    "<t:WeeklyRecurrence><t:Interval>2</t:Interval><t:DaysOfWeek>Monday Friday</t:DaysOfWeek><t:FirstDayOfWeek>Monday"
    "</t:FirstDayOfWeek></t:WeeklyRecurrence>",
    "<t:AbsoluteMonthlyRecurrence><t:Interval>1</t:Interval><t:DayOfMonth>31</t:DayOfMonth></t:AbsoluteMonthlyRecurrence>",
    "<t:RelativeMonthlyRecurrence><t:Interval>1</t:Interval><t:DaysOfWeek>Tuesday</t:DaysOfWeek><t:DayOfWeekIndex>Second"
    "</t:DayOfWeekIndex></t:RelativeMonthlyRecurrence>",
    "<t:AbsoluteYearlyRecurrence><t:DayOfMonth>29</t:DayOfMonth><t:Month>February</t:Month></t:AbsoluteYearlyRecurrence>",
    "<t:RelativeYearlyRecurrence><t:DaysOfWeek>Weekday</t:DaysOfWeek><t:DayOfWeekIndex>Last</t:DayOfWeekIndex>"
    "<t:Month>March</t:Month></t:RelativeYearlyRecurrence>",
]
_RANGES = [
    "<t:NoEndRecurrence><t:StartDate>2026-03-02</t:StartDate></t:NoEndRecurrence>",
    "<t:EndDateRecurrence><t:StartDate>2026-03-02</t:StartDate><t:EndDate>2028-12-31</t:EndDate></t:EndDateRecurrence>",
    "<t:NumberedRecurrence><t:StartDate>2026-03-02</t:StartDate><t:NumberOfOccurrences>4</t:NumberOfOccurrences>"
    "</t:NumberedRecurrence>",
]


def _event(more: str = "", recurrence: str = "") -> str:
    again = f"<t:Recurrence>{recurrence}</t:Recurrence>" if recurrence else ""
    return (
        "<t:CalendarItem><t:Subject>Planning</t:Subject><t:ReminderIsSet>true</t:ReminderIsSet>"
        "<t:ReminderMinutesBeforeStart>30</t:ReminderMinutesBeforeStart><t:Start>2026-03-02T10:00:00+01:00</t:Start>"
        f"<t:End>2026-03-02T11:30:00+01:00</t:End><t:LegacyFreeBusyStatus>OOF</t:LegacyFreeBusyStatus>{more}{again}"
        '<t:StartTimeZone Id="W. Europe Standard Time"/><t:EndTimeZone Id="W. Europe Standard Time"/></t:CalendarItem>'
    )


# Mail


def test_a_message_of_properties(bob: Bob) -> None:
    made = bob.make(
        f"<t:Message>{_PROMISE}{READ_MAIL}<t:ToRecipients>{_WHO}<t:Mailbox><t:EmailAddress>anna@house.example"
        f"</t:EmailAddress></t:Mailbox></t:ToRecipients><t:IsReadReceiptRequested>true</t:IsReadReceiptRequested><t:From>{_WHO}"
        "</t:From><t:InternetMessageId>&lt;two@else.example&gt;</t:InternetMessageId><t:References>&lt;first@else.example&gt;"
        "</t:References></t:Message>",
        "inbox",
    )
    seen = bob.see(made)
    assert seen["Subject"] == "Promise &amp; more"
    assert seen.text("Body") == "<p>Zürich &amp; 東京</p>"
    assert seen.node.find(f"{T}Body").get("BodyType") == "HTML"
    assert (seen["Sensitivity"], seen["Importance"]) == ("Private", "High")
    assert seen["Categories"] == "<t:String>Red</t:String><t:String>Blue</t:String>"
    assert seen.text("InReplyTo") == "<first@else.example>" == seen.text("References")
    assert seen.text("DisplayTo") == "Eve Extern; Anna Vogt"  # a name that was not given is the directory's
    assert (seen["IsDraft"], seen["IsRead"], seen["IsReadReceiptRequested"]) == ("false", "true", "true")
    plain = bob.see(made, "<t:BaseShape>IdOnly</t:BaseShape><t:BodyType>Text</t:BodyType><t:AdditionalProperties>"
                    '<t:FieldURI FieldURI="item:Body"/></t:AdditionalProperties>')  # fmt: skip
    assert plain.text("Body") == "Zürich & 東京"


def test_what_is_only_saved_is_a_draft(bob: Bob) -> None:
    draft = bob.see(bob.make("<t:Message><t:Subject>Later</t:Subject></t:Message>"))
    assert draft["IsDraft"] == "true"
    assert draft.get("ResponseObjects") is None
    assert "bob@house.example" in draft["From"]


def test_flags_times_and_any_property_by_number(bob: Bob) -> None:
    stored = (
        '<t:ExtendedProperty><t:ExtendedFieldURI PropertyTag="0x0E06" PropertyType="SystemTime"/><t:Value>2020-01-02T03:04:05Z'
        '</t:Value></t:ExtendedProperty><t:ExtendedProperty><t:ExtendedFieldURI PropertyTag="0x1081" PropertyType="Integer"/>'
        "<t:Value>102</t:Value></t:ExtendedProperty><t:ExtendedProperty><t:ExtendedFieldURI PropertyName='Words' "
        "DistinguishedPropertySetId='PublicStrings' PropertyType='StringArray'/><t:Values><t:Value>one</t:Value><t:Value>two"
        "</t:Value></t:Values></t:ExtendedProperty>"
    )
    made = bob.letter(b"Subject: x\r\nDate: Thu, 2 Jan 2020 03:04:00 +0000\r\n\r\nHi\r\n", stored + READ_MAIL)
    seen = bob.see(
        made,
        "<t:BaseShape>Default</t:BaseShape><t:AdditionalProperties><t:FieldURI FieldURI='item:DateTimeReceived'/>"
        "<t:ExtendedFieldURI PropertyTag='0xE07' PropertyType='Integer'/><t:ExtendedFieldURI PropertyTag='0x1081' "
        "PropertyType='Integer'/><t:ExtendedFieldURI PropertyTag='0x300B' PropertyType='Binary'/><t:ExtendedFieldURI "
        "PropertySetId='00020329-0000-0000-C000-000000000046' PropertyName='Words' PropertyType='StringArray'/>"
        "<t:ExtendedFieldURI PropertyTag='0x1234' PropertyType='String'/></t:AdditionalProperties>",
    )
    assert seen["DateTimeReceived"] == "2020-01-02T03:04:05Z"
    assert seen["DateTimeSent"] == "2020-01-02T03:04:00Z"
    assert (seen.extended("0xE07"), seen.extended("0x1081"), seen.extended("0x1234")) == ("1", "102", None)
    assert seen.extended("Words") == "<t:Value>one</t:Value><t:Value>two</t:Value>"
    assert len(seen.extended("0x300B") or "") == 24


def test_read_state_changes_nothing_else(bob: Bob) -> None:
    made = bob.letter(b"Subject: x\r\n\r\nHi\r\n")
    before = bob.see(made, MIME.replace("IdOnly", "AllProperties"))
    bob.asker.call.organisation.clock.forward(hours=1)  # type: ignore[attr-defined]
    bob.change(made, set_field("message:IsRead", "Message", "<t:IsRead>false</t:IsRead>"))
    after = bob.see(made, MIME.replace("IdOnly", "AllProperties"))
    assert (before["IsRead"], after["IsRead"]) == ("true", "false")
    assert after["LastModifiedTime"] == before["LastModifiedTime"]
    assert after.mime == before.mime


def test_fields_are_set_appended_and_deleted(bob: Bob) -> None:
    made = bob.letter(b"Subject: old\r\nMessage-ID: <a@b>\r\nX-Own: kept\r\nTo: x@y.example\r\n\r\nHi\r\n")
    flag = "<t:Flag><t:FlagStatus>Flagged</t:FlagStatus></t:Flag>"
    bob.change(made, set_field("item:Flag", "Message", flag))
    assert bob.see(made, MIME).mime.startswith(b"Subject: old")  # a flag is beside the MIME
    bob.change(
        made,
        set_field("item:Subject", "Message", "<t:Subject>new</t:Subject>"),
        '<t:AppendToItemField><t:FieldURI FieldURI="item:Body"/><t:Message><t:Body BodyType="Text"> there</t:Body></t:Message>'
        "</t:AppendToItemField>",
        '<t:DeleteItemField><t:FieldURI FieldURI="message:InternetMessageId"/></t:DeleteItemField>',
    )
    seen = bob.see(made, MIME.replace("IdOnly", "AllProperties"))
    assert (seen.text("Subject"), seen.text("Body")) == ("new", "Hi\r\n there")
    assert seen.get("InternetMessageId") is None
    assert b"Subject: new" in seen.mime
    assert b"<a@b>" not in seen.mime
    assert "Flagged" in seen["Flag"]


def test_a_stale_change_is_refused_when_asked_so(bob: Bob) -> None:
    made = bob.make("<t:Message><t:Subject>a</t:Subject></t:Message>")
    subject = set_field("item:Subject", "Message", "<t:Subject>b</t:Subject>")
    bob.change(made, subject, how="NeverOverwrite")
    again = bob.change_request(made, subject, how="NeverOverwrite")
    assert bob.asker.codes(again) == ["ErrorIrresolvableConflict"]


@pytest.mark.parametrize(
    ("inner", "code"),
    [
        ("<t:Message><t:MimeContent>****</t:MimeContent></t:Message>", "ErrorMimeContentInvalidBase64String"),
        ("<t:Message><t:MimeContent></t:MimeContent></t:Message>", "ErrorMimeContentInvalid"),
        ("<t:Message><t:Size>1</t:Size></t:Message>", "ErrorInvalidPropertySet"),
        ("<t:Contact><t:MimeContent>AAAA</t:MimeContent></t:Contact>", "ErrorUnsupportedMimeConversion"),
        ("<t:CalendarItem><t:MimeContent>AAAA</t:MimeContent></t:CalendarItem>", "ErrorMimeContentInvalid"),
        ("<t:MeetingRequest/>", "ErrorInvalidItemForOperationCreateItem"),
        (
            "<t:CalendarItem><t:Start>2026-01-02T00:00:00Z</t:Start><t:End>2026-01-01T00:00:00Z</t:End></t:CalendarItem>",
            "ErrorCalendarEndDateIsEarlierThanStartDate",
        ),
    ],
)
def test_what_exchange_refuses(bob: Bob, inner: str, code: str) -> None:
    assert bob.refused(inner.replace("****", "AAA")) == code


def test_nothing_is_sent(bob: Bob) -> None:
    message = f"<t:Message><t:Subject>x</t:Subject><t:ToRecipients>{_WHO}</t:ToRecipients></t:Message>"
    assert bob.refused(message, sending='MessageDisposition="SendAndSaveCopy"') == "ErrorSendAsDenied"
    guests = f"<t:RequiredAttendees><t:Attendee>{_WHO}</t:Attendee></t:RequiredAttendees>"
    assert bob.refused(_event(guests), sending='SendMeetingInvitations="SendToAllAndSaveCopy"') == "ErrorSendAsDenied"
    assert bob.refused(_event(guests), sending='MessageDisposition="SaveOnly"') == "ErrorSendMeetingInvitationsRequired"
    made = bob.make(message)
    send = f'<m:SendItem SaveItemToFolder="true"><m:ItemIds><t:ItemId Id="{made.id}"/></m:ItemIds></m:SendItem>'
    assert bob.asker.codes(send) == ["ErrorSendAsDenied"]


def test_a_batch_gives_each_its_own_code(bob: Bob) -> None:
    made = bob.make("<t:Message><t:Subject>a</t:Subject></t:Message>")
    gone = bob.make("<t:Message><t:Subject>b</t:Subject></t:Message>")
    bob.asker.ask(
        f'<m:DeleteItem DeleteType="HardDelete"><m:ItemIds><t:ItemId Id="{gone.id}"/></m:ItemIds></m:DeleteItem>'
    )
    answer = bob.asker.ask(
        f'<m:GetItem><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape><m:ItemIds><t:ItemId Id="{made.id}"/>'
        f'<t:ItemId Id="{gone.id}"/><t:ItemId Id="nonsense"/><t:ItemId Id="{made.id}"/></m:ItemIds></m:GetItem>'
    )
    assert codes_of(answer) == ["NoError", "ErrorItemNotFound", "ErrorInvalidIdMalformed", "NoError"]


# Events


@pytest.mark.parametrize("bounds", _RANGES)
@pytest.mark.parametrize("pattern", _RECURRENCES)
def test_every_recurrence_comes_back_as_it_was_set(bob: Bob, pattern: str, bounds: str) -> None:
    seen = bob.see(bob.make(_event(recurrence=pattern + bounds)), MIME.replace("IdOnly", "AllProperties"))
    assert seen["Recurrence"] == pattern + bounds
    assert (seen["CalendarItemType"], seen["IsRecurring"]) == ("RecurringMaster", "true")
    assert (seen.get("LastOccurrence") is None) == ("NoEnd" in bounds)
    assert b"RRULE:FREQ=" in seen.mime


def test_an_event_with_everything(bob: Bob) -> None:
    guest = (
        f"<t:Attendee>{_WHO}<t:ResponseType>Tentative</t:ResponseType><t:LastResponseTime>2026-02-01T00:00:00Z"
        "</t:LastResponseTime></t:Attendee>"
    )
    more = (
        "<t:Location>Room &lt;2&gt;</t:Location><t:IsResponseRequested>true</t:IsResponseRequested>"
        f"<t:RequiredAttendees>{guest}</t:RequiredAttendees><t:OptionalAttendees><t:Attendee><t:Mailbox><t:EmailAddress>"
        "anna@house.example</t:EmailAddress></t:Mailbox></t:Attendee></t:OptionalAttendees>"
    )
    seen = bob.see(bob.make(_event(more)))
    assert (seen["Start"], seen["End"], seen["Duration"]) == ("2026-03-02T09:00:00Z", "2026-03-02T10:30:00Z", "PT1H30M")
    assert "Tentative" in seen["RequiredAttendees"]
    assert "Anna Vogt" in seen["OptionalAttendees"]
    assert seen.node.find(f"{T}StartTimeZone").get("Id") == "W. Europe Standard Time"
    assert (seen["ReminderIsSet"], seen["ReminderMinutesBeforeStart"]) == ("true", "30")
    assert (seen["IsMeeting"], seen["MyResponseType"], seen["CalendarItemType"]) == ("true", "Organizer", "Single")
    assert seen["StartWallClock"] == "2026-03-02T10:00:00+01:00"
    assert seen["UID"]


def test_a_copy_of_anothers_meeting(bob: Bob) -> None:
    """Organiser, answer and state are read-only by their EWS names; a restore says them in MAPI's."""

    def value(uri: str, value: str) -> str:
        return f"<t:ExtendedProperty><t:ExtendedFieldURI {uri}/><t:Value>{value}</t:Value></t:ExtendedProperty>"

    extended = (
        value('DistinguishedPropertySetId="Appointment" PropertyId="33303" PropertyType="Integer"', "3")
        + value('DistinguishedPropertySetId="Appointment" PropertyId="33304" PropertyType="Integer"', "3")
        + value('PropertyTag="0x0042" PropertyType="String"', "Anna Vogt")
        + value('PropertyTag="0x5D02" PropertyType="String"', "anna@house.example")
    )
    assert bob.refused(_event("<t:MyResponseType>Accept</t:MyResponseType>")) == "ErrorInvalidPropertySet"
    seen = bob.see(bob.make(_event().replace("<t:ReminderIsSet>", extended + "<t:ReminderIsSet>").replace(
        extended + "<t:ReminderIsSet>true</t:ReminderIsSet><t:ReminderMinutesBeforeStart>30</t:ReminderMinutesBeforeStart>",
        "<t:ReminderIsSet>true</t:ReminderIsSet><t:ReminderMinutesBeforeStart>30</t:ReminderMinutesBeforeStart>" + extended,
    )))  # fmt: skip
    assert (seen["MyResponseType"], seen["AppointmentState"], seen["IsMeeting"]) == ("Accept", "3", "true")
    assert "anna@house.example" in seen["Organizer"]
    assert seen["IsOrganizer"] == "false"


def test_an_occurrence_is_changed_and_another_deleted(bob: Bob) -> None:
    weekly = _RECURRENCES[1].replace("Monday Friday", "Monday").replace(">2<", ">1<")
    master = bob.make(_event(recurrence=weekly + _RANGES[2]))
    second = f'<t:OccurrenceItemId RecurringMasterId="{master.id}" InstanceIndex="2"/>'
    bob.change(
        second,
        set_field("item:Subject", "CalendarItem", "<t:Subject>Elsewhere</t:Subject>"),
        set_field("calendar:Start", "CalendarItem", "<t:Start>2026-03-09T14:00:00Z</t:Start>"),
        set_field("calendar:End", "CalendarItem", "<t:End>2026-03-09T15:00:00Z</t:End>"),
    )
    bob.asker.ask(
        '<m:DeleteItem DeleteType="HardDelete" SendMeetingCancellations="SendToNone"><m:ItemIds>'
        f'<t:OccurrenceItemId RecurringMasterId="{master.id}" InstanceIndex="3"/></m:ItemIds></m:DeleteItem>'
    )
    seen = bob.see(master, MIME.replace("IdOnly", "AllProperties"))
    assert "<t:OriginalStart>2026-03-09T09:00:00Z</t:OriginalStart>" in seen["ModifiedOccurrences"]
    assert "<t:Start>2026-03-16T09:00:00Z</t:Start>" in seen["DeletedOccurrences"]
    assert b"RECURRENCE-ID;TZID=W. Europe Standard Time:20260309T100000" in seen.mime
    assert b"EXDATE;TZID=W. Europe Standard Time:20260316T100000" in seen.mime
    changed = seen.node.find(f"{T}ModifiedOccurrences/{T}Occurrence/{T}ItemId")
    other = bob.see(str(changed.get("Id")))
    assert (other["Subject"], other["Start"], other["CalendarItemType"]) == (
        "Elsewhere",
        "2026-03-09T14:00:00Z",
        "Exception",
    )
    assert other["UID"] == seen["UID"]
    assert seen["Subject"] == "Planning"


# People, tasks, notes, posts


def test_a_contact_with_dictionaries_and_a_picture(bob: Bob) -> None:
    made = bob.make(
        "<t:Contact><t:FileAsMapping>LastCommaFirst</t:FileAsMapping><t:GivenName>Tanja</t:GivenName><t:CompanyName>N; W, &amp; Co"
        '</t:CompanyName><t:EmailAddresses><t:Entry Key="EmailAddress1">t@else.example</t:Entry><t:Entry Key="EmailAddress2">'
        'u@else.example</t:Entry></t:EmailAddresses><t:PhysicalAddresses><t:Entry Key="Business"><t:Street>1 High St</t:Street>'
        '<t:City>Whittier</t:City></t:Entry></t:PhysicalAddresses><t:PhoneNumbers><t:Entry Key="MobilePhone">+1 555</t:Entry>'
        "</t:PhoneNumbers><t:Birthday>1980-02-29T00:00:00Z</t:Birthday><t:Surname>Plate</t:Surname></t:Contact>"
    )
    picture = "/9j/4AAQ"
    bob.attach(
        made,
        f"<t:FileAttachment><t:Name>ContactPicture.jpg</t:Name><t:Content>{picture}</t:Content></t:FileAttachment>",
    )
    bob.change(
        made,
        '<t:SetItemField><t:IndexedFieldURI FieldURI="contacts:PhysicalAddress:City" FieldIndex="Business"/><t:Contact>'
        '<t:PhysicalAddresses><t:Entry Key="Business"><t:City>Bern</t:City></t:Entry></t:PhysicalAddresses></t:Contact>'
        "</t:SetItemField>",
        '<t:DeleteItemField><t:IndexedFieldURI FieldURI="contacts:EmailAddress" FieldIndex="EmailAddress2"/></t:DeleteItemField>',
    )
    seen = bob.see(made, MIME.replace("IdOnly", "AllProperties"))
    assert (
        seen["PhysicalAddresses"]
        == '<t:Entry Key="Business"><t:Street>1 High St</t:Street><t:City>Bern</t:City></t:Entry>'
    )
    assert seen["EmailAddresses"] == '<t:Entry Key="EmailAddress1">t@else.example</t:Entry>'
    assert (seen["HasPicture"], seen["DisplayName"], seen["Birthday"]) == (
        "true",
        "Tanja Plate",
        "1980-02-29T00:00:00Z",
    )
    assert "<t:IsContactPhoto>true</t:IsContactPhoto>" in seen["Attachments"]
    assert seen.mime.startswith(b"BEGIN:VCARD\r\n")
    assert seen.mime.endswith(b"END:VCARD\r\n")
    assert b"ORG:N\\; W\\, & Co;" in seen.mime
    assert f"ENCODING=B:{picture}".encode() in seen.mime
    one = bob.see(made, "<t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties><t:IndexedFieldURI "
                  'FieldURI="contacts:PhoneNumber" FieldIndex="MobilePhone"/></t:AdditionalProperties>')  # fmt: skip
    assert one["PhoneNumbers"] == '<t:Entry Key="MobilePhone">+1 555</t:Entry>'


def test_a_list_of_people(bob: Bob) -> None:
    made = bob.make(
        f"<t:DistributionList><t:DisplayName>All</t:DisplayName><t:Members><t:Member>{_WHO}</t:Member></t:Members></t:DistributionList>"
    )
    seen = bob.see(made)
    assert (seen.kind, seen["ItemClass"], seen["DisplayName"]) == ("DistributionList", "IPM.DistList", "All")
    assert "eve@else.example" in seen["Members"]
    assert "Normal" in seen["Members"]


@pytest.mark.parametrize(
    "pattern", [*_RECURRENCES[:4], "<t:WeeklyRegeneration><t:Interval>2</t:Interval></t:WeeklyRegeneration>"]
)
def test_tasks(bob: Bob, pattern: str) -> None:
    made = bob.make(
        "<t:Task><t:Subject>Do</t:Subject><t:DueDate>2026-04-01T00:00:00Z</t:DueDate><t:PercentComplete>50</t:PercentComplete>"
        f"<t:Recurrence>{pattern}{_RANGES[0]}</t:Recurrence><t:Status>InProgress</t:Status><t:TotalWork>90</t:TotalWork></t:Task>"
    )
    seen = bob.see(made)
    assert (seen["Recurrence"], seen["IsRecurring"]) == (pattern + _RANGES[0], "true")
    assert (seen["Status"], seen["PercentComplete"], seen["IsComplete"]) == ("InProgress", "50", "false")
    bob.change(made, set_field("task:Status", "Task", "<t:Status>Completed</t:Status>"))
    done = bob.see(made)
    assert (done["IsComplete"], done["PercentComplete"], done["CompleteDate"]) == (
        "true",
        "100",
        "2026-03-02T00:00:00Z",
    )


def test_a_sticky_note(bob: Bob) -> None:
    made = bob.make(
        "<t:Item><t:ItemClass>IPM.StickyNote</t:ItemClass><t:Subject>Milk</t:Subject><t:Body BodyType='Text'>Milk\nBread</t:Body>"
        f"<t:ExtendedProperty><t:ExtendedFieldURI {_COLOUR}/><t:Value>3</t:Value></t:ExtendedProperty></t:Item>",
        "notes",
    )
    asked = f"<t:BaseShape>AllProperties</t:BaseShape><t:AdditionalProperties><t:ExtendedFieldURI {_COLOUR}/></t:AdditionalProperties>"
    seen = bob.see(made, asked)
    assert (seen.kind, seen["ItemClass"], seen.text("Body"), seen.extended("35584")) == (
        "Item",
        "IPM.StickyNote",
        "Milk\nBread",
        "3",
    )


def test_posts_and_folders_of_another_kind(bob: Bob) -> None:
    post = bob.see(bob.make(f"<t:PostItem><t:Subject>News</t:Subject><t:From>{_WHO}</t:From></t:PostItem>", "inbox"))
    assert (post.kind, post["ItemClass"]) == ("PostItem", "IPM.Post")
    assert "Eve" in post["From"]
    assert bob.refused(_event(), "inbox") == "ErrorCannotCreateCalendarItemInNonCalendarFolder"
    assert bob.refused("<t:Task/>", "contacts") == "ErrorCannotCreateTaskInNonTaskFolder"


# Attachments


def test_files_and_items_are_attached_listed_read_and_removed(bob: Bob) -> None:
    made = bob.make("<t:Message><t:Subject>With</t:Subject></t:Message>")
    file = bob.attach(
        made,
        "<t:FileAttachment><t:Name>ä.png</t:Name><t:ContentType>image/png</t:ContentType><t:ContentId>c1</t:ContentId>"
        "<t:IsInline>true</t:IsInline><t:Content>AAECAw==</t:Content></t:FileAttachment>",
    )
    nested = bob.attach(
        made,
        "<t:ItemAttachment><t:Name>Lunch</t:Name><t:CalendarItem><t:Subject>Lunch</t:Subject><t:Start>2026-03-02T12:00:00Z"
        "</t:Start><t:End>2026-03-02T13:00:00Z</t:End></t:CalendarItem></t:ItemAttachment>",
    )
    got = bob.attachment(file)
    assert (got.findtext(f"{T}Content"), got.findtext(f"{T}ContentId"), got.findtext(f"{T}IsInline")) == (
        "AAECAw==",
        "c1",
        "true",
    )
    inner = Shown(bob.attachment(nested).find(f"{T}CalendarItem"))
    assert (inner["Subject"], inner["Start"]) == ("Lunch", "2026-03-02T12:00:00Z")
    seen = bob.see(made)
    assert seen["HasAttachments"] == "true"
    assert seen["Attachments"].count("<t:Name>") == 2
    bob.asker.ask(
        f'<m:DeleteAttachment><m:AttachmentIds><t:AttachmentId Id="{nested}"/></m:AttachmentIds></m:DeleteAttachment>'
    )
    assert bob.see(made)["HasAttachments"] == "false"  # an inline picture is none


def test_all_are_marked_as_read(bob: Bob, organisation: Organisation) -> None:
    for _ in range(3):
        bob.letter(b"Subject: x\r\n\r\nHi\r\n", READ_MAIL.replace(">1<", ">0<"))
    box = mailbox_of(organisation, "bob")
    assert box.unread(box.well_known("inbox")) == 3
    bob.asker.ask(
        "<m:MarkAllItemsAsRead><m:ReadFlag>true</m:ReadFlag><m:SuppressReadReceipts>true</m:SuppressReadReceipts>"
        '<m:FolderIds><t:DistinguishedFolderId Id="inbox"/></m:FolderIds></m:MarkAllItemsAsRead>'
    )
    assert box.unread(box.well_known("inbox")) == 0
