"""IMAP against real servers and bad ones: signing in, TLS, dropped lines, refusals, the connection test."""

from __future__ import annotations

import dataclasses
import logging
import threading
from contextlib import closing

import pytest
from faulty_line import FaultyLine, ScriptedServer
from worlds import PASSWORD, RECEIVED, DovecotWorld, message

from mailkeep.connectors.base import Endpoint, Fetched, Listed, NewItem, Unfetched
from mailkeep.connectors.imap.provider import ImapProvider
from mailkeep.connectors.throttle import Throttled
from mailkeep.errors import GiveUp, MailkeepError, RetryLater, RetryNow
from mailkeep.mail.items import Folder, ItemRef, Kind, Role, Sensitivity
from mailkeep.simulator.certificates import issue
from mailkeep.simulator.dovecot import Dovecot

INBOX = ("INBOX",)


def tls(imap: DovecotWorld, **changes: object) -> Endpoint:
    endpoint = Endpoint(
        "imap",
        "localhost",
        imap.server.tls_port,
        ca_pem=imap.server.ca_path.read_text(),
        logins=((imap.user, imap.user, PASSWORD),),
        mailbox_check=imap.user,
    )
    return dataclasses.replace(endpoint, **changes)  # type: ignore[arg-type]


def master(imap: DovecotWorld, **changes: object) -> Endpoint:
    return dataclasses.replace(tls(imap, logins=()), master_user="service", master_password="master pass", **changes)  # type: ignore[arg-type]


def refused(endpoint: Endpoint, address: str) -> MailkeepError:
    with pytest.raises(MailkeepError) as raised:
        ImapProvider(answer_seconds_max=5).open(endpoint, address).close()
    assert raised.value.hint
    return raised.value


def inbox(connector: object) -> Folder:
    return next(folder for folder in connector.folders() if folder.path == INBOX)  # type: ignore[attr-defined]


def listed(connector: object, folder: Folder) -> list[ItemRef]:
    changes = connector.changes(folder, None)  # type: ignore[attr-defined]
    return [change.ref for change in changes if isinstance(change, Listed)]


# --- signing in --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("separator", ["", "*"])
@pytest.mark.parametrize("kind", ["implicit", "starttls"])
def test_a_master_user_opens_any_mailbox(imap: DovecotWorld, separator: str, kind: str) -> None:
    imap.deliver(INBOX, message("mine"))
    port = imap.server.tls_port if kind == "implicit" else imap.server.port
    endpoint = master(imap, separator=separator, tls=kind, port=port)
    with closing(ImapProvider().open(endpoint, imap.user)) as connector:
        assert [ref.subject for ref in listed(connector, inbox(connector))] == ["mine"]


@pytest.mark.parametrize("separator", ["", "*"])
def test_a_master_user_and_an_unknown_mailbox(imap: DovecotWorld, separator: str) -> None:
    error = refused(master(imap, separator=separator), "nobody@firma.example")
    assert (error.code, type(error)) == ("mailbox_not_found", GiveUp)
    assert "nobody@firma.example" in error.message


@pytest.mark.parametrize("separator", ["", "*"])
def test_a_wrong_master_password(imap: DovecotWorld, separator: str) -> None:
    error = refused(dataclasses.replace(master(imap, separator=separator), master_password="wrong"), imap.user)
    assert (error.code, type(error)) == ("auth_failed", GiveUp)


def test_wrong_passwords_and_missing_logins(imap: DovecotWorld) -> None:
    wrong = tls(imap, logins=((imap.user, imap.user, "wrong secret"),))
    assert refused(wrong, imap.user).code == "auth_failed"
    assert "wrong secret" not in str(refused(wrong, imap.user))
    assert refused(tls(imap), "other@firma.example").code == "auth_failed"
    for evil in ("a\r\nm9 DELETE INBOX", "a\0b"):
        assert refused(tls(imap, logins=((imap.user, imap.user, evil),)), imap.user).code == "auth_failed"


@pytest.mark.parametrize("password", ['quo"te\\ back', "пароль", "p:{x} ~%", " "])
@pytest.mark.parametrize("server", ["qresync", "plain"])
def test_any_password(servers: dict[str, Dovecot], server: str, password: str) -> None:
    servers[server].add_user(f"odd-{password.encode().hex()}", password)
    name = f"odd-{password.encode().hex()}"
    endpoint = Endpoint("imap", "localhost", servers[server].port, tls="none", user=name, password=password)
    ImapProvider().open(endpoint, name).close()


def test_login_is_used_where_plain_is_not_offered() -> None:
    def answer(tag: bytes, command: bytes) -> bytes:
        if command == b"CAPABILITY":
            return b"* CAPABILITY IMAP4rev1\r\n" + tag + b" OK\r\n"
        return tag + (b" OK in\r\n" if command == b'LOGIN anna "pass \\"word"' else b" NO wrong\r\n")

    with ScriptedServer(answer) as server:
        endpoint = Endpoint("imap", "127.0.0.1", server.port, tls="none", user="anna", password='pass "word')
        ImapProvider().open(endpoint, "anna").close()


def test_no_password_is_ever_logged(imap: DovecotWorld, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with closing(ImapProvider().open(tls(imap), imap.user)) as connector:
        listed(connector, inbox(connector))
    refused(tls(imap, logins=((imap.user, imap.user, "wrong secret"),)), imap.user)
    assert PASSWORD not in caplog.text
    assert "wrong secret" not in caplog.text
    assert PASSWORD not in repr(tls(imap))


# --- TLS and reachability ----------------------------------------------------------------------------------------------


def test_a_certificate_of_an_unknown_authority(imap: DovecotWorld) -> None:
    for authority in ("", issue("localhost").authority):
        error = refused(tls(imap, ca_pem=authority), imap.user)
        assert (error.code, type(error)) == ("tls_untrusted", GiveUp)
        error = refused(tls(imap, ca_pem=authority, tls="starttls", port=imap.server.port), imap.user)
        assert error.code == "tls_untrusted"
    assert refused(tls(imap, ca_pem="not a certificate"), imap.user).code == "tls_untrusted"


def test_a_certificate_for_another_host(imap: DovecotWorld) -> None:
    error = refused(tls(imap, host="127.0.0.2"), imap.user)
    assert error.code in ("tls_untrusted", "unreachable")  # unreachable where only 127.0.0.1 listens


@pytest.mark.parametrize(
    "changes",
    [{"host": "no-such-host.invalid"}, {"port": 1}, {"host": "localhost", "port": None, "tls": "starttls"}],
    ids=["unknown host", "nothing listens", "default port"],
)
def test_unreachable(imap: DovecotWorld, changes: dict[str, object]) -> None:
    error = refused(tls(imap, **changes), imap.user)
    assert (error.code, type(error)) == ("unreachable", RetryLater)


def test_tls_towards_a_port_without(imap: DovecotWorld) -> None:
    assert refused(tls(imap, port=imap.server.port), imap.user).code == "unreachable"


def test_a_server_that_is_none() -> None:
    with ScriptedServer(lambda _tag, _command: None, greeting=b"HTTP/1.1 400 Bad Request\r\n\r\n") as server:
        endpoint = Endpoint("imap", "127.0.0.1", server.port, tls="none", user="a", password="b")
        assert refused(endpoint, "a").code == "unreachable"


def test_starttls_that_is_not_offered() -> None:
    with ScriptedServer(lambda _tag, _command: None, greeting=b"* OK [CAPABILITY IMAP4rev1] hi\r\n") as server:
        endpoint = Endpoint("imap", "127.0.0.1", server.port, tls="starttls", user="a", password="b")
        assert refused(endpoint, "a").code == "tls_untrusted"


def test_words_slipped_in_before_starttls_are_refused() -> None:
    def answer(tag: bytes, _command: bytes) -> bytes:
        return tag + b" OK begin\r\n* OK [CAPABILITY IMAP4rev1 LOGINDISABLED] injected\r\n"

    with ScriptedServer(answer, greeting=b"* OK [CAPABILITY IMAP4rev1 STARTTLS] hi\r\n") as server:
        endpoint = Endpoint("imap", "127.0.0.1", server.port, tls="starttls", user="a", password="b")
        assert refused(endpoint, "a").code in ("connection_lost", "unreachable")


@pytest.mark.parametrize(
    ("greeting", "wait"),
    [
        (b"* BYE [UNAVAILABLE] down for a moment\r\n", None),
        (b"* BYE Too many connections from your address\r\n", None),
        (b"* BYE Request is throttled. Suggested Backoff Time: 12500 milliseconds\r\n", 12.5),
    ],
)
def test_a_busy_server_is_throttled(greeting: bytes, wait: float | None) -> None:
    with ScriptedServer(lambda _tag, _command: None, greeting=greeting) as server:
        endpoint = Endpoint("imap", "127.0.0.1", server.port, tls="none", user="a", password="b")
        error = refused(endpoint, "a")
    assert isinstance(error, RetryLater)
    assert (error.code, error.wait_seconds) == ("throttled", wait)


def test_a_server_that_says_nothing_is_given_up() -> None:
    with ScriptedServer(
        lambda _tag, _command: b"", greeting=b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi\r\n"
    ) as server:
        endpoint = Endpoint("imap", "127.0.0.1", server.port, tls="none", user="a", password="b")
        with pytest.raises(RetryNow) as raised:
            ImapProvider(answer_seconds_max=0.2).open(endpoint, "a")
    assert raised.value.code == "connection_lost"


def test_too_many_connections(imap: DovecotWorld) -> None:
    few = Dovecot(imap.server.folder.parent / "few", users={"a": "b"}, connections_max=1)
    with few:
        endpoint = Endpoint("imap", "localhost", few.port, tls="none", user="a", password="b")
        with closing(ImapProvider().open(endpoint, "a")):
            error = refused(endpoint, "a")
    assert (error.code, type(error)) == ("throttled", RetryLater)


# --- dropped lines -----------------------------------------------------------------------------------------------------


def fill(imap: DovecotWorld, count: int) -> dict[str, bytes]:
    mails = {f"n{number}": message(f"n{number}", body=f"{number} " * 4000) for number in range(count)}
    for content in mails.values():
        imap.deliver(INBOX, content)
    return mails


def test_a_line_dropped_in_the_middle_of_a_literal(imap: DovecotWorld) -> None:
    fill(imap, 20)
    with FaultyLine(imap.server.port, cut_after=120_000) as line:
        connector = ImapProvider().open(dataclasses.replace(imap.endpoint, port=line.port), imap.user)
        folder = inbox(connector)
        refs = listed(connector, folder)
        got = []
        with pytest.raises(RetryNow) as raised:
            got.extend(connector.fetch(folder, iter(refs)))
        assert raised.value.code == "connection_lost"
        with pytest.raises(RetryNow):
            connector.folders()
        connector.close()


@pytest.mark.parametrize("cut_after", [0, 5, 300, 1000, 2500, 9000, 30_000, 120_000, 400_000])
def test_wherever_the_line_drops_everything_comes_once(imap: DovecotWorld, cut_after: int) -> None:
    mails = fill(imap, 40)
    with FaultyLine(imap.server.port, cut_after=cut_after, cuts=2) as line:
        endpoint = dataclasses.replace(imap.endpoint, port=line.port)
        connector = Throttled(lambda: ImapProvider().open(endpoint, imap.user), sleep=lambda _seconds: None)
        folder = inbox(connector)
        refs = listed(connector, folder)
        assert [ref.subject for ref in sorted(set(refs), key=lambda ref: ref.id)] == list(mails)
        got = list(connector.fetch(folder, iter(refs[-40:])))
        assert all(isinstance(result, Fetched) for result in got)
        assert {result.ref.subject: bytes(result.content) for result in got if isinstance(result, Fetched)} == mails
        assert len(got) == 40
        connector.close()
    assert line.connections > 1


def test_one_item_that_breaks_the_line_stops_no_other(imap: DovecotWorld) -> None:
    fill(imap, 7)
    with closing(imap.connect()) as connector:
        refs = listed(connector, inbox(connector))
    assert [int(ref.id[-3:]) for ref in refs] == list(range(1, 8))
    with (
        FaultyLine(imap.server.port, poison=b"UID FETCH 1:7 (UID BODY") as whole,
        FaultyLine(whole.port, poison=b"FETCH 4 ") as line,
    ):
        endpoint = dataclasses.replace(imap.endpoint, port=line.port)
        throttled = Throttled(lambda: ImapProvider().open(endpoint, imap.user), sleep=lambda _seconds: None)
        results = list(throttled.fetch(inbox(throttled), iter(refs)))
        throttled.close()
    assert sorted(int(result.ref.id[-3:]) for result in results) == list(range(1, 8))
    bad = [(int(result.ref.id[-3:]), result.code) for result in results if isinstance(result, Unfetched)]
    assert bad == [(4, "unreadable")]


# --- what IMAP alone has -----------------------------------------------------------------------------------------------


def test_sent_mail_has_its_own_time(imap: DovecotWorld) -> None:
    imap.deliver(("Sent",), message("dated", extra="Date: Fri, 21 Nov 1997 09:55:06 -0600\r\n"))
    imap.deliver(("Sent",), message("undated", extra="Date: some day\r\n"))
    with closing(imap.connect()) as connector:
        sent = next(folder for folder in connector.folders() if folder.role is Role.SENT)
        times = {ref.subject: (ref.time.year, ref.received.year) for ref in listed(connector, sent)}
    assert times == {"dated": (1997, 2021), "undated": (2021, 2021)}


def test_class_and_sensitivity_come_with_the_listing(imap: DovecotWorld) -> None:
    meeting = "Sensitivity: Company-Confidential\r\nContent-Type: text/calendar;\r\n method=REQUEST\r\n"
    imap.deliver(INBOX, message("meeting", extra=meeting))
    with closing(imap.connect()) as connector:
        (ref,) = listed(connector, inbox(connector))
    assert (ref.message_class, ref.sensitivity) == ("IPM.Schedule.Meeting.Request", Sensitivity.CONFIDENTIAL)


def test_names_that_are_hard_to_quote(imap: DovecotWorld) -> None:
    names = ["with space", 'quo"te', "back\\slash", "(paren) {5}", "100 %", "ampers&nd", "emoji 📬", "tilde ~", "ßẞ"]
    for name in names:
        imap.add_folder((name,))
        imap.deliver((name,), message("one"))
    with closing(imap.connect()) as connector:
        found = {folder.path[0]: folder for folder in connector.folders()}
        assert set(names) <= set(found)
        for name in names:
            assert [ref.subject for ref in listed(connector, found[name])] == ["one"]
            assert connector.count(found[name]) == 1


def test_a_renamed_folder_keeps_its_id(imap: DovecotWorld) -> None:
    imap.add_folder(("Old",))
    with closing(imap.connect()) as connector:
        before = next(folder for folder in connector.folders() if folder.path == ("Old",))
        imap.server.doveadm("mailbox", "rename", "-u", imap.user, "Old", "Neu/Ä")
        after = next(folder for folder in connector.folders() if folder.path == ("Neu", "Ä"))
    assert after.id == before.id


def test_a_delimiter_inside_a_name_is_replaced(imap: DovecotWorld) -> None:
    with closing(imap.connect()) as connector:
        folder = connector.create_folder(("a/b", "c"), Kind.MAIL)
        assert folder.path == ("a_b", "c")
        assert connector.create_folder(("INBOX",), Kind.MAIL).role is Role.INBOX


def test_nul_and_eight_bit_survive_a_restore(imap: DovecotWorld) -> None:
    content = b"Subject: \xff\xfe\r\n\r\n" + bytes(range(1, 256)).replace(b"\n", b"").replace(b"\r", b"") + b"\r\n"
    with closing(imap.connect()) as connector:
        folder = connector.create_folder(("Back",), Kind.MAIL)
        connector.create(folder, NewItem(Kind.MAIL, content, frozenset(), RECEIVED))
        (ref,) = listed(connector, folder)
        (result,) = connector.fetch(folder, iter([ref]))
    assert isinstance(result, Fetched)
    assert bytes(result.content) == content


def test_a_keyword_that_imap_has_not(imap: DovecotWorld) -> None:
    with closing(imap.connect()) as connector:
        item = NewItem(Kind.MAIL, message("x"), frozenset({"Red Category"}), RECEIVED)
        with pytest.raises(GiveUp) as raised:
            connector.create(inbox(connector), item)
    assert raised.value.code == "cannot_create"


def test_an_item_larger_than_what_is_taken(imap: DovecotWorld) -> None:
    imap.deliver(INBOX, message("big", body="x" * 50_000))
    imap.deliver(INBOX, message("small"))
    with closing(ImapProvider(item_bytes_max=10_000).open(imap.endpoint, imap.user)) as connector:
        folder = inbox(connector)
        results = {result.ref.subject: result for result in connector.fetch(folder, iter(listed(connector, folder)))}
    assert isinstance(results["small"], Fetched)
    big = results["big"]
    assert isinstance(big, Unfetched)
    assert big.code == "item_too_large"


# --- the connection test -----------------------------------------------------------------------------------------------

STEPS = ["dns", "tcp", "tls", "sign_in", "permission", "mailbox_check"]


def test_all_steps_of_a_good_connection(imap: DovecotWorld) -> None:
    imap.deliver(INBOX, message("one"))
    for endpoint in (
        tls(imap),
        master(imap),
        master(imap, separator="*"),
        tls(imap, tls="none", port=imap.server.port),
    ):
        steps = list(ImapProvider().test(endpoint))
        assert [step.name for step in steps] == STEPS
        assert all(step.ok and step.message and step.milliseconds >= 0 for step in steps)
        assert "1 messages" in steps[-1].message


def test_each_fault_shows_in_its_step(imap: DovecotWorld) -> None:
    faults = {
        "dns": tls(imap, host="no-such-host.invalid"),
        "tcp": tls(imap, port=1),
        "tls": tls(imap, ca_pem=""),
        "sign_in": dataclasses.replace(master(imap), master_password="wrong"),
        "mailbox_check": master(imap, mailbox_check="nobody@firma.example"),
    }
    for name, endpoint in faults.items():
        steps = list(ImapProvider().test(endpoint))
        assert [step.name for step in steps] == STEPS[: STEPS.index(name) + 1]
        assert [step.ok for step in steps] == [True] * (len(steps) - 1) + [False]
        assert steps[-1].message
        assert steps[-1].hint


def test_a_test_without_a_mailbox_to_open_says_so(imap: DovecotWorld) -> None:
    *_, last = ImapProvider().test(master(imap, mailbox_check=""))
    assert (last.name, last.ok) == ("sign_in", False)
    assert "mailbox to check" in last.hint


# --- bad servers -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "said",
    [
        b"* 1 EXISTS\r\n" * 1000 + b"x" * 2_000_000,
        b'* LIST () "/" {99999999999}\r\n',
        b"complete nonsense\r\n",
        b"* LIST (((((((((((((((((((((((((((((((((((((((((((((((((\r\n",
        b"* BYE [UNAVAILABLE] going down\r\n",
        b"m99999 OK done\r\n",
    ],
    ids=["endless line", "huge literal", "nonsense", "nested", "bye", "wrong tag"],
)
def test_a_bad_server_is_left_with_a_diagnosis(said: bytes) -> None:
    def answer(tag: bytes, command: bytes) -> bytes:
        return said if command.startswith(b"LIST") else tag + b" OK fine\r\n"

    greeting = b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] hi\r\n"
    with ScriptedServer(answer, greeting) as server:
        endpoint = Endpoint("imap", "127.0.0.1", server.port, tls="none", user="a", password="b")
        connector = ImapProvider(answer_seconds_max=2).open(endpoint, "a")
        with pytest.raises((RetryNow, RetryLater)):
            connector.folders()
        connector.close()


def test_threads_leave_one_another_alone(imap: DovecotWorld) -> None:
    mails = fill(imap, 30)
    with closing(
        imap.connect()
    ) as first:  # Dovecot 2.3.19 panics when several sessions make its index files for the first time
        listed(first, inbox(first))
    seen: list[int] = []

    def work() -> None:
        with closing(imap.connect()) as connector:
            folder = inbox(connector)
            seen.append(
                sum(isinstance(result, Fetched) for result in connector.fetch(folder, iter(listed(connector, folder))))
            )

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [len(mails)] * 4
