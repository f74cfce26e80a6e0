"""The kinds of fault, in one table: what each does, to which operations, how often unless told otherwise.

A kind acts in one or more of six places, in the order in which a request passes them:

    show       the certificate of a new connection
    refuse     an answer in place of the operation, which does not run
    before     something happens to the mailbox, or to the request, just before the operation runs
    after      the answer's elements are tampered with
    rewrite    the answer's bytes are
    send       the way over the line goes wrong

`times` 0: lasts until it is removed. A lasting kind is one that a person mends.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lxml import etree

from mailkeep.simulator.ews import refusals, tampering
from mailkeep.simulator.ews.faults import CERTIFICATE, Order, Shape
from mailkeep.simulator.ews.reply import Asked, Reply, Sending

if TYPE_CHECKING:
    from mailkeep.simulator.exchange.organisation import Organisation

Refuse = Callable[[Order, float, Asked], Reply | None]
Before = Callable[[Order, Asked, "Organisation"], None]
After = Callable[[Order, Asked, etree._Element, "Organisation"], None]
Rewrite = Callable[[Order, bytes], bytes]
Send = Callable[[Order, float, float], Sending]


@dataclass(frozen=True, slots=True)
class Kind(Shape):
    """`seconds` and `share` are what it takes when the fault names none."""

    meaning: str = ""
    seconds: float = 0.0
    share: float = 0.5
    show: str = ""  # expired, other_name, untrusted
    refuse: Refuse | None = None
    before: Before | None = None
    after: After | None = None
    rewrite: Rewrite | None = None
    send: Send | None = None
    regenerated: bool = False  # MIME as Exchange makes it anew

    @property
    def exclusive(self) -> bool:
        return self.refuse is not None and self.times > 0

    def seconds_of(self, order: Order) -> float:
        return self.seconds if order.fault.seconds is None else order.fault.seconds

    def share_of(self, order: Order) -> float:
        return self.share if order.fault.share is None else order.fault.share


_READING = frozenset({"GetItem"})
_SYNCING = frozenset({"SyncFolderItems"})
_NATIVE = frozenset({"ExportItems", "UploadItems"})
_CONNECTING = frozenset({CERTIFICATE})
_WRITING = frozenset({"CreateItem", "UploadItems", "CreateAttachment"})


def _unauthorized(_order: Order, _seconds: float, _asked: Asked) -> Reply:
    return Reply(401)  # the connection adds the schemes it takes


def _redirected(order: Order, _seconds: float, _asked: Asked) -> Reply:
    host = order.fault.target or "mail.elsewhere.example"
    return Reply(302, headers=[("Location", f"https://{host}/EWS/Exchange.asmx")])


def _too_many(retry_after: Callable[[float], str | None], status: int = 429) -> Refuse:
    def refuse(_order: Order, seconds: float, _asked: Asked) -> Reply:
        said = retry_after(seconds)
        title = "Too Many Requests" if status == 429 else "Service Unavailable"
        return refusals.turned_away(status, title, said, None if said is None else seconds)

    return refuse


def _refused(code: str) -> Refuse:
    return lambda _order, _seconds, _asked: refusals.refused(code)


def _page(status: int, title: str) -> Refuse:
    return lambda _order, _seconds, _asked: refusals.page(status, title)


def _busy(_order: Order, seconds: float, _asked: Asked) -> Reply:
    return refusals.busy(int(seconds * 1000))


def _with_bearer(asked: Asked) -> bool:
    return asked.scheme == "Bearer"


def _impersonates(asked: Asked) -> bool:
    return asked.mailbox.lower() != asked.account.lower()


KINDS: dict[str, Kind] = {
    # --- told to wait ----------------------------------------------------------------------------------------------
    "throttled_seconds": Kind(
        meaning="429 with Retry-After in seconds", seconds=1, refuse=_too_many(lambda s: str(round(s)))
    ),
    "throttled_date": Kind(
        meaning="429 with Retry-After as a date",
        seconds=2,
        refuse=lambda _order, seconds, _asked: refusals.away_until(seconds),
    ),
    "throttled_bare": Kind(meaning="429 without Retry-After", refuse=_too_many(lambda _: None)),
    "throttled_huge": Kind(
        meaning="429 with Retry-After of a day", seconds=86_400, refuse=_too_many(lambda s: str(round(s)))
    ),
    "unavailable_until": Kind(
        meaning="503 with Retry-After", seconds=1, refuse=_too_many(lambda s: str(round(s)), 503)
    ),
    "busy_short": Kind(meaning="ErrorServerBusy, back off 0.3 s", seconds=0.3, refuse=_busy),
    "busy_long": Kind(meaning="ErrorServerBusy, back off 5 min", seconds=297.749, refuse=_busy),
    "busy_bare": Kind(meaning="ErrorServerBusy without a time", refuse=lambda *_: refusals.busy(None)),
    "busy_in_batch": Kind(
        _READING | {"ExportItems"},
        meaning="the rest of a batch is answered ErrorServerBusy, item by item",
        after=tampering.busy_from_the_middle,
    ),
    "connections_exceeded": Kind(
        meaning="ErrorExceededConnectionCount", refuse=_refused("ErrorExceededConnectionCount")
    ),
    # --- out of order for a moment ---------------------------------------------------------------------------------
    "internal_error": Kind(meaning="500 with a page of IIS", refuse=_page(500, "Runtime Error")),
    "internal_fault": Kind(meaning="ErrorInternalServerError", refuse=_refused("ErrorInternalServerError")),
    "transient_fault": Kind(
        meaning="ErrorInternalServerTransientError", refuse=_refused("ErrorInternalServerTransientError")
    ),
    "bad_gateway": Kind(meaning="502 of a proxy", refuse=_page(502, "Bad Gateway")),
    "unavailable": Kind(meaning="503 without a time", refuse=_page(503, "Service Unavailable")),
    "gateway_timeout": Kind(meaning="504 of a proxy", refuse=_page(504, "Gateway Time-out")),
    "store_unavailable": Kind(meaning="ErrorMailboxStoreUnavailable", refuse=_refused("ErrorMailboxStoreUnavailable")),
    "failed_over": Kind(
        meaning="ErrorMailboxFailover: the database moves to another server", refuse=_refused("ErrorMailboxFailover")
    ),
    # --- the line --------------------------------------------------------------------------------------------------
    "silence": Kind(
        meaning="no answer for 30 s, then the line is dropped",
        seconds=30,
        send=lambda _o, seconds, _s: Sending(hang_seconds=seconds, answer=False),
    ),
    "slow_start": Kind(
        meaning="the whole answer, after 1 s of nothing",
        seconds=1,
        send=lambda _o, seconds, _s: Sending(hang_seconds=seconds),
    ),
    "dropped": Kind(
        meaning="the operation runs, then the line closes without a byte: nobody knows whether it was done",
        send=lambda *_: Sending(answer=False),
    ),
    "truncated": Kind(
        meaning="the body ends before the length it was announced with",
        send=lambda _o, _t, share: Sending(cut_share=share),
    ),
    "truncated_neatly": Kind(
        meaning="the body ends early, and HTTP sees nothing wrong",
        send=lambda _o, _t, share: Sending(cut_share=share, end_early=True),
    ),
    "cut": Kind(
        meaning="the session is reset in mid-body", send=lambda _o, _t, share: Sending(cut_share=share, reset=True)
    ),
    "slow_drip": Kind(
        meaning="the body comes in drops over 2 s",
        seconds=2,
        send=lambda _o, seconds, _s: Sending(drip_seconds=seconds),
    ),
    "gzip": Kind(times=0, meaning="bodies are compressed for whoever accepts that", send=lambda *_: Sending(gzip=True)),
    "stale_connection": Kind(
        meaning="the connection is closed after the answer, unannounced", send=lambda *_: Sending(close_after=True)
    ),
    # --- somebody else answers -------------------------------------------------------------------------------------
    "login_page": Kind(meaning="a sign-in form, with status 200", refuse=lambda *_: refusals.login_page()),
    "redirected": Kind(meaning="302 to another host", refuse=_redirected),
    "doctype": Kind(meaning="the answer has a DOCTYPE", rewrite=lambda _o, body: tampering.with_doctype(body)),
    "invalid_characters": Kind(
        _READING | _SYNCING,
        meaning="subjects hold characters that XML forbids",
        rewrite=lambda _o, body: tampering.with_invalid_characters(body),
    ),
    # --- lists -----------------------------------------------------------------------------------------------------
    "duplicated_changes": Kind(_SYNCING, meaning="every change comes twice", after=tampering.duplicate_changes),
    "disordered_changes": Kind(_SYNCING, meaning="changes come in any order", after=tampering.shuffle_changes),
    "sync_state_invalid": Kind(
        _SYNCING, fits=tampering.has_sync_state, meaning="ErrorInvalidSyncStateData", after=tampering.refuse_sync_state
    ),
    "sync_state_reset": Kind(
        _SYNCING,
        fits=tampering.has_sync_state,
        meaning="the state is taken as a fresh start, without a word",
        before=tampering.drop_sync_state,
    ),
    "sync_state_back": Kind(
        _SYNCING,
        fits=tampering.has_sync_state,
        meaning="the new state is the old one: the same changes come again",
        after=tampering.return_sync_state,
    ),
    "folder_empty": Kind(
        _SYNCING,
        meaning="the folder looks empty, all of a sudden; its state is no good afterwards",
        after=tampering.empty_folder,
    ),
    # --- things go -------------------------------------------------------------------------------------------------
    "items_vanish": Kind(
        _READING, meaning="an item is deleted between list and fetch", before=tampering.delete_an_item
    ),
    "folder_vanishes": Kind(
        _SYNCING,
        fits=tampering.names_a_folder_by_id,
        meaning="a folder of the user's own is deleted before it is listed",
        before=tampering.delete_the_folder,
    ),
    "item_too_large": Kind(
        _READING | _WRITING | {"ExportItems"},
        times=0,
        meaning="ErrorMessageSizeExceeded for one item",
        after=tampering.refuse_one("ErrorMessageSizeExceeded"),
    ),
    "item_corrupt": Kind(
        _READING, times=0, meaning="ErrorItemCorrupt for one item", after=tampering.refuse_one("ErrorItemCorrupt")
    ),
    "mime_conversion_failed": Kind(
        _READING,
        times=0,
        fits=tampering.asks_for_mime,
        meaning="one item can be had, but not as MIME",
        after=tampering.refuse_one("ErrorMimeContentConversionFailed"),
    ),
    "poisoned_item": Kind(
        _READING, times=0, meaning="500 for every batch that holds one item", refuse=tampering.poisoned
    ),
    "poisoned_page": Kind(
        _READING,
        times=0,
        meaning="500 with a page of IIS for every batch that holds one item",
        refuse=tampering.poisoned_page,
    ),
    "attachment_hollow": Kind(
        frozenset({"GetAttachment"}), meaning="attachments come without their content", after=tampering.take_content
    ),
    "answer_short": Kind(
        frozenset({"GetAttachment", "GetItem"}), meaning="the last of a batch is not answered", after=tampering.shorten
    ),
    "no_export": Kind(
        _NATIVE,
        times=0,
        meaning="a server without ExportItems and UploadItems: 500",
        refuse=_page(500, "Internal Server Error"),
    ),
    "export_refused": Kind(
        _NATIVE, times=0, meaning="ExportItems is known, but refused", refuse=_refused("ErrorInvalidRequest")
    ),
    # --- the mailbox -----------------------------------------------------------------------------------------------
    "mailbox_moving": Kind(
        times=3, meaning="ErrorMailboxMoveInProgress", refuse=_refused("ErrorMailboxMoveInProgress")
    ),
    "mailbox_moved": Kind(
        _SYNCING | {"SyncFolderHierarchy"},
        times=0,
        meaning="the mailbox lives elsewhere now: no state of before counts any more",
        after=tampering.refuse_known_states,
    ),
    "mailbox_disabled": Kind(times=0, meaning="ErrorNonExistentMailbox", refuse=_refused("ErrorNonExistentMailbox")),
    "account_disabled": Kind(times=0, meaning="ErrorAccountDisabled", refuse=_refused("ErrorAccountDisabled")),
    "regenerated": Kind(times=0, meaning="MIME is made anew, as Exchange does", regenerated=True),
    "move_stamps": Kind(
        frozenset({"MoveItem"}), times=0, meaning="a move changes LastModifiedTime", after=tampering.stamp_moved
    ),
    # --- who may ---------------------------------------------------------------------------------------------------
    "unauthorized": Kind(meaning="401 in mid-run, once", refuse=_unauthorized),
    "password_changed": Kind(times=0, meaning="401 until the password is right again", refuse=_unauthorized),
    "token_revoked": Kind(
        times=0, fits=_with_bearer, meaning="401 for every bearer token made so far", refuse=_unauthorized
    ),
    "impersonation_revoked": Kind(
        times=0, fits=_impersonates, meaning="ErrorImpersonateUserDenied", refuse=_refused("ErrorImpersonateUserDenied")
    ),
    "access_denied": Kind(
        _READING | _SYNCING, times=0, meaning="ErrorAccessDenied", after=tampering.refuse_all("ErrorAccessDenied")
    ),
    # --- certificates ----------------------------------------------------------------------------------------------
    "certificate_expired": Kind(_CONNECTING, times=0, meaning="the certificate has expired", show="expired"),
    "certificate_other_name": Kind(_CONNECTING, times=0, meaning="it names another host", show="other_name"),
    "certificate_untrusted": Kind(_CONNECTING, times=0, meaning="nobody knows who signed it", show="untrusted"),
}
