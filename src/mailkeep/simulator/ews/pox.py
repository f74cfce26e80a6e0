"""Autodiscover as plain XML: POST an address to /autodiscover/autodiscover.xml, get the URL of EWS back."""

from __future__ import annotations

from xml.sax.saxutils import escape

from lxml import etree

from mailkeep.simulator.ews.autodiscover import Site
from mailkeep.simulator.ews.reply import Reply

_REQUEST = "http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006"
_ENVELOPE = "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006"
_RESPONSE = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"


def answer(site: Site, root: etree._Element | None) -> Reply:
    """`root` None: what came was no XML."""
    address = ("" if root is None else root.findtext(f".//{{{_REQUEST}}}EMailAddress") or "").strip()
    if not address:
        return _wrapped(_error("600", "Invalid Request"))
    found = site.find(address)
    if found.redirect:
        action = (
            f"<Account><Action>redirectAddr</Action><RedirectAddr>{escape(found.redirect)}</RedirectAddr></Account>"
        )
        return _wrapped(f'<Response xmlns="{_RESPONSE}">{action}</Response>')
    if not found.name:
        return _wrapped(_error("500", "The email address can't be found."))
    user = (
        f"<DisplayName>{escape(found.name)}</DisplayName><LegacyDN>{escape(found.legacy_dn)}</LegacyDN>"
        f"<AutoDiscoverSMTPAddress>{escape(found.address)}</AutoDiscoverSMTPAddress>"
        "<DeploymentId>5ac5ce3f-0000-4000-8000-000000000001</DeploymentId>"
    )
    account = "<AccountType>email</AccountType><Action>settings</Action><MicrosoftOnline>False</MicrosoftOnline>"
    protocols = "".join(_protocol(site, kind) for kind in ("EXCH", "EXPR"))
    return _wrapped(
        f'<Response xmlns="{_RESPONSE}"><User>{user}</User><Account>{account}{protocols}</Account></Response>'
    )


def _protocol(site: Site, kind: str) -> str:
    ews = escape(site.ews_url)
    return (
        f"<Protocol><Type>{kind}</Type><Server>{escape(site.host)}</Server>"
        f"<ServerVersion>{site.version.hexadecimal()}</ServerVersion>"
        f"<SSL>{'On' if site.ews_url.startswith('https:') else 'Off'}</SSL><AuthPackage>Ntlm</AuthPackage>"
        f"<ASUrl>{ews}</ASUrl><OOFUrl>{ews}</OOFUrl><EwsUrl>{ews}</EwsUrl></Protocol>"
    )


def _error(code: str, text: str) -> str:
    return (
        '<Response><Error Time="12:00:00.0000000" Id="2477272013">'
        f"<ErrorCode>{code}</ErrorCode><Message>{escape(text)}</Message><DebugData /></Error></Response>"
    )


def _wrapped(response: str) -> Reply:
    body = f'<?xml version="1.0" encoding="utf-8"?><Autodiscover xmlns="{_ENVELOPE}">{response}</Autodiscover>'
    return Reply(200, body.encode())
