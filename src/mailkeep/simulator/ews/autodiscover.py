"""Where a mailbox is to be found: what both faces of autodiscover know, and the SOAP one, /autodiscover/autodiscover.svc."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from lxml import etree

from mailkeep.simulator.ews.reply import Reply
from mailkeep.simulator.ews.versions import ServerVersion

if TYPE_CHECKING:
    from mailkeep.simulator.exchange.organisation import Organisation

_NAMESPACE = "http://schemas.microsoft.com/exchange/2010/Autodiscover"
_ADDRESSING = "http://www.w3.org/2005/08/addressing"
_A = f"{{{_NAMESPACE}}}"


@dataclass(frozen=True, slots=True)
class Found:
    """One address: a mailbox of ours, another address to ask for, or (all empty) nobody."""

    address: str = ""
    name: str = ""
    legacy_dn: str = ""
    redirect: str = ""


@dataclass(slots=True)
class Site:
    """`redirects`: addresses (lower case) that live under another one, as after a merger."""

    organisation: Organisation
    version: ServerVersion
    host: str
    ews_url: str
    redirects: dict[str, str] = field(default_factory=dict)

    def find(self, address: str) -> Found:
        redirect = self.redirects.get(address.lower(), "")
        if redirect:
            return Found(redirect=redirect)
        mailbox = self.organisation.mailbox(address)
        if mailbox is None or mailbox.disabled:
            return Found()
        place = "/o=First Organization/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)/cn=Recipients"
        return Found(mailbox.address, mailbox.name, f"{place}/cn={mailbox.id}-{mailbox.address.partition('@')[0]}")


def answer(site: Site, root: etree._Element | None) -> Reply:
    """GetUserSettings; anything else is a SOAP fault."""
    request = None if root is None else root.find(f".//{_A}GetUserSettingsRequestMessage/{_A}Request")
    if request is None:
        return Reply(500, _wrapped(site, "Fault", _fault("The request is invalid.")))
    addresses = [(found.text or "").strip() for found in request.iter(f"{_A}Mailbox")]
    wanted = [(found.text or "").strip() for found in request.iter(f"{_A}Setting")]
    users = "".join(_user(site, address, wanted) for address in addresses)
    body = (
        f'<GetUserSettingsResponseMessage xmlns="{_NAMESPACE}"><Response xmlns:i="http://www.w3.org/2001/XMLSchema-instance">'
        f"<ErrorCode>NoError</ErrorCode><ErrorMessage/><UserResponses>{users}</UserResponses>"
        "</Response></GetUserSettingsResponseMessage>"
    )
    return Reply(200, _wrapped(site, "GetUserSettingsResponse", body))


def _user(site: Site, address: str, wanted: list[str]) -> str:
    found = site.find(address)
    if found.redirect:
        return _response("RedirectAddress", "Redirection address.", found.redirect)
    if not found.name:
        return _response("InvalidUser", f"Invalid user: '{address}'", "")
    known = {
        "UserDisplayName": found.name,
        "UserDN": found.legacy_dn,
        "UserDeploymentId": "5ac5ce3f-0000-4000-8000-000000000001",
        "AutoDiscoverSMTPAddress": found.address,
        "InternalEwsUrl": site.ews_url,
        "ExternalEwsUrl": site.ews_url,
        "EwsSupportedSchemas": "Exchange2007, Exchange2007_SP1, Exchange2010, Exchange2010_SP1, Exchange2010_SP2, Exchange2013",
        "CasVersion": site.version.text(),
        "InternalMailboxServer": site.host,
    }
    settings = "".join(
        f'<UserSetting i:type="StringSetting"><Name>{escape(name)}</Name><Value>{escape(known[name])}</Value></UserSetting>'
        for name in wanted
        if name in known
    )
    unknown = "".join(
        "<UserSettingError><ErrorCode>SettingIsNotAvailable</ErrorCode>"
        f"<ErrorMessage>The requested setting, {escape(name)}, is not available.</ErrorMessage>"
        f"<SettingName>{escape(name)}</SettingName></UserSettingError>"
        for name in wanted
        if name not in known
    )
    return _response("NoError", "No error.", "", unknown, settings)


def _response(code: str, text: str, target: str, errors: str = "", settings: str = "") -> str:
    redirect = f"<RedirectTarget>{escape(target)}</RedirectTarget>" if target else '<RedirectTarget i:nil="true"/>'
    return (
        f"<UserResponse><ErrorCode>{code}</ErrorCode><ErrorMessage>{escape(text)}</ErrorMessage>{redirect}"
        f"<UserSettingErrors>{errors}</UserSettingErrors><UserSettings>{settings}</UserSettings></UserResponse>"
    )


def _wrapped(site: Site, action: str, body: str) -> bytes:
    names = ("MajorVersion", "MinorVersion", "MajorBuildNumber", "MinorBuildNumber")
    info = "".join(f"<h:{name}>{number}</h:{name}>" for name, number in zip(names, site.version.build, strict=True))
    return (
        '<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" '
        f'xmlns:a="{_ADDRESSING}"><s:Header><a:Action s:mustUnderstand="1">{_NAMESPACE}/Autodiscover/{action}</a:Action>'
        f'<h:ServerVersionInfo xmlns:h="{_NAMESPACE}">{info}<h:Version>{site.version.schema}</h:Version>'
        f"</h:ServerVersionInfo></s:Header><s:Body>{body}</s:Body></s:Envelope>"
    ).encode()


def _fault(text: str) -> str:
    return f"<s:Fault><faultcode>s:Client</faultcode><faultstring>{escape(text)}</faultstring></s:Fault>"
