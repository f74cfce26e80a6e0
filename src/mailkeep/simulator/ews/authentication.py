"""Who is speaking: Basic, NTLM (on its own or inside Negotiate) and bearer tokens, checked against the accounts.

A request without valid credentials is answered 401 with the list of schemes, as IIS does. NTLM signs in the connection:
the requests that follow on it need no header, until one brings other credentials.

    Authenticator.check(header, signed_in) → Signed, or Challenge (the 401's WWW-Authenticate values)
"""

from __future__ import annotations

import base64
import binascii
import secrets
import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mailkeep.simulator.ews.ntlm import SIGNATURE, Handshake, NtlmRefused, channel_bindings, kind_of

if TYPE_CHECKING:
    from mailkeep.simulator.exchange.organisation import Organisation
    from mailkeep.simulator.exchange.values import Account

SCHEMES = ("Negotiate", "NTLM", "Basic", "Bearer")


@dataclass(frozen=True, slots=True)
class Signed:
    """`app_only`: by a token that belongs to an application and must impersonate somebody."""

    account: Account
    scheme: str
    app_only: bool = False


@dataclass(frozen=True, slots=True)
class Challenge:
    """Values for WWW-Authenticate."""

    values: tuple[str, ...]


@dataclass(slots=True)
class SignedIn:
    """What a connection remembers: a handshake under way, or its outcome."""

    handshake: Handshake | None = None
    signed: Signed | None = None


class Authenticator:
    """`extended_protection`: "none", "allow" (Exchange's own default up to 2019), or "require" (2019 CU14 and later)."""

    def __init__(
        self,
        organisation: Organisation,
        *,
        host: str,
        schemes: Collection[str] = SCHEMES,
        extended_protection: str = "allow",
        unix_time: Callable[[], float],
        random_bytes: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self._organisation = organisation
        self._host = host
        self.schemes = tuple(scheme for scheme in SCHEMES if scheme in schemes)
        self._extended_protection = extended_protection
        self._unix_time = unix_time
        self._random_bytes = random_bytes
        self._tokens: dict[str, tuple[str, bool, float]] = {}  # token → user, app only, ends at
        self._lock = threading.Lock()
        self.certificate_der = b""  # of the TLS certificate shown; empty without TLS

    def make_token(self, user: str, *, seconds: float = 3600, app_only: bool = False) -> str:
        """A bearer token for this account."""
        token = base64.urlsafe_b64encode(self._random_bytes(48)).decode()
        with self._lock:
            self._tokens[token] = (user, app_only, self._unix_time() + seconds)
        return token

    def revoke_tokens(self, user: str = "") -> None:
        """Of this account, or all."""
        with self._lock:
            self._tokens = {token: held for token, held in self._tokens.items() if user and held[0] != user}

    def check(self, header: str | None, signed_in: SignedIn) -> Signed | Challenge:
        if not header:
            return signed_in.signed or self.challenge()
        scheme, _, rest = header.partition(" ")
        scheme = next((known for known in self.schemes if known.lower() == scheme.lower()), "")
        if scheme == "Basic":
            signed_in.signed = None  # what the header says counts, and for this request only
            return self._basic(rest) or self.challenge()
        if scheme == "Bearer":
            signed_in.signed = None
            return self._bearer(rest.strip()) or self.challenge('Bearer error="invalid_token"')
        if scheme:
            return self._ntlm(scheme, rest, signed_in)
        return self.challenge()

    def challenge(self, first: str = "") -> Challenge:
        """All schemes on offer; `first` in place of its own scheme's plain value."""
        values = {"Basic": f'Basic realm="{self._host}"', "Bearer": f'Bearer realm="{self._host}"'}
        if first:
            values[first.partition(" ")[0]] = first
        return Challenge(tuple(values.get(scheme, scheme) for scheme in self.schemes))

    # --- the schemes -----------------------------------------------------------------------------------------------

    def _basic(self, coded: str) -> Signed | None:
        try:
            decoded = base64.b64decode(coded, validate=True)
        except binascii.Error:
            return None
        try:
            user, _, password = decoded.decode("utf-8").partition(":")
        except UnicodeDecodeError:
            user, _, password = decoded.decode("latin-1").partition(":")
        account = self._account(user)
        if account is None or not secrets.compare_digest(account.password.encode(), password.encode()):
            return None
        return Signed(account, "Basic")

    def _bearer(self, token: str) -> Signed | None:
        with self._lock:
            user, app_only, until = self._tokens.get(token, ("", False, 0.0))
        account = self._account(user) if until > self._unix_time() else None
        return None if account is None else Signed(account, "Bearer", app_only)

    def _ntlm(self, scheme: str, coded: str, signed_in: SignedIn) -> Signed | Challenge:
        signed_in.signed = None
        try:
            token = base64.b64decode(coded, validate=True)
        except binascii.Error:
            return self.challenge()
        if not token.startswith(SIGNATURE):  # Kerberos, or NTLM wrapped in SPNEGO: no domain here to know it
            return self.challenge()
        try:
            if kind_of(token) == 1:
                signed_in.handshake = self._handshake()
                answer = signed_in.handshake.challenge(token)
                return Challenge((f"{scheme} {base64.b64encode(answer).decode()}",))
            handshake, signed_in.handshake = signed_in.handshake, None
            if handshake is None:
                return self.challenge()
            proven = handshake.accept(token)
        except NtlmRefused:
            return self.challenge()
        account = self._account(f"{proven.domain}\\{proven.user}" if proven.domain else proven.user)
        if account is None or (self._extended_protection == "require" and self.certificate_der and not proven.bound):
            return self.challenge()
        signed_in.signed = Signed(account, "NTLM")
        return signed_in.signed

    def _handshake(self) -> Handshake:
        bound = self.certificate_der and self._extended_protection != "none"
        return Handshake(
            self._password_of,
            challenge=self._random_bytes(8),
            host=self._host,
            domain=self._organisation.domain,
            unix_time=self._unix_time(),
            bindings=channel_bindings(self.certificate_der) if bound else b"",
        )

    def _password_of(self, user: str, domain: str) -> str | None:
        account = self._account(f"{domain}\\{user}" if domain else user)
        return None if account is None else account.password

    def _account(self, user: str) -> Account | None:
        """`DOMAIN\\user`, `user@domain` or `user`; disabled accounts are nobody."""
        account = self._organisation.account(user) or self._organisation.account(user.partition("@")[0])
        return None if account is None or account.disabled else account
