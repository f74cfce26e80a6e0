"""ResolveNames and ExpandDL: who is meant, and who is on a list."""

from __future__ import annotations

from collections.abc import Sequence

from lxml import etree

from mailkeep.simulator.ews.envelope import (
    Answer,
    Call,
    EwsError,
    Handler,
    M,
    T,
    answer,
    attempt,
    boolean,
    failure,
    m,
    success,
    t,
    warning,
)
from mailkeep.simulator.ews.lookup import item_named
from mailkeep.simulator.ews.markup import child, parsed, true
from mailkeep.simulator.exchange.values import Entry

_CANDIDATES_MAX = 100
_MAILBOX_TYPES = {"mailbox": "Mailbox", "list": "PublicDL", "contact": "Contact"}
# Details of an entry, as a contact shows them; in the order of ContactItemType.
_PLAIN_BEFORE = ("DisplayName", "GivenName", "Initials")
_PLAIN_AFTER = ("Department", "JobTitle", "Manager", "OfficeLocation", "Surname")
_PHONES = ("BusinessPhone", "MobilePhone")


def resolve_names(call: Call, request: etree._Element) -> Answer:
    operation = "ResolveNames"
    wanted = (request.findtext(f"{M}UnresolvedEntry") or "").strip()
    if not wanted:
        return answer(
            operation, [failure(operation, EwsError("ErrorInvalidNameForNameResolution", "The name is empty."))]
        )
    entries = [] if request.get("SearchScope") == "Contacts" else call.organisation.resolve(wanted)
    if not entries:
        return answer(operation, [failure(operation, EwsError("ErrorNameResolutionNoResults"))])
    whole = true(request.get("ReturnFullContactData"))
    found = m(
        "ResolutionSet",
        None,
        *(_resolution(call, entry, whole) for entry in entries[:_CANDIDATES_MAX]),
        TotalItemsInView=str(len(entries)),
        IncludesLastItemInRange=boolean(len(entries) <= _CANDIDATES_MAX),
    )
    if len(entries) > 1:
        return answer(operation, [warning(operation, EwsError("ErrorNameResolutionMultipleResults"), found)])
    return answer(operation, [success(operation, found)])


def _resolution(call: Call, entry: Entry, whole: bool) -> etree._Element:
    parts = [mailbox_element(entry)]
    if whole and entry.kind != "list":
        parts.append(_contact(call, entry))
    return t("Resolution", None, *parts)


def mailbox_element(entry: Entry) -> etree._Element:
    """`t:Mailbox` of an entry of the directory."""
    return t(
        "Mailbox",
        None,
        t("Name", entry.name),
        t("EmailAddress", entry.address),
        t("RoutingType", "SMTP"),
        t("MailboxType", _MAILBOX_TYPES[entry.kind]),
    )


def _contact(call: Call, entry: Entry) -> etree._Element:
    details = {"DisplayName": entry.name, **entry.details}
    parts = [t("Culture", "en-US"), *(t(name, details[name]) for name in _PLAIN_BEFORE if details.get(name))]
    if details.get("CompanyName"):
        parts.append(t("CompanyName", details["CompanyName"]))
    addresses = [entry.address]
    if (mailbox := call.organisation.mailbox(entry.address)) is not None:
        addresses += mailbox.aliases
    keyed = (t("Entry", f"SMTP:{each}", Key=f"EmailAddress{n}") for n, each in enumerate(addresses[:3], 1))
    parts.append(t("EmailAddresses", None, *keyed))
    if details.get("City"):
        parts.append(t("PhysicalAddresses", None, t("Entry", None, t("City", details["City"]), Key="Business")))
    if phones := [name for name in _PHONES if details.get(name)]:
        parts.append(t("PhoneNumbers", None, *(t("Entry", details[name], Key=name) for name in phones)))
    parts.append(t("ContactSource", "ActiveDirectory"))
    parts += [t(name, details[name]) for name in _PLAIN_AFTER if details.get(name)]
    return t("Contact", None, *parts)


def expand_dl(call: Call, request: etree._Element) -> Answer:
    def run() -> Sequence[etree._Element]:
        named = request.find(f"{M}Mailbox")
        members = [] if named is None else _members(call, named)
        expansion = m("DLExpansion", None, *members, TotalItemsInView=str(len(members)), IncludesLastItemInRange="true")
        return [expansion]

    return answer("ExpandDL", [attempt("ExpandDL", run)])


def _members(call: Call, named: etree._Element) -> list[etree._Element]:
    """Of a list of the directory, by its address; of a private list, by its item. Raises EwsError."""
    item_id = child(named, "ItemId")
    if item_id is not None:
        return _private(item_named(call, item_id)[1].properties.get("Members", ""))
    address = named.findtext(f"{T}EmailAddress") or named.findtext(f"{T}Name") or ""
    entries = call.organisation.expand(address.strip())
    if entries is None:
        raise EwsError("ErrorNameResolutionNoResults")
    return [mailbox_element(entry) for entry in entries]


def _private(members: str) -> list[etree._Element]:
    """From the inner XML of a DistributionList's Members."""
    return list(parsed(members).iterfind(f"{T}Member/{T}Mailbox"))


HANDLERS: dict[str, Handler] = {"ResolveNames": resolve_names, "ExpandDL": expand_dl}
