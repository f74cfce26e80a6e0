"""From an endpoint to a session on one mailbox: which account, whose rights, and where the mailbox's EWS is.

| the connection says            | the mailbox is opened                                                            |
|--------------------------------|----------------------------------------------------------------------------------|
| `impersonate`                  | as its owner (ApplicationImpersonation)                                          |
| nothing, another's mailbox     | as the account itself, which has full access to it                               |
| nothing, the account's own     | as the account itself                                                            |
| `logins` holds the address     | with that login                                                                  |
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from mailkeep.connectors.base import Endpoint
from mailkeep.connectors.ews import autodiscover, backoff
from mailkeep.connectors.ews.autodiscover import Places
from mailkeep.connectors.ews.hierarchy import ROOTS
from mailkeep.connectors.ews.session import Session
from mailkeep.connectors.ews.transport import ANSWER_SECONDS_MAX, Transport
from mailkeep.connectors.ews.wire import listing, requests
from mailkeep.connectors.ews.wire.ids import FolderName
from mailkeep.connectors.ews.wire.listing import FoundFolder
from mailkeep.connectors.ews.wire.shapes import ID_ONLY, Shape
from mailkeep.errors import GiveUp
from mailkeep.mail.items import Section

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1", "[::1]"})


@dataclass(frozen=True, slots=True)
class Opening:
    """How sessions are opened. `places`: where mailboxes were found by autodiscover."""

    rests: backoff.BackOff = backoff.SHARED
    places: Places = field(default_factory=Places)
    answer_seconds_max: float = ANSWER_SECONDS_MAX

    def enter(self, endpoint: Endpoint, address: str) -> Session:
        """A session that has signed in: the mailbox's root has opened."""
        session = self.session(endpoint, address)
        try:
            return self.entered(session, endpoint)
        except BaseException:
            session.close()
            raise

    def session(self, endpoint: Endpoint, address: str) -> Session:
        """A session that has not spoken yet."""
        _refuse_bare_line(endpoint)
        account = account_for(endpoint, address)
        place = self.places.known(account, address)
        if place is None:
            transport = Transport(account, address, answer_seconds_max=self.answer_seconds_max)
        else:
            transport = Transport(place.endpoint, address, path=place.path, answer_seconds_max=self.answer_seconds_max)
        return Session(
            transport,
            impersonate=account.impersonate,
            own=_is_own(account, address),
            own_login=_has_login(account, address),
            rests=self.rests,
        )

    def entered(self, session: Session, endpoint: Endpoint) -> Session:
        """The same once its mailbox has opened. Where the host has no EWS, autodiscover says where it is."""
        try:
            root(session)
        except GiveUp as error:
            if error.code != "autodiscover_failed":
                raise clearer(error, session) from error
            account = account_for(endpoint, session.mailbox)
            self.places.forget(account, session.mailbox)
            place = autodiscover.find(account, session.mailbox, session.usage)
            session.move(
                Transport(place.endpoint, session.mailbox, path=place.path, answer_seconds_max=self.answer_seconds_max)
            )
            try:
                root(session)
            except GiveUp as second:
                raise clearer(second, session) from second
            self.places.note(account, session.mailbox, place)
        return session


def root(session: Session) -> None:
    """Open the mailbox's root folder: the cheapest thing that needs a sign-in and rights."""
    look(session, session.known(ROOTS[Section.PRIMARY]), ID_ONLY)


def look(session: Session, folder: FolderName, shape: Shape) -> FoundFolder | None:
    message = session.one(requests.get_folder([folder], shape), f"open the mailbox {session.mailbox}")
    return next(iter(listing.read_folders(message)), None)


def account_for(endpoint: Endpoint, address: str) -> Endpoint:
    """The endpoint with the login of this mailbox, where the connection has one. GiveUp("auth_failed") where it has none."""
    for login_address, user, password in endpoint.logins:
        if login_address.casefold() == address.casefold():
            return replace(endpoint, user=user, password=password)
    if not endpoint.user and endpoint.auth != "bearer":
        raise GiveUp("auth_failed", f"the connection has no login for {address}", "add one, or a service account")
    return endpoint


def clearer(error: GiveUp, session: Session) -> GiveUp:
    """Without impersonation, Exchange says of a mailbox that the account may not open that there is no such folder."""
    if session.impersonates or error.code not in ("folder_not_found", "access_denied"):
        return error
    message = f"{session.transport.endpoint.user} may not open the mailbox {session.mailbox}: {error.message}"
    hint = "give the account full access to the mailbox, or use --impersonate with the role ApplicationImpersonation"
    return GiveUp("access_denied", message, hint)


def _is_own(account: Endpoint, address: str) -> bool:
    """The account's own mailbox, as far as its name tells (user@domain, or a login of the mailbox's own)."""
    return _has_login(account, address) or account.user.casefold() == address.casefold()


def _has_login(account: Endpoint, address: str) -> bool:
    return any(login[0].casefold() == address.casefold() for login in account.logins)


def _refuse_bare_line(endpoint: Endpoint) -> None:
    if endpoint.tls == "none" and endpoint.host.casefold() not in _LOOPBACK and not endpoint.host.startswith("127."):
        message = "without TLS a password would cross the network in the clear"
        raise GiveUp("tls_untrusted", message, "use TLS; none is for this machine itself only")
    if endpoint.tls == "starttls":
        raise GiveUp("tls_untrusted", "Exchange Web Services know no STARTTLS", "use implicit TLS (https)")
