"""From an endpoint to a signed-in session: connect, TLS, greeting, sign in, capabilities.

| endpoint                          | signs in as                                    | how                                   |
|-----------------------------------|------------------------------------------------|---------------------------------------|
| `logins` holds the address        | that login                                     | AUTHENTICATE PLAIN, else LOGIN        |
| `master_user`, no separator       | the master, for the address                    | PLAIN with authorisation identity     |
| `master_user`, `separator` "*"    | `address*master`                               | AUTHENTICATE PLAIN, else LOGIN        |
| `user`                            | that user                                      | AUTHENTICATE PLAIN, else LOGIN        |
"""

from __future__ import annotations

import base64
import socket
import ssl
from dataclasses import dataclass, field

from mailkeep.connectors.base import Endpoint, Usage
from mailkeep.connectors.imap import refusals
from mailkeep.connectors.imap.command import string
from mailkeep.connectors.imap.line import Line
from mailkeep.connectors.imap.session import Pending, Session
from mailkeep.errors import GiveUp, RetryLater

CONNECT_SECONDS_MAX = 20.0
ANSWER_SECONDS_MAX = 180.0  # a server may index a large folder before its first word


@dataclass(frozen=True, slots=True)
class Credentials:
    """`authorise` is the mailbox to open where it differs from who signs in, else ""."""

    user: str
    password: str = field(repr=False)
    authorise: str = ""


def credentials(endpoint: Endpoint, address: str) -> Credentials:
    """Who signs in to open this mailbox. GiveUp("auth_failed") where the connection knows nobody."""
    for login_address, user, password in endpoint.logins:
        if login_address.casefold() == address.casefold():
            return Credentials(user, password)
    if endpoint.master_user and endpoint.separator:
        return Credentials(f"{address}{endpoint.separator}{endpoint.master_user}", endpoint.master_password)
    if endpoint.master_user:
        return Credentials(endpoint.master_user, endpoint.master_password, authorise=address)
    if endpoint.user:
        return Credentials(endpoint.user, endpoint.password)
    raise GiveUp("auth_failed", f"the connection has no login for {address}", "add one, or a master user")


def port(endpoint: Endpoint) -> int:
    return endpoint.port or (993 if endpoint.tls == "implicit" else 143)


def resolve(endpoint: Endpoint) -> list[str]:
    """The host's addresses. RetryLater("unreachable") where the name is unknown."""
    try:
        found = socket.getaddrinfo(endpoint.host, port(endpoint), type=socket.SOCK_STREAM)
    except OSError as error:
        message = f"the host name {endpoint.host} is not known: {error.strerror or error}"
        raise RetryLater("unreachable", message, "check the host of the connection, and this machine's DNS") from error
    return [str(where[4][0]) for where in found]


def connect(endpoint: Endpoint, usage: Usage, answer_seconds_max: float = ANSWER_SECONDS_MAX) -> Line:
    """A TCP connection. RetryLater("unreachable") with the reason."""
    where = f"{endpoint.host} port {port(endpoint)}"
    try:
        connection = socket.create_connection((endpoint.host, port(endpoint)), CONNECT_SECONDS_MAX)
    except socket.gaierror as error:
        message = f"the host name {endpoint.host} is not known: {error.strerror}"
        raise RetryLater("unreachable", message, "check the host of the connection, and this machine's DNS") from error
    except TimeoutError as error:
        message = f"{where} did not answer within {CONNECT_SECONDS_MAX:.0f} seconds"
        raise RetryLater("unreachable", message, "check host, port and any firewall in between") from error
    except OSError as error:
        message = f"{where} cannot be reached: {error.strerror or error}"
        raise RetryLater("unreachable", message, "check host and port, and that the server runs") from error
    connection.settimeout(answer_seconds_max)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return Line(connection, endpoint.host, usage)


def tls_context(endpoint: Endpoint) -> ssl.SSLContext:
    """Verifies certificate and name, against the connection's own authority where it has one."""
    try:
        return ssl.create_default_context(cadata=endpoint.ca_pem or None)
    except (ssl.SSLError, ValueError) as error:
        message = f"the connection's own certificate authority cannot be read: {error}"
        raise GiveUp("tls_untrusted", message, "paste it as PEM text, from BEGIN to END CERTIFICATE") from error


def encrypt(line: Line, endpoint: Endpoint) -> None:
    """Start TLS on the line now. GiveUp("tls_untrusted"), RetryLater("unreachable") where it is no TLS at all."""
    context = tls_context(endpoint)
    try:
        line.start_tls(context)
    except ssl.SSLCertVerificationError as error:
        line.close()
        message = f"{endpoint.host} shows a certificate that is not trusted: {error.verify_message}"
        hint = "give the connection the authority that issued it, or the host name that it is made for"
        raise GiveUp("tls_untrusted", message, hint) from error
    except (ssl.SSLError, OSError) as error:
        line.close()
        message = f"{endpoint.host} port {port(endpoint)} does not answer in TLS: {_reason(error)}"
        raise RetryLater("unreachable", message, "check the port and the kind of TLS of the connection") from error


def converse(line: Line, endpoint: Endpoint, usage: Usage) -> Session:
    """Greeting and encryption: a session that is not yet signed in."""
    session = Session(line, usage)
    try:
        _greet(session, endpoint)
        if not session.capabilities:
            ask_capabilities(session)
    except BaseException:
        line.close()
        raise
    return session


def _greet(session: Session, endpoint: Endpoint) -> None:
    if endpoint.tls == "implicit":
        encrypt(session.line, endpoint)
        session.greeting()
    elif endpoint.tls == "starttls":
        session.greeting()
        _start_tls(session, endpoint)
    else:
        _refuse_bare_line(session.line)
        session.greeting()


def sign_in(session: Session, who: Credentials, mailbox: str) -> None:
    """Raises GiveUp or RetryLater with the code of SPEC C7. Passwords go nowhere else."""
    if any(byte in field for field in (who.user, who.password, who.authorise) for byte in "\0\r\n"):
        session.close()
        raise GiveUp("auth_failed", "a user name or password holds a line break", "type it again in the connection")
    if session.has("AUTH=PLAIN") or who.authorise:
        pending = _authenticate_plain(session, who)
    elif session.has("LOGINDISABLED"):
        session.close()
        raise GiveUp("auth_failed", "the server takes passwords over TLS only", "choose TLS in the connection")
    else:
        pending = session.send(b"LOGIN ", string(who.user), b" ", string(who.password))
    for response in session.responses(pending):
        _note_capability_response(session, response.text)
    answer = pending.completion
    if answer is None or not answer.ok:
        session.close()
        raise refusals.sign_in(answer, who.user, mailbox) if answer else RuntimeError("sign-in without an end")
    if not session.note_capabilities(answer):
        ask_capabilities(session)


def ask_capabilities(session: Session) -> None:
    for response in session.run("say what it can do", b"CAPABILITY"):
        _note_capability_response(session, response.text)


def _note_capability_response(session: Session, text: bytes) -> None:
    if text[2:13].upper() == b"CAPABILITY ":
        session.capabilities = frozenset(text[13:].decode("ascii", "replace").upper().split())


def _authenticate_plain(session: Session, who: Credentials) -> Pending:
    message = f"{who.authorise}\0{who.user}\0{who.password}".encode()
    coded = base64.b64encode(message)
    if session.has("SASL-IR"):
        return session.send(b"AUTHENTICATE PLAIN ", coded)
    return session.send_challenged(b"AUTHENTICATE PLAIN", coded)


def _start_tls(session: Session, endpoint: Endpoint) -> None:
    if session.capabilities and not session.has("STARTTLS"):
        session.close()
        message = f"{endpoint.host} port {port(endpoint)} offers no STARTTLS"
        raise GiveUp("tls_untrusted", message, "choose implicit TLS, or switch STARTTLS on at the server")
    session.run("start TLS", b"STARTTLS")
    encrypt(session.line, endpoint)
    session.capabilities = frozenset()  # what was said in the clear counts no more


def _refuse_bare_line(line: Line) -> None:
    if not line.peer_is_this_machine():
        line.close()
        message = "without TLS a password would cross the network in the clear"
        raise GiveUp("tls_untrusted", message, "choose implicit TLS or STARTTLS; none is for this machine itself only")


def _reason(error: OSError) -> str:
    return str(getattr(error, "reason", "") or error.strerror or error)
