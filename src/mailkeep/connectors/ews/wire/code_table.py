"""Every response code of the EWS schema in one group, by what it asks of us. A test holds the table against the schema.

What each means: Microsoft, "ResponseCode" (EWS reference) and [MS-OXWSCDATA] 2.2.5.24. Where Exchange uses a code in more
than one sense, it stands where the sense that a reader meets puts it, and the comment says so.
"""

from __future__ import annotations

from enum import Enum, auto


class Group(Enum):
    """What to do about a code."""

    BUSY = auto()  # come back later: the server is short of something
    MOVING = auto()  # come back later: the mailbox is between two databases
    STORE = auto()  # the database that the mailbox is in is not mounted, or cannot be reached
    AWAY = auto()  # come back later: something behind the front door does not answer
    FALTERED = auto()  # try again at once
    IMPERSONATION = auto()  # the service account may not act for this mailbox
    NO_MAILBOX = auto()
    DISABLED = auto()
    SIGN_IN = auto()
    ACCESS = auto()
    QUOTA = auto()
    NO_FOLDER = auto()
    NO_STATE = auto()
    NO_ITEM = auto()
    TOO_LARGE = auto()
    UNREADABLE = auto()  # this item only: the server cannot make sense of it, or not in the form asked for
    VERSION = auto()  # the request is for another version of Exchange
    OPERATION = auto()  # the server doesn't do this
    REQUEST = auto()  # the server rejects the request as it is written
    FOREIGN = auto()  # of operations that are never called: rules, sharing, voice mail, groups, delegates, search


_TABLE: dict[Group, str] = {
    Group.BUSY: """
        ErrorServerBusy ErrorExceededConnectionCount ErrorInsufficientResources ErrorNotEnoughMemory
        ErrorTooManyObjectsOpened ErrorExceededSubscriptionCount ErrorExceededMessageLimit
        ErrorExceededMessageLimitShowTierUpgrade
    """,
    Group.MOVING: "ErrorMailboxMoveInProgress",
    Group.STORE: "ErrorMailboxStoreUnavailable ErrorMailboxFailover",
    Group.AWAY: """
        ErrorADOperation ErrorADSessionFilter ErrorADUnavailable
        ErrorConnectionFailed ErrorServiceDiscoveryFailed ErrorNoApplicableProxyCASServersAvailable
        ErrorNoDestinationCASDueToKerberosRequirements ErrorNoDestinationCASDueToSSLRequirements
        ErrorNoDestinationCASDueToVersionMismatch ErrorNoRespondingCASInDestinationSite ErrorProxyCallFailed
        ErrorProxyRequestProcessingFailed ErrorProxyServiceDiscoveryFailed ErrorProxySoapException
        ErrorProxyGroupSidLimitExceeded ErrorProxyRequestNotAllowed ErrorCrossSiteRequest ErrorWin32InteropError
        ErrorGetServerSecurityDescriptorFailed ErrorLogonAsNetworkServiceFailed ErrorTokenSerializationDenied
        ErrorLocalServerObjectNotFound ErrorArchiveMailboxServiceDiscoveryFailed ErrorAutoDiscoverFailed
        ErrorMailboxConfiguration ErrorInternalServerError ErrorDataSourceOperation ErrorWebRequestInInvalidState
        ErrorPublicFolderMailboxDiscoveryFailed ErrorPublicFolderRequestProcessingFailed
        ErrorPublicFolderServerNotFound ErrorNoPublicFolderReplicaAvailable ErrorNoPublicFolderServerAvailable
        ErrorGetRemoteArchiveFolderFailed ErrorFindRemoteArchiveFolderFailed ErrorGetRemoteArchiveItemFailed
        ErrorExportRemoteArchiveItemsFailed ErrorNoOAuthServerAvailableForRequest
        ErrorInvalidInternetWebProxyOnLocalServer ErrorResponseSchemaValidation ErrorParsingXMLResponse
    """,
    Group.FALTERED: """
        ErrorInternalServerTransientError ErrorTimeoutExpired ErrorRequestAborted ErrorClientDisconnected
        ErrorBatchProcessingStopped ErrorProxyTokenExpired ErrorMailboxLogonFailed
    """,
    Group.IMPERSONATION: "ErrorImpersonateUserDenied ErrorImpersonationDenied ErrorImpersonationFailed",
    Group.NO_MAILBOX: """
        ErrorNonExistentMailbox ErrorNonPrimarySmtpAddress ErrorInvalidSmtpAddress ErrorCannotFindUser
        ErrorMissingEmailAddress ErrorMissingExchangePrincipal ErrorInvalidMailbox ErrorInvalidUserPrincipalName
        ErrorInvalidUserSid ErrorInvalidUserSidMissingUPN ErrorInvalidSid ErrorInvalidUserInfo
        ErrorInvalidExchangeImpersonationHeaderData ErrorDuplicateLegacyDistinguishedName ErrorEmailAddressMismatch
        ErrorAddressSpaceNotFound ErrorMailRecipientNotFound ErrorRecipientNotFound
    """,
    Group.DISABLED: "ErrorAccountDisabled ErrorAccountSuspend ErrorAccountSuspendShowTierUpgrade ErrorInvalidLicense",
    Group.SIGN_IN: """
        ErrorPasswordExpired ErrorPasswordChangeRequired ErrorInvalidAuthorizationContext
        ErrorInvalidClientSecurityContext ErrorInvalidLogonType ErrorInvalidSerializedAccessToken
        ErrorInvalidClientAccessTokenRequest ErrorInvalidCrossForestCredentials ErrorInvalidNetworkServiceContext
        ErrorInvalidProxySecurityContext ErrorCallerIsInvalidADAccount ErrorInvalidSecurityDescriptor
    """,
    Group.ACCESS: """
        ErrorAccessDenied ErrorCreateItemAccessDenied ErrorCreateSubfolderAccessDenied ErrorNotDelegate
        ErrorSendAsDenied ErrorUserNotAllowedByPolicy ErrorPermissionNotAllowedByPolicy ErrorOrganizationAccessBlocked
        ErrorCannotDeleteObject ErrorDistinguishedUserNotSupported ErrorInvalidAccessLevel ErrorAccessModeSpecified
        ErrorMoreThanOneAccessModeSpecified ErrorInvalidManagementRoleHeader ErrorMultiLegacyMailboxAccess
    """,
    Group.QUOTA: """
        ErrorQuotaExceeded ErrorMessagePerFolderCountReceiveQuotaExceeded ErrorSubmissionQuotaExceeded
        ErrorIndividualMailboxLimitReached
    """,
    Group.NO_FOLDER: """
        ErrorFolderNotFound ErrorSyncFolderNotFound ErrorParentFolderNotFound ErrorToFolderNotFound
        ErrorSavedItemFolderNotFound ErrorManagedFolderNotFound ErrorArchiveMailboxNotEnabled
        ErrorCannotAccessDeletedPublicFolder ErrorSearchFolderNotInitialized ErrorFolderCorrupt ErrorNoCalendar
    """,
    Group.NO_STATE: "ErrorInvalidSyncStateData",
    Group.NO_ITEM: """
        ErrorItemNotFound ErrorInvalidAttachmentId ErrorVirusMessageDeleted ErrorObjectTypeChanged
        ErrorCalendarOccurrenceIsDeletedFromRecurrence ErrorCalendarOccurrenceIndexIsOutOfRecurrenceRange
        ErrorCalendarCannotUpdateDeletedItem
    """,
    Group.TOO_LARGE: """
        ErrorMessageSizeExceeded ErrorAttachmentSizeLimitExceeded ErrorDataSizeLimitExceeded ErrorRequestStreamTooBig
        ErrorResultSetTooBig
    """,
    Group.UNREADABLE: """
        ErrorItemCorrupt ErrorCorruptData ErrorContentConversionFailed ErrorMimeContentConversionFailed
        ErrorMimeContentInvalid ErrorMimeContentInvalidBase64String ErrorUnsupportedMimeConversion
        ErrorUnsupportedTypeForConversion ErrorItemPropertyRequestFailed ErrorCannotOpenFileAttachment
        ErrorAttachmentNestLevelLimitExceeded ErrorVirusDetected ErrorMessageBlocked ErrorPropertyValidationFailure
        ErrorUnsupportedMapiPropertyType ErrorUnsupportedRecurrence ErrorRecurrenceHasNoOccurrence
        ErrorRecurrenceEndDateTooBig ErrorOccurrenceCrossingBoundary ErrorOccurrenceTimeSpanTooBig ErrorTimeZone
        ErrorCalendarOutOfRange ErrorCalendarInvalidPropertyState ErrorCalendarInvalidPropertyValue
        ErrorCalendarInvalidRecurrence ErrorCalendarInvalidTimeZone ErrorCalendarInvalidAttributeValue
        ErrorCalendarInvalidDayForTimeChangePattern ErrorCalendarInvalidDayForWeeklyRecurrence
        ErrorCalendarDurationIsTooLong ErrorCalendarEndDateIsEarlierThanStartDate
        ErrorCalendarCannotUseIdForOccurrenceId ErrorCalendarCannotUseIdForRecurringMasterId
        ErrorItemSave ErrorItemSavePropertyError ErrorPropertyUpdate ErrorStaleObject ErrorIrresolvableConflict
        ErrorInvalidChangeKey ErrorMoveCopyFailed ErrorDeleteItemsFailed ErrorInvalidIdReturnedByResolveNames
        ErrorInvalidId ErrorInvalidIdEmpty ErrorInvalidIdMalformed ErrorInvalidIdMalformedEwsLegacyIdFormat
        ErrorInvalidIdMonikerTooLong ErrorInvalidIdNotAnItemAttachmentId ErrorInvalidIdStoreObjectIdTooLong
        ErrorInvalidIdTooManyAttachmentLevels ErrorInvalidIdXml ErrorInvalidItemForOperationExpandDL
        ErrorInvalidItemForOperationCreateItem ErrorInvalidItemForOperationCreateItemAttachment
        ErrorInvalidContactEmailAddress ErrorInvalidContactEmailIndex ErrorInvalidCompleteDate
        ErrorInvalidPercentCompleteValue ErrorInvalidExtendedProperty ErrorInvalidExtendedPropertyValue
        ErrorInvalidInternetHeaderChildNodes ErrorInvalidRecipients ErrorInvalidRoutingType ErrorInvalidReferenceItem
        ErrorInvalidValueForProperty ErrorInvalidPropertySet ErrorInvalidPropertyForOperation
        ErrorInvalidPropertyUpdateSentMessage ErrorRequiredPropertyMissing ErrorValueOutOfRange
        ErrorMissingItemForCreateItemAttachment ErrorMissingRecipients ErrorExceededMaxRecipientLimit
        ErrorExceededMaxRecipientLimitBlock ErrorExceededMaxRecipientLimitShowTierUpgrade
        ErrorCannotCreateCalendarItemInNonCalendarFolder ErrorCannotCreateContactInNonContactFolder
        ErrorCannotCreatePostItemInNonMailFolder ErrorCannotCreateTaskInNonTaskFolder ErrorCannotDeleteTaskOccurrence
        ErrorCalendarCannotMoveOrCopyOccurrence ErrorSentMeetingRequestUpdate ErrorSentTaskRequestUpdate
        ErrorDistributionListMemberNotExist ErrorNoFolderClassOverride ErrorCalendarIsNotOrganizer
        ErrorIncorrectUpdatePropertyCount ErrorUpdatePropertyMismatch
    """,
    Group.VERSION: """
        ErrorInvalidServerVersion ErrorIncorrectSchemaVersion ErrorInvalidSchemaVersionForMailboxVersion
        ErrorWrongServerVersion ErrorWrongServerVersionDelegate
    """,
    Group.OPERATION: "ErrorInvalidOperation ErrorUnsupportedPropertyDefinition ErrorUnsupportedCulture",
    Group.REQUEST: """
        ErrorInvalidRequest ErrorSchemaValidation ErrorInvalidArgument ErrorMissingArgument
        ErrorAffectedTaskOccurrencesRequired ErrorMessageDispositionRequired ErrorSendMeetingCancellationsRequired
        ErrorSendMeetingInvitationsOrCancellationsRequired ErrorSendMeetingInvitationsRequired
        ErrorChangeKeyRequired ErrorChangeKeyRequiredForWriteOperations ErrorParentFolderIdRequired
        ErrorInvalidPropertyRequest ErrorInvalidPropertyAppend ErrorInvalidPropertyDelete ErrorInvalidPropertyForExists
        ErrorNoPropertyTagForCustomProperties ErrorFolderPropertRequestFailed ErrorInvalidFolderId
        ErrorInvalidFolderTypeForOperation ErrorInvalidParentFolder ErrorCannotUseFolderIdForItemId
        ErrorCannotUseItemIdForFolderId ErrorCannotSpecifySearchFolderAsSourceFolder ErrorFolderExists ErrorFolderSave
        ErrorFolderSaveFailed ErrorFolderSavePropertyError ErrorDeleteDistinguishedFolder
        ErrorMoveDistinguishedFolder ErrorCannotEmptyFolder ErrorCrossMailboxMoveCopy ErrorDuplicateInputFolderNames
        ErrorDuplicateSOAPHeader ErrorExceededFindCountLimit ErrorInvalidPagingMaxRows
        ErrorInvalidIndexedPagingParameters ErrorInvalidFractionalPagingParameters ErrorInvalidRestriction
        ErrorRestrictionTooComplex ErrorRestrictionTooLong ErrorQueryFilterTooLong ErrorUnsupportedQueryFilter
        ErrorUnsupportedPathForQuery ErrorUnsupportedPathForSortGroup ErrorUnsupportedSubFilter
        ErrorContainsFilterWrongType ErrorInvalidExcludesRestriction ErrorInvalidExpressionTypeForSubFilter
        ErrorInvalidSubfilterType ErrorInvalidSubfilterTypeNotAttendeeType ErrorInvalidSubfilterTypeNotRecipientType
        ErrorInvalidAttachmentSubfilter ErrorInvalidAttachmentSubfilterTextFilter ErrorInvalidRecipientSubfilter
        ErrorInvalidRecipientSubfilterComparison ErrorInvalidRecipientSubfilterOrder
        ErrorInvalidRecipientSubfilterTextFilter ErrorInvalidTimeInterval ErrorTimeIntervalTooBig
        ErrorCalendarViewRangeTooBig ErrorCalendarFolderIsInvalidForCalendarView
        ErrorOperationNotAllowedWithPublicFolderRoot ErrorCannotArchiveItemsInPublicFolders
        ErrorNameResolutionMultipleResults ErrorNameResolutionNoMailbox ErrorNameResolutionNoResults
        ErrorInvalidNameForNameResolution ErrorResolveNamesInvalidFolderType
        ErrorResolveNamesOnlyOneContactsFolderAllowed ErrorInvalidSendItemSaveSettings
    """,
    Group.FOREIGN: """
        ErrorAddDelegatesFailed ErrorArchiveFolderPathCreation ErrorAvailabilityConfigNotFound
        ErrorCalendarIsCancelledForAccept ErrorCalendarIsCancelledForDecline ErrorCalendarIsCancelledForRemove
        ErrorCalendarIsCancelledForTentative ErrorCalendarIsDelegatedForAccept ErrorCalendarIsDelegatedForDecline
        ErrorCalendarIsDelegatedForRemove ErrorCalendarIsDelegatedForTentative ErrorCalendarIsOrganizerForAccept
        ErrorCalendarIsOrganizerForDecline ErrorCalendarIsOrganizerForRemove ErrorCalendarIsOrganizerForTentative
        ErrorCalendarMeetingRequestIsOutOfDate ErrorCalendarIsGroupMailboxForAccept
        ErrorCalendarIsGroupMailboxForDecline ErrorCalendarIsGroupMailboxForTentative
        ErrorCalendarIsGroupMailboxForSuppressReadReceipt ErrorCalendarSeekToConditionNotSupported
        ErrorCannotArchiveCalendarContactTaskFolderException ErrorCannotArchiveItemsInArchiveMailbox
        ErrorCannotDisableMandatoryExtension ErrorCannotGetSourceFolderPath ErrorCannotGetExternalEcpUrl
        ErrorCannotSetCalendarPermissionOnNonCalendarFolder ErrorCannotSetNonCalendarPermissionOnCalendarFolder
        ErrorCannotSetPermissionUnknownEntries ErrorClientIntentInvalidStateDefinition ErrorClientIntentNotFound
        ErrorContentIndexingNotEnabled ErrorCreateManagedFolderPartialCompletion ErrorDelegateAlreadyExists
        ErrorDelegateCannotAddOwner ErrorDelegateMissingConfiguration ErrorDelegateNoUser ErrorDelegateValidationFailed
        ErrorDeleteUnifiedMessagingPromptFailed ErrorDuplicateUserIdsSpecified ErrorEventNotFound
        ErrorExpiredSubscription ErrorExtensionNotFound ErrorFreeBusyGenerationFailed ErrorImContactLimitReached
        ErrorImGroupDisplayNameAlreadyExists ErrorImGroupLimitReached ErrorInvalidDelegatePermission
        ErrorInvalidDelegateUserId ErrorInvalidFreeBusyViewType ErrorInvalidImContactId
        ErrorInvalidImDistributionGroupSmtpAddress ErrorInvalidImGroupId ErrorInvalidItemForOperationArchiveItem
        ErrorInvalidItemForOperationAcceptItem ErrorInvalidItemForOperationDeclineItem
        ErrorInvalidItemForOperationCancelItem ErrorInvalidItemForOperationRemoveItem
        ErrorInvalidItemForOperationSendItem ErrorInvalidItemForOperationTentative ErrorInvalidLikeRequest
        ErrorInvalidManagedFolderProperty ErrorInvalidManagedFolderQuota ErrorInvalidManagedFolderSize
        ErrorInvalidMergedFreeBusyInterval ErrorInvalidOofParameter ErrorInvalidPermissionSettings
        ErrorInvalidPhoneCallId ErrorInvalidPhoneNumber ErrorInvalidPullSubscriptionId
        ErrorInvalidPushSubscriptionUrl ErrorInvalidRetentionTagTypeMismatch ErrorInvalidRetentionTagInvisible
        ErrorInvalidRetentionTagInheritance ErrorInvalidRetentionTagIdGuid ErrorInvalidScheduledOofDuration
        ErrorInvalidSIPUri ErrorInvalidSubscription ErrorInvalidSubscriptionRequest ErrorInvalidUserOofSettings
        ErrorInvalidWatermark ErrorIPGatewayNotFound ErrorLegacyMailboxFreeBusyViewTypeNotMerged
        ErrorMailboxDataArrayEmpty ErrorMailboxDataArrayTooBig ErrorMailboxHoldNotFound ErrorMailTipsDisabled
        ErrorManagedFolderAlreadyExists ErrorManagedFoldersRootFailure ErrorMeetingSuggestionGenerationFailed
        ErrorMissingEmailAddressForManagedFolder ErrorMissingInformationEmailAddress
        ErrorMissingInformationReferenceItemId ErrorMissingManagedFolderId ErrorMissingUserIdInformation
        ErrorNoFreeBusyAccess ErrorPhoneNumberNotDialable ErrorPromptPublishingOperationFailed
        ErrorProxiedSubscriptionCallFailure ErrorPublicFolderOperationFailed ErrorPublicFolderSyncException
        ErrorReadEventsFailed ErrorReadReceiptNotPending ErrorRemoveDelegatesFailed
        ErrorSubscriptionAccessDenied ErrorSubscriptionDelegateAccessNotSupported ErrorSubscriptionNotFound
        ErrorSubscriptionUnsubscribed ErrorTeamMailboxNotFound ErrorTeamMailboxNotLinkedToSharePoint
        ErrorTeamMailboxUrlValidationFailed ErrorTeamMailboxNotAuthorizedOwner ErrorTeamMailboxActiveToPendingDelete
        ErrorTeamMailboxFailedSendingNotifications ErrorTeamMailboxErrorUnknown
        ErrorUnifiedGroupMailboxAADCreationFailed ErrorUnifiedGroupMailboxAADDeleteFailed
        ErrorUnifiedGroupMailboxNamingPolicy ErrorUnifiedGroupMailboxDeleteFailed ErrorUnifiedGroupMailboxNotFound
        ErrorUnifiedGroupMailboxUpdateDelayed ErrorUnifiedGroupMailboxUpdatedPartialProperties
        ErrorUnifiedGroupMailboxUpdateFailed ErrorUnifiedGroupMailboxProvisionFailed
        ErrorUnifiedMessagingDialPlanNotFound ErrorUnifiedMessagingReportDataNotFound
        ErrorUnifiedMessagingPromptNotFound ErrorUnifiedMessagingRequestFailed ErrorUnifiedMessagingServerNotFound
        ErrorUnableToGetUserOofSettings ErrorUnableToRemoveImContactFromGroup ErrorUpdateDelegatesFailed
        ErrorUserNotUnifiedMessagingEnabled ErrorVoiceMailNotImplemented ErrorWorkingHoursSaveFailed
        ErrorWorkingHoursXmlMalformed ErrorMissingInformationSharingFolderId ErrorSharingSynchronizationFailed
        ErrorSharingNoExternalEwsAvailable ErrorFreeBusyDLLimitReached ErrorInvalidGetSharingFolderRequest
        ErrorNotAllowedExternalSharingByPolicy ErrorOrganizationNotFederated ErrorInvalidExternalSharingInitiator
        ErrorMessageTrackingPermanentError ErrorMessageTrackingTransientError ErrorMessageTrackingNoSuchDomain
        ErrorUserWithoutFederatedProxyAddress ErrorInvalidOrganizationRelationshipForFreeBusy
        ErrorInvalidFederatedOrganizationId ErrorInvalidExternalSharingSubscriber ErrorInvalidSharingData
        ErrorInvalidSharingMessage ErrorNotSupportedSharingMessage ErrorApplyConversationActionFailed
        ErrorInboxRulesValidationError ErrorOutlookRuleBlobExists ErrorRulesOverQuota
        ErrorNewEventStreamConnectionOpened ErrorMissedNotificationEvents ErrorNoSpeechDetected
        ErrorUMServerUnavailable ErrorRecognizerNotInstalled ErrorSpeechGrammarError ErrorLocationServicesDisabled
        ErrorLocationServicesRequestTimedOut ErrorLocationServicesRequestFailed ErrorLocationServicesInvalidRequest
        ErrorWeatherServiceDisabled ErrorMailboxScopeNotAllowedWithoutQueryString ErrorArchiveMailboxSearchFailed
        ErrorInvalidPhotoSize ErrorSearchQueryHasTooManyKeywords ErrorSearchTooManyMailboxes
        ErrorInvalidRetentionTagNone ErrorDiscoverySearchesDisabled ErrorInvalidBulkActionType ErrorInvalidKeepNCount
        ErrorInvalidKeepNType ErrorInstantSearchSessionExpired ErrorInstantSearchTimeout ErrorInstantSearchFailed
        ErrorUnsupportedUserForExecuteSearch ErrorDuplicateExtendedKeywordDefinition
        ErrorUnexpectedUnifiedGroupsCount ErrorInvalidFederationOrganizationIdentifier ErrorInvalidSweepRule
        ErrorInvalidSweepRuleOperationType ErrorTargetDomainNotSupported
        ErrorNoSenderRestrictionsSettingsFoundInRequest ErrorDuplicateSenderRestrictionsInputFound
        ErrorSenderRestrictionsUpdateFailed ErrorMessageSubmissionBlocked ErrorInvalidLongitude ErrorInvalidLatitude
        ErrorUnifiedGroupAlreadyExists ErrorUnifiedGroupAadAuthorizationRequestDenied
        ErrorUnifiedGroupCreationDisabled ErrorMarketPlaceExtensionAlreadyInstalledForOrg
        ErrorExtensionAlreadyInstalledForOrg ErrorNewerExtensionAlreadyInstalled
        ErrorNewerMarketPlaceExtensionAlreadyInstalled ErrorInvalidExtensionId ErrorCannotUninstallProvidedExtensions
        ErrorNoRbacPermissionToInstallMarketPlaceExtensions
        ErrorNoRbacPermissionToInstallReadWriteMailboxExtensions ErrorInvalidReportMessageActionType
    """,
}

GROUPS: dict[str, Group] = {code: group for group, codes in _TABLE.items() for code in codes.split()}
