"""Autodiscover's two protocols, without I/O: what to ask, and what an answer says.

| protocol | posted to | answers with |
|---|---|---|
| POX ("plain old XML") | `https://HOST/autodiscover/autodiscover.xml` | settings, a redirection, or an error |
| SOAP | `https://HOST/autodiscover/autodiscover.svc` | the same, by GetUserSettings |

Sources: Microsoft, "POX Autodiscover web service reference"; [MS-OXWSADISC]. Whom to ask, and which redirection to follow,
is for whoever makes the requests to decide.
"""

from __future__ import annotations

from dataclasses import dataclass

from lxml import etree

from mailkeep.connectors.ews.wire.names import SOAP, attribute, text
from mailkeep.connectors.ews.wire.responses import parsed

POX_CONTENT_TYPE = SOAP_CONTENT_TYPE = "text/xml; charset=utf-8"

_REQUEST = "http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006"
_RESPONSE = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"
_SERVICE = "http://schemas.microsoft.com/exchange/2010/Autodiscover"
_ADDRESSING = "http://www.w3.org/2005/08/addressing"
_SETTINGS = ("ExternalEwsUrl", "InternalEwsUrl", "EwsSupportedSchemas")
_PROTOCOLS = ("EXPR", "EXHTTP", "EXCH")  # from outside, either way, from inside: the first names what everyone reaches


@dataclass(frozen=True, slots=True)
class Discovered:
    """What an autodiscover answer says. One of `ews_url`, `redirect_address`, `redirect_url`, `error` is set."""

    ews_url: str = ""
    redirect_address: str = ""
    redirect_url: str = ""
    error: str = ""  # "500 The email address can't be found."
    server: str = ""  # newest schema the server tells of: "Exchange2016"; "" where it doesn't
    ews_urls: tuple[str, ...] = ()  # all that were named, the best first


def pox_request(address: str) -> bytes:
    """Where is the mailbox of that address?"""
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        f'<Autodiscover xmlns="{_REQUEST}"><Request><EMailAddress>{text(address)}</EMailAddress>'
        f"<AcceptableResponseSchema>{_RESPONSE}</AcceptableResponseSchema></Request></Autodiscover>"
    ).encode()


def pox_answer(body: bytes) -> Discovered:
    """What the answer says; one that is no autodiscover answer is an `error` too."""
    root = parsed(body.strip())
    if root is None or etree.QName(root).localname != "Autodiscover":
        return _no_answer(body)
    for error in root.iter("{*}Error"):
        return Discovered(error=f"{_inner(error, 'ErrorCode')} {_inner(error, 'Message')}".strip() or "unknown error")
    if target := _inner(root, "RedirectAddr"):
        return Discovered(redirect_address=target)
    if target := _inner(root, "RedirectUrl"):
        return Discovered(redirect_url=target)
    return _found([(_inner(one, "Type"), _pox_url(one)) for one in root.iter("{*}Protocol")], "")


def soap_request(address: str, url: str) -> bytes:
    """GetUserSettings of one mailbox, posted to `url` (…/autodiscover/autodiscover.svc)."""
    wanted = "".join(f"<a:Setting>{name}</a:Setting>" for name in _SETTINGS)
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        f'<s:Envelope xmlns:s={attribute(SOAP)} xmlns:a="{_SERVICE}" xmlns:wsa="{_ADDRESSING}"><s:Header>'
        "<a:RequestedServerVersion>Exchange2013_SP1</a:RequestedServerVersion>"
        f"<wsa:Action>{_SERVICE}/Autodiscover/GetUserSettings</wsa:Action><wsa:To>{text(url)}</wsa:To></s:Header>"
        "<s:Body><a:GetUserSettingsRequestMessage><a:Request>"
        f"<a:Users><a:User><a:Mailbox>{text(address)}</a:Mailbox></a:User></a:Users>"
        f"<a:RequestedSettings>{wanted}</a:RequestedSettings>"
        "</a:Request></a:GetUserSettingsRequestMessage></s:Body></s:Envelope>"
    ).encode()


def soap_answer(body: bytes) -> Discovered:
    """What the answer says of that one mailbox; a fault, or what is no answer at all, is an `error`."""
    root = parsed(body.strip())
    if root is None or etree.QName(root).localname != "Envelope":
        return _no_answer(body)
    for fault in root.iter("{*}Fault"):
        return Discovered(error=_inner(fault, "faultstring") or _inner(fault, "Text") or "unknown fault")
    for user in root.iter("{*}UserResponse"):
        code, target = _inner(user, "ErrorCode"), _inner(user, "RedirectTarget")
        if code == "RedirectAddress":
            return Discovered(redirect_address=target)
        if code == "RedirectUrl":
            return Discovered(redirect_url=target)
        if code not in ("", "NoError"):
            return Discovered(error=f"{code} {_inner(user, 'ErrorMessage')}".strip())
        told = {_inner(one, "Name"): _inner(one, "Value") for one in user.iter("{*}UserSetting")}
        schemas = [name.strip() for name in told.get("EwsSupportedSchemas", "").split(",") if name.strip()]
        urls = [("EXPR", told.get("ExternalEwsUrl", "")), ("EXCH", told.get("InternalEwsUrl", ""))]
        return _found(urls, schemas[-1] if schemas else "")
    for answer in root.iter("{*}Response"):
        return Discovered(error=f"{_inner(answer, 'ErrorCode')} {_inner(answer, 'ErrorMessage')}".strip())
    return _no_answer(body)


def _found(told: list[tuple[str, str]], server: str) -> Discovered:
    known = sorted(
        ((_PROTOCOLS.index(kind), url) for kind, url in told if url and kind in _PROTOCOLS), key=lambda one: one[0]
    )
    urls = tuple(dict.fromkeys(url for _, url in known))
    if not urls:
        return Discovered(error="the answer names no address of Exchange Web Services", server=server)
    return Discovered(ews_url=urls[0], server=server, ews_urls=urls)


def _pox_url(protocol: etree._Element) -> str:
    return _inner(protocol, "EwsUrl") or _inner(protocol, "ASUrl")


def _no_answer(body: bytes) -> Discovered:
    page = b"<html" in body[:4096].lower()
    return Discovered(error="a web page came instead of an answer" if page else "what came is no autodiscover answer")


def _inner(element: etree._Element, name: str) -> str:
    for found in element.iter(f"{{*}}{name}"):
        return (found.text or "").strip()
    return ""
