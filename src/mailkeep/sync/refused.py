"""Folders that the server shows and will not give: closed to us, corrupt, or known to LIST alone (SPEC C5, C6).

Such a folder is named in the run's warning and keeps its checkpoint and its items; the others go on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mailkeep.connectors.base import Connector
from mailkeep.errors import GiveUp
from mailkeep.sync.folders import Branch

_OF_ONE_FOLDER = frozenset({"folder_not_found", "access_denied", "refused_by_server"})  # another may well be readable


@dataclass(frozen=True, slots=True)
class Refused:
    """The server shows the folder and will not give what is in it: in its own words."""

    code: str
    message: str


def refusal(connector: Connector, branch: Branch, error: GiveUp) -> Refused | None:
    """What a failed listing says of that folder alone; None: it was deleted meanwhile. Raises what is no folder's matter."""
    if error.code not in _OF_ONE_FOLDER:
        raise error
    if error.code == "folder_not_found":
        there = {folder.id for folder in connector.folders()}
        if branch.folder.id not in there and branch.folder.section not in connector.closed_sections:
            return None
    return Refused(error.code, error.message)


def counted(connector: Connector, branch: Branch) -> int | Refused | None:
    """In the session's thread."""
    try:
        return connector.count(branch.folder)
    except GiveUp as error:
        return refusal(connector, branch, error)


def raise_if_none_opens(selectable: Sequence[Branch], refused: Mapping[int, Refused]) -> None:
    """One folder that will not open is a warning; a mailbox of which none does is not ours to read."""
    denied = [refused[each.number] for each in selectable if each.number in refused]
    denied = [each for each in denied if each.code == "access_denied"]
    if denied and len(denied) == len(selectable):
        raise GiveUp("access_denied", denied[0].message, "grant the connection's user access to the mailbox")
