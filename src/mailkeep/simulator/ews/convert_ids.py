"""ConvertId: the same folder or item under another form of id.

EwsId and EwsLegacyId are one here; EntryId and HexEntryId are MAPI's 46 or 70 bytes, OwaId the EWS id made safe for a URL,
StoreId the EWS id's own bytes.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from urllib.parse import quote, unquote

from lxml import etree

from mailkeep.simulator.ews import ids
from mailkeep.simulator.ews.envelope import NAMESPACES, Answer, Call, EwsError, Handler, M, each
from mailkeep.simulator.ews.lookup import ids_in

_XSI = "http://www.w3.org/2001/XMLSchema-instance"


def convert_id(call: Call, request: etree._Element) -> Answer:
    target = request.get("DestinationFormat", "")

    def one(source: etree._Element) -> Sequence[etree._Element]:
        text = _as_ews(source.get("Format", ""), source.get("Id", ""))
        mailbox = ids.mailbox_at(call.organisation, text)
        made = etree.Element(f"{M}AlternateId", nsmap={**NAMESPACES, "xsi": _XSI})
        made.set(f"{{{_XSI}}}type", "t:AlternateIdType")
        made.set("Format", target)
        made.set("Id", _from_ews(target, text))
        made.set("Mailbox", source.get("Mailbox", "") if mailbox is None else mailbox.address)  # whatever was asked
        return [made]

    return each("ConvertId", ids_in(request, "SourceIds"), one)


def _as_ews(form: str, text: str) -> str:
    try:
        match form:
            case "EwsId" | "EwsLegacyId" | "StoreId":
                return text
            case "OwaId":
                return unquote(text)
            case "EntryId":
                return ids.of_entry(base64.b64decode(text, validate=True))
            case "HexEntryId":
                return ids.of_entry(bytes.fromhex(text))
    except (binascii.Error, ValueError) as error:
        raise EwsError("ErrorInvalidIdMalformed") from error
    raise EwsError("ErrorUnsupportedTypeForConversion", "The id format is not supported.")


def _from_ews(form: str, text: str) -> str:
    match form:
        case "EwsId" | "EwsLegacyId" | "StoreId":
            return text
        case "OwaId":
            return quote(text, safe="")
        case "EntryId":
            return base64.b64encode(ids.entry_of(text)).decode()
        case "HexEntryId":
            return ids.entry_of(text).hex().upper()
    raise EwsError("ErrorUnsupportedTypeForConversion", "The id format is not supported.")


HANDLERS: dict[str, Handler] = {"ConvertId": convert_id}
