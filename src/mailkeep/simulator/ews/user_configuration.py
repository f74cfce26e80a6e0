"""GetUserConfiguration: nobody here has set any of Outlook on the web's options, and Exchange then finds no such object."""

from __future__ import annotations

from collections.abc import Sequence

from lxml import etree

from mailkeep.simulator.ews.envelope import Answer, Call, EwsError, Handler, answer, attempt
from mailkeep.simulator.ews.lookup import folder_named
from mailkeep.simulator.ews.refusals import TYPES

_NOT_THERE = "The configuration object was not found."


def get_user_configuration(call: Call, request: etree._Element) -> Answer:
    def run() -> Sequence[etree._Element]:
        place = request.find(f".//{{{TYPES}}}DistinguishedFolderId")
        if place is None:
            place = request.find(f".//{{{TYPES}}}FolderId")
        if place is None:
            raise EwsError("ErrorInvalidRequest")
        folder_named(call, place)
        raise EwsError("ErrorItemNotFound", _NOT_THERE)

    return answer("GetUserConfiguration", [attempt("GetUserConfiguration", run)])


HANDLERS: dict[str, Handler] = {"GetUserConfiguration": get_user_configuration}
