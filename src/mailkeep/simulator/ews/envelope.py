"""What every operation takes and gives: a Call in, response messages out, errors as EWS words them.

    def get_folder(call: Call, request: Element) -> Answer:
        return each("GetFolder", folder_ids(request), lambda one: …children of the message…, empty="Folders")

An operation raises `EwsError` for one message of its answer (`ResponseClass="Error"`), or `SoapFault` where Exchange
refuses the whole request. What the organisation refuses (`exchange.errors.Refusal`) is worded here, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial

from lxml import etree

from mailkeep.simulator.ews import refusals
from mailkeep.simulator.ews.item_schema import MESSAGES, TYPES
from mailkeep.simulator.ews.listings import Listings
from mailkeep.simulator.exchange import errors
from mailkeep.simulator.exchange.mailbox import Mailbox
from mailkeep.simulator.exchange.organisation import Organisation
from mailkeep.simulator.exchange.values import Account

NAMESPACES = {"m": MESSAGES, "t": TYPES}
M, T = f"{{{MESSAGES}}}", f"{{{TYPES}}}"

_PARSER = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True)

Answer = etree._Element  # `m:…Response`, the Body's child
Handler = Callable[["Call", etree._Element], Answer]

_TEXTS = {
    "ErrorCalendarFolderIsInvalidForCalendarView": "Calendar paging is only allowed on calendar folders.",
    "ErrorCalendarOccurrenceIndexIsOutOfRecurrenceRange": "Occurrence index is out of recurrence range.",
    "ErrorCalendarOccurrenceIsDeletedFromRecurrence": "Occurrence with this index was previously deleted from the recurrence.",
    "ErrorCalendarCannotMoveOrCopyOccurrence": "Calendar item occurrences cannot be moved or copied.",
    "ErrorCalendarCannotUseIdForOccurrenceId": "Cannot use the specified Id as an occurrence Id.",
    "ErrorCalendarCannotUseIdForRecurringMasterId": "Cannot use the specified Id as a recurring master Id.",
    "ErrorCannotUseFolderIdForItemId": "Id is a folder id; an item id is needed.",
    "ErrorCannotUseItemIdForFolderId": "Id is an item id; a folder id is needed.",
    "ErrorDeleteDistinguishedFolder": "Distinguished folders cannot be deleted.",
    "ErrorFolderExists": "A folder with the specified name already exists.",
    "ErrorFolderNotFound": "The specified folder could not be found in the store.",
    "ErrorInvalidFolderId": "The folder Id is invalid.",
    "ErrorInvalidId": "The Id is invalid.",
    "ErrorInvalidIdEmpty": "Id must be non-empty.",
    "ErrorInvalidIdMalformed": "Id is malformed.",
    "ErrorInvalidPagingMaxRows": "The maximum number of rows must be greater than zero.",
    "ErrorInvalidRestriction": "The restriction is invalid.",
    "ErrorMissingInformationEmailAddress": "When making a request as an account that does not have a mailbox, you must "
    "specify the mailbox primary SMTP address for any distinguished folder Ids.",
    "ErrorMoveCopyFailed": "The move or copy operation failed.",
    "ErrorMoveDistinguishedFolder": "Distinguished folders cannot be moved.",
    "ErrorNameResolutionMultipleResults": "Multiple results were found.",
    "ErrorNameResolutionNoResults": "No results were found.",
    "ErrorNameResolutionNoMailbox": "No mailbox was found.",
    "ErrorParentFolderNotFound": "The specified parent folder could not be found.",
    "ErrorSyncFolderNotFound": "The folder to be synchronized could not be found.",
    "ErrorToFolderNotFound": "The destination folder could not be found.",
    "ErrorUnsupportedPathForQuery": "The property can not be used with this type of restriction.",
    "ErrorUnsupportedPathForSortGroup": "The property can not be used for sorting or grouping.",
}


class EwsError(Exception):
    """An error of one response message. `values` become `t:Value` elements of its MessageXml."""

    def __init__(self, code: str, text: str = "", back_off_ms: int | None = None, **values: str) -> None:
        self.code = code
        self.text = text or _TEXTS.get(code) or refusals.TEXTS.get(code) or "The operation failed."
        self.back_off_ms = back_off_ms
        self.values = values
        if back_off_ms is not None:
            self.values["BackOffMilliseconds"] = str(back_off_ms)
        super().__init__(f"{code}: {self.text}")


class SoapFault(EwsError):
    """The whole request is refused."""


@dataclass(slots=True)
class Face:
    """How the server shows the organisation, whoever asks."""

    regenerate_mime: bool = False  # make MIME anew from properties and parts, as Exchange does
    native_export: bool = True  # ExportItems and UploadItems are there
    find_count_limit: int = 1000  # EWSFindCountLimit
    item_bytes_max: int = 64 * 1024 * 1024  # what CreateItem and UploadItems take
    listings: Listings = field(default_factory=Listings)


@dataclass(slots=True)
class Call:
    """One request: who asks (`account`), for whom (`mailbox`: impersonated or their own; None: an account without)."""

    organisation: Organisation
    account: Account
    mailbox: Mailbox | None
    version: str = "Exchange2016"  # RequestServerVersion
    face: Face = field(default_factory=Face)

    def may_open(self, mailbox: Mailbox) -> bool:
        """One's own, the impersonated one's, and those that person was given full access to."""
        if self.mailbox is not None and self.mailbox.id == mailbox.id:
            return True
        acting = self.account
        if self.mailbox is not None and acting.mailbox != self.mailbox.address:
            impersonated = self.organisation.account(self.mailbox.address)
            if impersonated is None:
                return False
            acting = impersonated
        return self.organisation.full_access(acting, mailbox)


def as_error(refusal: errors.Refusal) -> EwsError:
    """The organisation's refusal in EWS's words."""
    match refusal:
        case errors.MailboxUnavailable(reason="moving"):
            return EwsError("ErrorMailboxMoveInProgress")
        case errors.MailboxUnavailable():
            return EwsError("ErrorNonExistentMailbox")
        case errors.FolderExists():
            return EwsError("ErrorFolderExists", FolderName=str(refusal))
        case errors.Distinguished():
            return EwsError("ErrorMoveDistinguishedFolder")
        case errors.InvalidMove():
            return EwsError("ErrorMoveCopyFailed")
        case errors.InvalidSyncState():
            return EwsError("ErrorInvalidSyncStateData")
        case errors.OccurrenceDeleted():
            return EwsError("ErrorCalendarOccurrenceIsDeletedFromRecurrence")
        case errors.OccurrenceOutOfRange():
            return EwsError("ErrorCalendarOccurrenceIndexIsOutOfRecurrenceRange")
    return EwsError("ErrorItemNotFound")


def t(name: str, text: str | None = None, /, *children: etree._Element, **attributes: str) -> etree._Element:
    """`t:name` with text or children."""
    return _element(T + name, text, children, attributes)


def m(name: str, text: str | None = None, /, *children: etree._Element, **attributes: str) -> etree._Element:
    """`m:name` with text or children."""
    return _element(M + name, text, children, attributes)


def of_text(outer: str, inner: str) -> etree._Element:
    """`outer` ("t:Items", "m:Changes") round inner XML with the prefixes m: and t:, read in one go: a listing of hundreds
    costs half of what it would element by element."""
    return etree.fromstring(f'<{outer} xmlns:m="{MESSAGES}" xmlns:t="{TYPES}">{inner}</{outer}>', _PARSER)


def _element(
    tag: str, text: str | None, children: Iterable[etree._Element], attributes: dict[str, str]
) -> etree._Element:
    made = etree.Element(tag, attributes, nsmap=NAMESPACES)
    made.text = text
    made.extend(list(children))
    return made


def boolean(on: bool) -> str:
    return "true" if on else "false"


def success(operation: str, *children: etree._Element, **attributes: str) -> etree._Element:
    """A response message of that operation, in the schema's order: the code, then what it found."""
    code = m("ResponseCode", "NoError")
    return m(f"{operation}ResponseMessage", None, code, *children, ResponseClass="Success", **attributes)


def warning(operation: str, error: EwsError, *children: etree._Element) -> etree._Element:
    return _message(operation, error, "Warning", children)


def failure(operation: str, error: EwsError, empty: str = "") -> etree._Element:
    """`empty`: the list that the message holds even so ("Items", "Folders"), as Exchange's do."""
    return _message(operation, error, "Error", [m(empty)] if empty else [])


def _message(operation: str, error: EwsError, kind: str, children: Sequence[etree._Element]) -> etree._Element:
    parts = [m("MessageText", error.text), m("ResponseCode", error.code), m("DescriptiveLinkKey", "0")]
    if error.values:
        parts.append(m("MessageXml", None, *(t("Value", value, Name=name) for name, value in error.values.items())))
    return m(f"{operation}ResponseMessage", None, *parts, *children, ResponseClass=kind)


def answer(operation: str, messages: Iterable[etree._Element]) -> Answer:
    """`m:…Response` with its messages."""
    return m(f"{operation}Response", None, m("ResponseMessages", None, *messages))


def each(
    operation: str,
    requests: Iterable[etree._Element],
    run: Callable[[etree._Element], Sequence[etree._Element]],
    *,
    empty: str = "",
) -> Answer:
    """One message for each request: what `run` gives stands after the code; what it raises makes an error of it."""
    return answer(operation, (attempt(operation, partial(run, one), empty=empty) for one in requests))


def attempt(operation: str, run: Callable[[], Sequence[etree._Element]], *, empty: str = "") -> etree._Element:
    """One message, of what `run` gives or raises. SoapFault goes through."""
    try:
        return success(operation, *run())
    except SoapFault:
        raise
    except EwsError as error:
        return failure(operation, error, empty)
    except errors.Refusal as refusal:
        return failure(operation, as_error(refusal), empty)
