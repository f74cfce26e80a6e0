"""XML names of EWS, and the two ways to write text into XML without making it ill-formed."""

from __future__ import annotations

import re
from xml.sax.saxutils import escape

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP_12 = "http://www.w3.org/2003/05/soap-envelope"
MESSAGES = "http://schemas.microsoft.com/exchange/services/2006/messages"
TYPES = "http://schemas.microsoft.com/exchange/services/2006/types"
ERRORS = "http://schemas.microsoft.com/exchange/services/2006/errors"

M = f"{{{MESSAGES}}}"
T = f"{{{TYPES}}}"
S = f"{{{SOAP}}}"

_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, production 2


def text(value: str) -> str:
    """The value as element text. What XML 1.0 cannot hold becomes U+FFFD; CR stays CR for the reader."""
    return escape(_NO_XML.sub("\ufffd", value), {"\r": "&#xD;"})


def attribute(value: str) -> str:
    """The value in double quotes, ready behind a `Name=`."""
    held = escape(_NO_XML.sub("\ufffd", value), {'"': "&quot;", "\r": "&#xD;", "\n": "&#xA;", "\t": "&#x9;"})
    return f'"{held}"'
