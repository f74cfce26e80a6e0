"""XML written and read as text: escaping, elements, and what an item's stored inner XML says.

Stored properties are inner XML with the prefix `t:` and nothing declared; `parsed` wraps them so that lxml can read them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from xml.sax.saxutils import escape as _escape

from lxml import etree

from mailkeep.simulator.ews.item_schema import MESSAGES, TYPES

# What XML 1.0 cannot hold at all. Exchange writes such characters of a subject as references (&#x1;), which no strict parser
# takes; the simulator keeps its answers well-formed and leaves that to the faults on request.
_UNSPEAKABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_SPECIAL = re.compile('[&<>"\r\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]')
_PARSER = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True, remove_comments=True)
_OPEN = f'<t:x xmlns:t="{TYPES}" xmlns:m="{MESSAGES}">'
_FRACTION = re.compile(r"\.(\d{1,6})\d*")


def escape(text: str) -> str:
    """Text as an element's content or an attribute's value in double quotes."""
    if not _SPECIAL.search(text):
        return text
    text = _UNSPEAKABLE.sub("\ufffd", text)
    return _escape(text, {'"': "&quot;", "\r": "&#xD;"})


def element(name: str, inner: str, attributes: str = "") -> str:
    """`<t:name attributes>inner</t:name>`; `attributes` begins with a space."""
    return f"<t:{name}{attributes}>{inner}</t:{name}>" if inner else f"<t:{name}{attributes}/>"


def parsed(inner: str) -> etree._Element:
    """An element whose children (and text) are the inner XML's. Raises `etree.XMLSyntaxError`."""
    return etree.fromstring(f"{_OPEN}{inner}</t:x>", _PARSER)


def text_of(inner: str) -> str:
    """The text of an element that holds only text."""
    if "&" not in inner and "<" not in inner:
        return inner
    return parsed(inner).text or ""


def inner_xml(node: etree._Element) -> str:
    """What stands in the element, with the prefix `t:` whatever prefix it came with, and no declarations."""
    if not len(node):
        return escape(node.text or "")
    pieces = [escape(node.text)] if node.text and node.text.strip() else []
    pieces += [outer_xml(child) for child in node if isinstance(child.tag, str)]
    return "".join(pieces)


def outer_xml(node: etree._Element) -> str:
    """The element itself, written as `inner_xml` writes its children."""
    return element(local_name(node), inner_xml(node), attributes_of(node))


def attributes_of(node: etree._Element) -> str:
    """The attributes as they stand in a start tag, each after a space; those of other namespaces are dropped."""
    found = ((str(name), str(value)) for name, value in node.items())
    return "".join(f' {name}="{escape(value)}"' for name, value in found if not name.startswith("{"))


def local_name(node: etree._Element) -> str:
    """`{namespace}Subject` → `Subject`."""
    return str(node.tag).rpartition("}")[2]


def elements(node: etree._Element) -> Iterator[etree._Element]:
    """The children that are elements, no comments among them."""
    return (each for each in node if isinstance(each.tag, str))


def child(node: etree._Element, name: str) -> etree._Element | None:
    """The first child of that local name."""
    return next((each for each in node if isinstance(each.tag, str) and local_name(each) == name), None)


def child_text(node: etree._Element, name: str) -> str:
    """The text of that child, "" where there is none."""
    found = child(node, name)
    return (found.text or "") if found is not None else ""


def stamp(moment: datetime) -> str:
    """As Exchange writes times: UTC, to the second, `2026-11-23T09:00:00Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def moment(text: str) -> datetime:
    """A time of the wire, in UTC; one without zone is taken as UTC. Raises `ValueError`."""
    found = datetime.fromisoformat(_FRACTION.sub(lambda part: "." + part[1].ljust(6, "0"), text.strip()))
    return found.replace(tzinfo=found.tzinfo or UTC).astimezone(UTC)


def true(text: str | None) -> bool:
    """An xs:boolean."""
    return text is not None and text.strip() in ("true", "1")


def boolean(value: bool) -> str:
    return "true" if value else "false"


def mailbox_xml(name: str, address: str, kind: str = "") -> str:
    """`<t:Mailbox>` as Exchange writes one. `kind`: its MailboxType, "" for OneOff."""
    routed = f"<t:EmailAddress>{escape(address)}</t:EmailAddress><t:RoutingType>SMTP</t:RoutingType>" if address else ""
    return f"<t:Mailbox><t:Name>{escape(name or address)}</t:Name>{routed}<t:MailboxType>{kind or 'OneOff'}</t:MailboxType></t:Mailbox>"
