"""A real server, a real Chromium: the console as a person meets it.

The rows are committed (a server thread must see them) and flushed when the last test of this folder has run. Pages are
served by the same WSGI application as in production: compression, WhiteNoise, middleware and all.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from wsgiref.simple_server import WSGIRequestHandler

import pytest
from django.conf import settings
from django.core.management import call_command
from django.core.servers.basehttp import ThreadedWSGIServer
from django.core.wsgi import get_wsgi_application
from django.db import connection
from django.test import Client
from django.test.utils import setup_databases, teardown_databases
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, sync_playwright

from mailkeep.catalog.models import Mailbox, Task
from mailkeep.operations import connections

from .. import cards, letters, world

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
if CHROMIUM is None:
    pytest.skip("no Chromium on this machine", allow_module_level=True)


@dataclass(slots=True)
class Canary:
    """A server that nobody must ever call."""

    address: str
    called: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Site:
    """The console with a full organisation in it."""

    address: str
    tasks: dict[str, Task]
    mailbox: Mailbox  # with ordinary letters
    items: list[str]
    hostile: Mailbox
    hostile_items: list[str]
    cards: Mailbox  # with one item of each kind
    card_items: list[str]
    canary: Canary
    session: str


class QuietHandler(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@pytest.fixture(scope="package")
def canary() -> Iterator[Canary]:
    called: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            called.append(self.path)
            self.send_response(204)
            self.end_headers()

        do_POST = do_GET

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    with _serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as server:
        yield Canary(f"http://127.0.0.1:{server.server_port}", called)


@pytest.fixture(scope="package")
def site(django_db_setup: None, django_db_blocker: object, canary: Canary) -> Iterator[Site]:
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"  # Playwright keeps an event loop in this thread
    archive = world.FakeArchive()
    patch = pytest.MonkeyPatch()
    patch.setattr("mailkeep.operations.opened.repository", lambda: archive)
    patch.setitem(connections.PROVIDERS, "card", cards.CardProvider())
    server = ThreadedWSGIServer(("127.0.0.1", 0), QuietHandler)
    server.daemon_threads = False  # closing waits for answers under way, and so for their connections
    with django_db_blocker.unblock(), _test_database(), _serving(server):  # type: ignore[attr-defined]
        server.set_app(get_wsgi_application())
        yield _furnished(f"http://127.0.0.1:{server.server_port}", archive, canary)
    patch.undo()


@contextlib.contextmanager
def _test_database() -> Iterator[None]:
    """pytest-django makes a test database only for tests that are marked; these are not, for they share committed rows."""
    with contextlib.ExitStack() as stack:
        if not str(connection.settings_dict["NAME"]).startswith("test_"):
            made = setup_databases(verbosity=0, interactive=False, aliases={"default"})
            stack.callback(teardown_databases, made, verbosity=0)
        stack.callback(call_command, "flush", interactive=False, verbosity=0)
        kept = connection.settings_dict["CONN_MAX_AGE"]
        connection.settings_dict["CONN_MAX_AGE"] = 0  # the server's threads leave no connection behind
        stack.callback(_end_other_sessions)
        stack.callback(connection.settings_dict.__setitem__, "CONN_MAX_AGE", kept)
        yield


def _end_other_sessions() -> None:
    """A database in use cannot be dropped."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def _furnished(address: str, archive: world.FakeArchive, canary: Canary) -> Site:
    people = world.people()
    tasks = world.organisation()
    mailbox = Mailbox.objects.get(address="chiara.rossi@contoso.example")
    items = world.fill(mailbox, letters.ordinary(), archive)
    hostile = Mailbox.objects.get(address="dmitri.volkov@contoso.example")
    bodies, names = letters.hostile_bodies(canary.address), letters.hostile_names(canary.address)
    folders = [(1, ("INBOX",), "inbox"), *((2 + n, (name,), "") for n, name in enumerate(names))]
    found = [
        world.Letter(
            letters.message("hostile", body, files=((names[n % len(names)].replace("\n", " "), b"x"),)),
            names[n % len(names)], f"{names[(n + 1) % len(names)]} <a@b.example>",
        )
        for n, body in enumerate(bodies)
    ]  # fmt: skip
    hostile_items = world.fill(hostile, [*found, *cards.hostile_cards(canary.address)], archive, folders)
    office = Mailbox.objects.get(address="elif.yilmaz@contoso.example")
    card_items = world.fill(office, cards.ordinary_cards(letters.PIXEL), archive, cards.FOLDERS)
    session = _session(people["alice"], mailbox, hostile, office)
    return Site(address, tasks, mailbox, items, hostile, hostile_items, office, card_items, canary, session)


def _session(alice: object, *mailboxes: Mailbox) -> str:
    """Signed in, with a reason given for these mailboxes."""
    client = Client()
    client.force_login(alice)  # type: ignore[arg-type]
    for mailbox in mailboxes:
        client.post(f"/mailboxes/{mailbox.uid.hex}/reason/", {"reason": "a test looks at it"})
    return client.cookies[settings.SESSION_COOKIE_NAME].value


@contextlib.contextmanager
def _serving(server: ThreadingHTTPServer) -> Iterator[ThreadingHTTPServer]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield browser
        browser.close()


@dataclass
class Witness:
    """What a page did that it must not do."""

    address: str
    foreign: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)

    def watch(self, context: BrowserContext) -> None:
        context.on("request", self._requested)
        context.on("console", self._told)
        context.on("weberror", lambda error: self.said.append(str(error.error)))
        context.on("dialog", lambda dialog: self.said.append(f"a dialog: {dialog.message}"))

    def _requested(self, request: Request) -> None:
        self.requests.append(request)
        if not request.url.startswith((self.address, "data:", "about:")):
            self.foreign.append(request.url)

    def _told(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.said.append(message.text)


Opener = Callable[..., Page]


@pytest.fixture
def witness(site: Site) -> Iterator[Witness]:
    """Every test with pages also holds: nothing called elsewhere, no policy violated, no error on the console."""
    made = Witness(site.address)
    yield made
    assert made.foreign == []
    assert made.said == []


@pytest.fixture
def open_page(site: Site, chromium: Browser, witness: Witness) -> Iterator[Opener]:
    """`open_page("/…", width=, height=, scheme=, signed_in=)`: a page in a fresh browser profile."""
    contexts: list[BrowserContext] = []

    def opened(
        path: str,
        width: int = 1440,
        height: int = 900,
        scheme: str = "light",
        signed_in: bool = True,
        zone: str = "UTC",
    ) -> Page:
        context = chromium.new_context(
            viewport={"width": width, "height": height},
            color_scheme=scheme,
            reduced_motion="reduce",
            timezone_id=zone,
            locale="en-GB",  # type: ignore[arg-type]
        )
        contexts.append(context)
        witness.watch(context)
        if signed_in:
            context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": site.session, "url": site.address}])
        page = context.new_page()
        page.goto(site.address + path)
        return page

    yield opened
    for context in contexts:
        context.close()
