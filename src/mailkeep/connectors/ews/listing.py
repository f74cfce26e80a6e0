"""A folder's listing: pages of SyncFolderItems, and the proof that they were all.

    known state ──pages──▶ changes        ErrorInvalidSyncStateData ──▶ from the start, which is complete
         └── a server that takes an unknown state for a fresh start says nothing: the count tells

Let L be the items that listings told of, C what the server counts. `C - L` does not move by itself: with each listing's
creations and deletions it must come out as before. Where it does not, and (nearly) as many items were created as the folder
holds, the server began afresh: the listing is then what it looks like, complete, once a further page says that nothing
moved meanwhile; else the folder is listed from the start.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass

from mailkeep.connectors.base import Change, Gone, Listed
from mailkeep.connectors.ews import checkpoint as checkpoints
from mailkeep.connectors.ews.checkpoint import Checkpoint, Marks
from mailkeep.connectors.ews.session import Session
from mailkeep.connectors.ews.wire import codes, listing, requests
from mailkeep.connectors.ews.wire.envelope import Request
from mailkeep.connectors.ews.wire.listing import ItemsPage
from mailkeep.connectors.ews.wire.responses import ResponseMessage, SoapFault
from mailkeep.connectors.ews.wire.shapes import Shape
from mailkeep.errors import GiveUp, RetryLater, RetryNow
from mailkeep.mail.items import Folder, Role

_COUNT = Shape(fields=("folder:TotalCount",))
_PAGES_WITHOUT_NEWS_MAX = 5  # "there is more", and nothing more: a server that goes round in circles
_FRESH_SHARE = 0.9  # of the folder's items created in one listing: it may have begun afresh
_QUIET_TRIES = 3
_STUMBLES = frozenset({"ErrorInternalServerError", "ErrorDataSourceOperation"})
_OF_AN_ITEM = frozenset({"vanished", "unreadable", "item_too_large"})  # said of a listing: it is the folder's matter


@dataclass(slots=True)
class _Told:
    """What pages said so far."""

    created: int = 0
    gone: int = 0


class EwsListing:
    """See `connectors.base.Listing`. `marks`: of the folder, as heard before the listing; None proves nothing later."""

    def __init__(self, session: Session, folder: Folder, since: bytes | None, marks: Marks | None) -> None:
        self._session = session
        self._folder = folder
        self._since = checkpoints.decode(since)
        self._marks = marks
        self.checkpoint = b""
        self.complete = False
        self.count = 0

    def __iter__(self) -> Iterator[Change]:
        since = self._since
        told = _Told()
        state = ""
        if since is not None:
            try:
                state = yield from self._pages(since.state, told)
            except _LostState:
                since, told = None, _Told()
        if since is None:
            state = yield from self._pages("", told)
        total = count_of(self._session, self._folder)
        if since is not None and _looks_fresh(since, told, total):
            told, state, total = yield from self._settle(told, state, total)
            since = None
        self.complete = since is None
        self.count = total
        listed = told.created - told.gone if since is None else since.listed + total - since.count
        self.checkpoint = Checkpoint(state, listed, total, self._marks, int(time.time())).encode()

    # --- inside -------------------------------------------------------------------------------------------------------

    def _pages(self, state: str, told: _Told) -> Generator[Change, None, str]:
        """Every change since the state; returns the state after them. `_LostState` where the server no longer knows it."""
        idle = 0
        while True:
            page = self._page(state)
            for change in page.changes:
                if isinstance(change, Listed):
                    told.created += not change.changed
                elif isinstance(change, Gone):
                    told.gone += 1
                yield change
            idle = 0 if page.changes and page.state != state else idle + 1
            state = page.state
            if page.last:
                return state
            if idle > _PAGES_WITHOUT_NEWS_MAX:
                message = f"the server never comes to an end of the folder {'/'.join(self._folder.path)}"
                raise RetryLater("unreachable", message, "it is tried again; look into the server's log if this lasts")

    def _page(self, state: str) -> ItemsPage:
        what = f"list the folder {'/'.join(self._folder.path)}"
        request = requests.sync_folder_items(self._folder.id, state)
        message = self._answer(request, what)
        stumbled = _stumbles(message)
        if stumbled:  # over what is in the folder, if it does so twice: other folders may well be readable
            message = self._answer(request, what)
        if state and codes.is_lost_state(message.code):
            raise _LostState("state_lost", "the server no longer knows what was listed before")
        if message.response_class != "Error":
            return listing.read_items_page(message, sent=self._folder.role is Role.SENT)
        error = self._session.error(message, what)
        if (stumbled and _stumbles(message)) or (isinstance(error, GiveUp) and error.code in _OF_AN_ITEM):
            said = " ".join(f"{message.code}: {message.text}".split())[:300]
            hint = "look into the server's EWS log; repair the folder on the server if it is damaged"
            raise GiveUp("refused_by_server", f"the server would not {what}: {said}", hint)
        raise error

    def _answer(self, request: Request, what: str) -> ResponseMessage:
        try:
            messages = list(self._session.stream(request))
        except SoapFault as fault:
            return fault.message
        if not messages:
            raise RetryLater(
                "unreachable", f"the server gave an empty answer where it was to {what}", "it is tried again"
            )
        return messages[0]

    def _settle(self, told: _Told, state: str, total: int) -> Generator[Change, None, tuple[_Told, str, int]]:
        """The server seems to have begun afresh: make sure of it, or list from the start."""
        for _ in range(_QUIET_TRIES):
            before = (told.created, told.gone)
            state = yield from self._pages(state, told)
            quiet = before == (told.created, told.gone)
            if quiet and told.created - told.gone == total:
                return told, state, total
            if quiet:
                break
            total = count_of(self._session, self._folder)
        told = _Told()
        state = yield from self._pages("", told)
        return told, state, count_of(self._session, self._folder)


class _LostState(RetryNow):
    """The server does not know the SyncState; of one that it gave a page ago, the listing has to begin again."""


def _stumbles(message: ResponseMessage) -> bool:
    """The server failed in a way that may pass, or may be this folder's own: asking again tells."""
    return message.code in _STUMBLES and message.back_off_seconds is None


def count_of(session: Session, folder: Folder) -> int:
    """What the server counts in the folder now. GiveUp("folder_not_found")."""
    what = f"look at the folder {'/'.join(folder.path)}"
    found = listing.read_folders(session.one(requests.get_folder([folder.id], _COUNT), what))
    return (found[0].total or 0) if found else 0


def _looks_fresh(since: Checkpoint, told: _Told, total: int) -> bool:
    """The sum does not add up, and about as many items were created as there are (none of none, too)."""
    adds_up = total - (since.listed + told.created - told.gone) == since.count - since.listed
    return not adds_up and told.created >= total * _FRESH_SHARE
