"""Whose mailbox a request is for: the account's own, or one that it impersonates, and whether it may."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lxml import etree

from mailkeep.simulator.ews.authentication import Signed
from mailkeep.simulator.ews.refusals import TYPES

if TYPE_CHECKING:
    from mailkeep.simulator.exchange.mailbox import Mailbox
    from mailkeep.simulator.exchange.organisation import Organisation

_T = f"{{{TYPES}}}"

# How each way of naming somebody fails when there is nobody of that name.
_UNKNOWN = {
    "PrimarySmtpAddress": "ErrorNonExistentMailbox",
    "SmtpAddress": "ErrorNonExistentMailbox",
    "PrincipalName": "ErrorInvalidUserPrincipalName",
    "SID": "ErrorInvalidUserSid",
}


class Denied(Exception):
    """`code` is the SOAP fault's."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def mailbox_of(organisation: Organisation, signed: Signed, envelope: etree._Element) -> Mailbox | None:
    """The mailbox that well-known folder names mean; None for an account that has none. Raises Denied."""
    named = _impersonated(envelope)
    if named is None:
        if signed.app_only:
            raise Denied("ErrorInvalidExchangeImpersonationHeaderData")
        own = signed.account.mailbox
        return None if own is None else _usable(organisation.mailbox(own))
    way, name = named
    mailbox = organisation.mailbox(name) if "@" in name else None
    if mailbox is None or mailbox.disabled:
        raise Denied(_UNKNOWN.get(way, "ErrorImpersonationFailed"))
    if not signed.account.impersonates and not signed.app_only:
        raise Denied("ErrorImpersonateUserDenied")
    return _usable(mailbox)


def _impersonated(envelope: etree._Element) -> tuple[str, str] | None:
    """How somebody is named in the header ExchangeImpersonation, and the name."""
    place = envelope.find(f".//{_T}ExchangeImpersonation/{_T}ConnectingSID")
    if place is None:
        return None
    if len(place) == 0:
        raise Denied("ErrorInvalidExchangeImpersonationHeaderData")
    return etree.QName(place[0]).localname, (place[0].text or "").strip()


def _usable(mailbox: Mailbox | None) -> Mailbox | None:
    if mailbox is None or mailbox.disabled:
        raise Denied("ErrorNonExistentMailbox")
    if mailbox.moving:
        raise Denied("ErrorMailboxMoveInProgress")
    return mailbox
