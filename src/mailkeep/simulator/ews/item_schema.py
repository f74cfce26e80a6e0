"""The order in which types.xsd wants an item's elements, and the names that EWS gives to its properties.

    ORDER["Message"]             MimeContent, ItemId, … , InferenceClassification, Sender, ToRecipients, … , MailboxGuids
    rank("Message")["Subject"]   4: its place in that order
    property_name("calendar:Start")   "Start"

An element's own properties come after those of the type it extends: Item < Message < MeetingMessage < MeetingRequest.
Source: types.xsd of Exchange 2016; the default shapes are the table "Default item properties" of Microsoft's "Property sets
and response shapes in EWS in Exchange".
"""

from __future__ import annotations

from functools import cache

TYPES = "http://schemas.microsoft.com/exchange/services/2006/types"
MESSAGES = "http://schemas.microsoft.com/exchange/services/2006/messages"

_ITEM = """
    MimeContent ItemId ParentFolderId ItemClass Subject Sensitivity Body Attachments DateTimeReceived Size
    Categories Importance InReplyTo IsSubmitted IsDraft IsFromMe IsResend IsUnmodified InternetMessageHeaders
    DateTimeSent DateTimeCreated ResponseObjects ReminderDueBy ReminderIsSet ReminderNextTime
    ReminderMinutesBeforeStart DisplayCc DisplayTo DisplayBcc HasAttachments ExtendedProperty Culture
    EffectiveRights LastModifiedName LastModifiedTime IsAssociated WebClientReadFormQueryString
    WebClientEditFormQueryString ConversationId UniqueBody Flag StoreEntryId InstanceKey NormalizedBody
    EntityExtractionResult PolicyTag ArchiveTag RetentionDate Preview RightsManagementLicenseData
    PredictedActionReasons IsClutter BlockStatus HasBlockedImages TextBody IconIndex SearchKey SortKey Hashtags
    Mentions MentionedMe MentionsPreview MentionsEx AppliedHashtags AppliedHashtagsPreview Likes LikesPreview
    PendingSocialActivityTagIds AtAllMention CanDelete InferenceClassification
"""

_MESSAGE = """
    Sender ToRecipients CcRecipients BccRecipients IsReadReceiptRequested IsDeliveryReceiptRequested
    ConversationIndex ConversationTopic From InternetMessageId IsRead IsResponseRequested References ReplyTo
    ReceivedBy ReceivedRepresenting ApprovalRequestData VotingInformation ReminderMessageData SenderSMTPAddress
    MailboxGuids
"""

_CALENDAR = """
    UID RecurrenceId DateTimeStamp Start End OriginalStart IsAllDayEvent LegacyFreeBusyStatus Location When
    IsMeeting IsCancelled IsRecurring MeetingRequestWasSent IsResponseRequested CalendarItemType MyResponseType
    Organizer RequiredAttendees OptionalAttendees Resources InboxReminders ConflictingMeetingCount
    AdjacentMeetingCount ConflictingMeetings AdjacentMeetings Duration TimeZone AppointmentReplyTime
    AppointmentSequenceNumber AppointmentState Recurrence FirstOccurrence LastOccurrence ModifiedOccurrences
    DeletedOccurrences MeetingTimeZone StartTimeZone EndTimeZone ConferenceType AllowNewTimeProposal IsOnlineMeeting
    MeetingWorkspaceUrl NetShowUrl EnhancedLocation StartWallClock EndWallClock StartTimeZoneId EndTimeZoneId
    IntendedFreeBusyStatus JoinOnlineMeetingUrl OnlineMeetingSettings IsOrganizer CalendarActivityData
"""

_CONTACT = """
    FileAs FileAsMapping DisplayName GivenName Initials MiddleName Nickname CompleteName CompanyName EmailAddresses
    AbchEmailAddresses PhysicalAddresses PhoneNumbers AssistantName Birthday BusinessHomePage Children Companies
    ContactSource Department Generation ImAddresses JobTitle Manager Mileage OfficeLocation PostalAddressIndex
    Profession SpouseName Surname WeddingAnniversary HasPicture PhoneticFullName PhoneticFirstName PhoneticLastName
    Alias Notes Photo UserSMIMECertificate MSExchangeCertificate DirectoryId ManagerMailbox DirectReports
    AccountName IsAutoUpdateDisabled IsMessengerEnabled Comment ContactShortId ContactType Gender IsHidden ObjectId
    PassportId IsPrivate SourceId TrustLevel CreatedBy Urls Cid SkypeAuthCertificate SkypeContext SkypeId
    SkypeRelationship YomiNickname XboxLiveTag InviteFree HidePresenceAndProfile IsPendingOutbound SupportGroupFeeds
    UserTileHash UnifiedInbox Mris Wlid AbchContactId NotInBirthdayCalendar ShellContactType ImMri
    PresenceTrustLevel OtherMri ProfileLastChanged MobileIMEnabled PartnerNetworkProfilePhotoUrl
    PartnerNetworkThumbnailPhotoUrl PersonId ConversationGuid
"""

_LIST = """
    DisplayName FileAs ContactSource Members
"""

_TASK = """
    ActualWork AssignedTime BillingInformation ChangeCount Companies CompleteDate Contacts DelegationState Delegator
    DueDate IsAssignmentEditable IsComplete IsRecurring IsTeamTask Mileage Owner PercentComplete Recurrence
    StartDate Status StatusDescription TotalWork
"""

_POST = """
    ConversationIndex ConversationTopic From InternetMessageId IsRead PostedTime References Sender
"""

_MEETING = """
    AssociatedCalendarItemId IsDelegated IsOutOfDate HasBeenProcessed ResponseType UID RecurrenceId DateTimeStamp
    IsOrganizer
"""

_REQUEST = """
    MeetingRequestType IntendedFreeBusyStatus Start End OriginalStart IsAllDayEvent LegacyFreeBusyStatus Location
    When IsMeeting IsCancelled IsRecurring MeetingRequestWasSent CalendarItemType MyResponseType Organizer
    RequiredAttendees OptionalAttendees Resources ConflictingMeetingCount AdjacentMeetingCount ConflictingMeetings
    AdjacentMeetings Duration TimeZone AppointmentReplyTime AppointmentSequenceNumber AppointmentState Recurrence
    FirstOccurrence LastOccurrence ModifiedOccurrences DeletedOccurrences MeetingTimeZone StartTimeZone EndTimeZone
    ConferenceType AllowNewTimeProposal IsOnlineMeeting MeetingWorkspaceUrl NetShowUrl EnhancedLocation
    ChangeHighlights StartWallClock EndWallClock StartTimeZoneId EndTimeZoneId
"""

_RESPONSE = """
    Start End Location Recurrence CalendarItemType ProposedStart ProposedEnd EnhancedLocation
"""

_CANCELLATION = """
    Start End Location Recurrence CalendarItemType EnhancedLocation
"""

ORDER: dict[str, tuple[str, ...]] = {
    element: tuple(" ".join(blocks).split())
    for element, blocks in {
        "Item": (_ITEM,),
        "Message": (_ITEM, _MESSAGE),
        "CalendarItem": (_ITEM, _CALENDAR),
        "Contact": (_ITEM, _CONTACT),
        "DistributionList": (_ITEM, _LIST),
        "Task": (_ITEM, _TASK),
        "PostItem": (_ITEM, _POST),
        "MeetingMessage": (_ITEM, _MESSAGE, _MEETING),
        "MeetingRequest": (_ITEM, _MESSAGE, _MEETING, _REQUEST),
        "MeetingResponse": (_ITEM, _MESSAGE, _MEETING, _RESPONSE),
        "MeetingCancellation": (_ITEM, _MESSAGE, _MEETING, _CANCELLATION),
    }.items()
}

# Message class → element, the longest prefix first. Reports and sticky notes have no element of their own: a report is a
# Message, a note an Item. Source: the "Item class" column of MS-OXWSCORE 2.2.4.
_ELEMENTS = (
    ("IPM.Schedule.Meeting.Request", "MeetingRequest"),
    ("IPM.Schedule.Meeting.Resp", "MeetingResponse"),
    ("IPM.Schedule.Meeting.Canceled", "MeetingCancellation"),
    ("IPM.Schedule.Meeting", "MeetingMessage"),
    ("IPM.Appointment", "CalendarItem"),
    ("IPM.OLE.CLASS.{00061055-0000-0000-C000-000000000046}", "CalendarItem"),
    ("IPM.Contact", "Contact"),
    ("IPM.AbchPerson", "Contact"),
    ("IPM.DistList", "DistributionList"),
    ("IPM.Task", "Task"),
    ("IPM.Post", "PostItem"),
    ("IPM.Note", "Message"),
    ("IPM.Schedule", "Message"),
    ("REPORT", "Message"),
)

CLASSES = {
    "Item": "IPM.Note",
    "Message": "IPM.Note",
    "CalendarItem": "IPM.Appointment",
    "Contact": "IPM.Contact",
    "DistributionList": "IPM.DistList",
    "Task": "IPM.Task",
    "PostItem": "IPM.Post",
    "MeetingMessage": "IPM.Schedule.Meeting",
    "MeetingRequest": "IPM.Schedule.Meeting.Request",
    "MeetingResponse": "IPM.Schedule.Meeting.Resp.Pos",
    "MeetingCancellation": "IPM.Schedule.Meeting.Canceled",
}

_MAIL = "Subject Sensitivity Size HasAttachments DateTimeSent DateTimeCreated ResponseObjects Body From IsRead"
_PEOPLE = "ToRecipients CcRecipients BccRecipients"
_WHEN = "Start End LegacyFreeBusyStatus Location CalendarItemType Organizer"

DEFAULTS: dict[str, frozenset[str]] = {
    element: frozenset(names.split())
    for element, names in {
        "Item": "Subject Sensitivity Size HasAttachments DateTimeSent DateTimeCreated ResponseObjects Body",
        "Message": f"{_MAIL} {_PEOPLE}",
        "CalendarItem": f"Subject HasAttachments ResponseObjects {_WHEN}",
        "Contact": "Subject HasAttachments FileAs CompleteName CompanyName EmailAddresses PhysicalAddresses PhoneNumbers "
        "ImAddresses",
        "DistributionList": "Subject HasAttachments DisplayName FileAs",
        "Task": "Subject HasAttachments DueDate StartDate PercentComplete Status",
        "PostItem": f"{_MAIL} PostedTime",
        "MeetingMessage": f"{_MAIL} {_PEOPLE}",
        "MeetingRequest": f"{_MAIL} {_PEOPLE} {_WHEN} AssociatedCalendarItemId",
        "MeetingResponse": f"{_MAIL} {_PEOPLE} AssociatedCalendarItemId ResponseType",
        "MeetingCancellation": f"{_MAIL} {_PEOPLE} AssociatedCalendarItemId",
    }.items()
}


@cache
def rank(element: str) -> dict[str, int]:
    """Property name → its place among the children of that element. Raises `KeyError` for no item element."""
    return {name: place for place, name in enumerate(ORDER[element])}


def words(text: str) -> frozenset[str]:
    """A set of names, written as people read them."""
    return frozenset(text.split())


def property_name(field_uri: str) -> str:
    """The element a FieldURI means: "calendar:Start" → "Start"."""
    return field_uri.rpartition(":")[2]


@cache
def element_of(item_class: str) -> str:
    """The element that shows an item of that message class; `Item` for one that has none of its own."""
    for prefix, element in _ELEMENTS:
        if item_class.lower().startswith(prefix.lower()):
            return element
    return "Item"
