"""The line to an EWS server: what goes over it, and what each thing that goes wrong is called."""

from __future__ import annotations

import base64
import gzip
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from http_peer import ROOT, Peer, Said, answer, fault, peer

from mailkeep.connectors.base import Endpoint
from mailkeep.connectors.ews.backoff import BackOff
from mailkeep.connectors.ews.opening import Opening, root
from mailkeep.connectors.ews.session import Session
from mailkeep.connectors.ews.transport import Transport
from mailkeep.connectors.ews.wire import writing
from mailkeep.errors import GiveUp, MailkeepError, RetryLater, RetryNow

ANNA = "anna@firma.example"


def endpoint(server: Peer, **other: str) -> Endpoint:
    held = {"user": "FIRMA\\svc", "password": "pass wörd", "auth": "basic", **other}
    return Endpoint("exchange", "127.0.0.1", server.port, tls="none", impersonate=True, **held)


def session(server: Peer, rests: BackOff | None = None, address: str = ANNA, **other: str) -> Session:
    return Opening(rests=rests or BackOff(), answer_seconds_max=0.5).session(endpoint(server, **other), address)


def refused(server: Peer, **other: str) -> MailkeepError:
    with pytest.raises(MailkeepError) as raised:
        root(session(server, **other))
    return raised.value


def test_what_a_request_carries() -> None:
    with peer(Said(body=ROOT)) as server:
        root(session(server))
        asked = server.asked[0]
    assert asked.line == "POST /EWS/Exchange.asmx HTTP/1.1"
    assert asked.headers["X-AnchorMailbox"] == ANNA
    assert asked.headers["X-PreferServerAffinity"] == "true"
    assert asked.headers["Accept-Encoding"] == "identity"
    assert asked.headers["SOAPAction"].endswith('/GetFolder"')
    pair = base64.b64decode(asked.headers["Authorization"].removeprefix("Basic ")).decode()
    assert pair == "FIRMA\\svc:pass wörd"
    assert ANNA.encode() in asked.body


def test_one_line_and_the_affinity_cookie() -> None:
    cookie = {"Set-Cookie": "X-BackEndCookie=S-1-5-21; path=/EWS; HttpOnly"}
    with peer(Said(body=ROOT, headers=cookie), Said(body=ROOT), Said(body=ROOT)) as server:
        line = session(server)
        for _ in range(3):
            root(line)
        second = line.second()
        assert server.connections == 1
        assert [asked.headers.get("Cookie") for asked in server.asked] == [None, *["X-BackEndCookie=S-1-5-21"] * 2]
        assert "X-BackEndCookie" in second._http.cookies
    assert line.usage.requests == 3
    assert line.usage.bytes_received == 3 * len(ROOT)


def test_the_environment_has_no_say(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with peer(Said(body=ROOT)) as server:
        root(session(server))


FORM = b'<html><head><title>Outlook</title></head><form action="/owa/auth.owa"><input type="password"></form></html>'
PAGE = b"<html><head><title>Bad  Gateway</title></head>nginx</html>"
HTML = "text/html"


@pytest.mark.parametrize(
    ("said", "kind", "code", "words"),
    [
        (Said(401), GiveUp, "auth_failed", "user name or password"),
        (Said(401, headers={"WWW-Authenticate": "NTLM, Negotiate"}), GiveUp, "auth_failed", "offers Negotiate, Ntlm"),
        (Said(403), GiveUp, "access_denied", "refuses FIRMA"),
        (Said(200, FORM, kind=HTML), GiveUp, "forms_login_page", "forms login page stands in front"),
        (Said(200, PAGE, kind=HTML), GiveUp, "forms_login_page", "a web page instead of EWS, titled “Bad Gateway”"),
        (Said(302, headers={"Location": "/owa/auth/logon.aspx?url=x"}), GiveUp, "forms_login_page", "login page"),
        (Said(302, headers={"Location": "https://login.firma.example/adfs"}), GiveUp, "forms_login_page", "login"),
        (
            Said(302, headers={"Location": "https://other.example/EWS/Exchange.asmx"}),
            GiveUp,
            "autodiscover_failed",
            "on",
        ),
        (Said(407, PAGE, kind=HTML), RetryLater, "unreachable", "a proxy before"),
        (Said(502, PAGE, kind=HTML), RetryLater, "unreachable", "could not reach Exchange"),
        (Said(504, PAGE, kind=HTML), RetryLater, "unreachable", "could not reach Exchange"),
        (Said(500, PAGE, kind=HTML), RetryLater, "unreachable", "failed (HTTP 500)"),
        (Said(500, b"", kind="text/plain"), RetryLater, "unreachable", "failed (HTTP 500)"),
        (Said(418, b"", kind="text/plain"), GiveUp, "unreachable", "no Exchange Web Services (HTTP 418, text/plain)"),
        (Said(500, fault("who", "ErrorImpersonateUserDenied")), GiveUp, "impersonation_denied", "may not act for"),
        (Said(500, fault("E-3243: insufficient")), GiveUp, "impersonation_denied", "may not act for"),
        (Said(200, fault("E-3007: failed to get user maildir")), GiveUp, "mailbox_not_found", "no mailbox"),
        (Said(200, ROOT, cut=200), RetryNow, "connection_lost", "broke off"),
        (Said(hang_up=True), RetryNow, "connection_lost", "cut before an answer"),
        (Said(200, ROOT, silent_seconds=1.0), RetryNow, "connection_lost", "no answer within"),
    ],
)
def test_each_trouble_has_its_own_words(said: Said, kind: type[MailkeepError], code: str, words: str) -> None:
    with peer(said) as server:
        error = refused(server)
    assert (type(error) is kind or isinstance(error, kind), error.code) == (True, code), error.message
    assert words in error.message
    assert error.hint


def test_a_redirect_within_the_host_is_followed_and_no_other() -> None:
    with peer(Said(307, headers={"Location": "/ews2/Exchange.asmx"}), Said(body=ROOT)) as server:
        root(session(server))
        assert [asked.line.split()[1] for asked in server.asked] == ["/EWS/Exchange.asmx", "/ews2/Exchange.asmx"]
        assert server.asked[1].body == server.asked[0].body
    with peer() as elsewhere, peer(Said(302, headers={"Location": f"http://127.0.0.1:{elsewhere.port}/"})) as server:
        assert refused(server).code == "autodiscover_failed"
        assert elsewhere.asked == []


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("form", ["seconds", "date", "none", "nonsense"])
def test_a_busy_server_names_its_wait(status: int, form: str) -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=40), usegmt=True)
    told = {"seconds": "40", "date": later, "nonsense": "soon"}.get(form)
    with peer(Said(status, headers={"Retry-After": told} if told else {})) as server:
        error = refused(server)
    assert isinstance(error, RetryLater)
    assert error.code == "throttled"
    assert error.wait_seconds is not None
    if told and form != "nonsense":
        assert 35 < error.wait_seconds <= 41  # a date has no fractions of a second


def test_nothing_goes_out_inside_a_back_off() -> None:
    """Not by the session that was told, not by another on the same mailbox; a neighbour's mailbox does not wait."""
    rests = BackOff()
    busy = answer("GetFolder", code="ErrorServerBusy", back_off=30_000)
    with peer(Said(body=busy), Said(body=ROOT)) as server:
        first, second = session(server, rests), session(server, rests)
        for line in (first, first, second):
            with pytest.raises(RetryLater) as raised:
                root(line)
            assert raised.value.code == "throttled"
            assert raised.value.wait_seconds == pytest.approx(30, abs=1)
        assert len(server.asked) == 1
        root(session(server, rests, address="bob@firma.example"))
        assert len(server.asked) == 2


BUSY = answer("GetFolder", code="ErrorServerBusy", back_off=30_000)


def told_to_wait(server: Peer, where: Endpoint, rests: BackOff, address: str) -> RetryLater:
    with pytest.raises(RetryLater) as raised:
        root(Opening(rests=rests).session(where, address))
    assert raised.value.code == "throttled"
    return raised.value


def test_a_back_off_of_an_account_with_full_access_is_for_all_that_it_opens() -> None:
    """Its budget pays for every mailbox; who acts as the owner has a budget per mailbox, and waits for nobody."""
    rests = BackOff()
    with peer(Said(body=BUSY), Said(body=ROOT)) as server:
        shared = replace(endpoint(server), impersonate=False)
        assert told_to_wait(server, shared, rests, ANNA).whole_server
        assert told_to_wait(server, shared, rests, "bob@firma.example").whole_server
        assert len(server.asked) == 1
        root(session(server, rests))
        assert len(server.asked) == 2


def test_a_back_off_of_a_login_is_its_mailbox_s_alone() -> None:
    rests = BackOff()
    with peer(Said(body=BUSY), Said(body=ROOT)) as server:
        logins = ((ANNA, "anna", "a"), ("bob@firma.example", "bob", "b"))
        each = replace(endpoint(server), impersonate=False, logins=logins)
        assert not told_to_wait(server, each, rests, ANNA).whole_server
        assert not told_to_wait(server, each, rests, ANNA).whole_server
        root(Opening(rests=rests).session(each, "bob@firma.example"))
        assert len(server.asked) == 2


def test_a_sign_in_that_was_lost_is_made_again_once() -> None:
    with peer(Said(body=ROOT), Said(401), Said(body=ROOT), Said(401), Said(401)) as server:
        line = session(server)
        root(line)
        root(line)
        with pytest.raises(GiveUp) as raised:
            root(line)
        assert raised.value.code == "auth_failed"
        assert len(server.asked) == 5


def test_a_token_that_expired() -> None:
    challenge = {"WWW-Authenticate": 'Bearer error="invalid_token", client_id="x"'}
    with peer(Said(401, headers=challenge)) as server:
        error = refused(server, auth="bearer", password="t.o.k")
        assert server.asked[0].headers["Authorization"] == "Bearer t.o.k"
    assert (error.code, "expired" in error.message, "token" in error.hint) == ("auth_failed", True, True)


def test_nobody_there_and_no_such_name() -> None:
    with peer() as server:
        nobody = endpoint(server)
    for where in (nobody, Endpoint("exchange", "no-such-host.invalid", 443, user="u", password="p")):
        with pytest.raises(RetryLater) as raised:
            Opening(rests=BackOff()).enter(where, ANNA)
        assert raised.value.code == "unreachable"
        assert raised.value.hint


def test_a_bare_line_is_for_this_machine_alone() -> None:
    where = Endpoint("exchange", "mail.firma.example", 80, tls="none", user="u", password="p")
    with pytest.raises(GiveUp) as raised:
        Opening().enter(where, ANNA)
    assert raised.value.code == "tls_untrusted"


@pytest.mark.parametrize("field", ["user", "password"])
def test_a_line_break_in_a_secret_is_no_header(field: str) -> None:
    with peer() as server, pytest.raises(GiveUp) as raised:
        Transport(endpoint(server, **{field: "a\r\nX: y"}), ANNA)
    assert raised.value.code == "auth_failed"


def test_a_large_request_goes_out_in_pieces_and_twice_if_need_be() -> None:
    """NTLM sends a body more than once; one of pieces can be walked over again."""
    content = bytes(range(256)) * 20_000
    with peer(Said(body=ROOT), Said(401), Said(body=ROOT)) as server:
        line = session(server)
        root(line)
        list(line.stream(writing.upload_items([("folder", content)])))
        first, second = server.asked[1:]
    assert first.body == second.body
    assert base64.b64encode(content) in second.body


def test_who_compresses_unasked_is_read_all_the_same() -> None:
    with peer(Said(body=gzip.compress(ROOT), headers={"Content-Encoding": "gzip"})) as server:
        root(session(server))
        assert server.asked[0].headers["Accept-Encoding"] == "identity"
