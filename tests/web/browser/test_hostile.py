"""Hostile letters: nothing in them runs, nothing calls out, wherever their words are shown."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from mailkeep.web.safe_html import Safe, safe_html
from mailkeep.web.views import reading

from .conftest import Opener, Site, Witness


def quiet(page: Page, site: Site) -> None:
    """The page is still itself, and nobody has called the canary."""
    assert site.canary.called == []
    assert page.url.startswith(site.address)
    assert page.title().endswith("Mailkeep")


FRAMES = """async ([bodies, sandboxed]) => Promise.all(bodies.map(body => new Promise(loaded => {
    const frame = document.createElement("iframe");
    if (sandboxed) frame.sandbox = "";
    frame.onload = loaded;
    frame.src = body;
    document.body.append(frame);
})))"""


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clean without starting a process for each of the letters; `test_safe_html` holds that it gives the same."""
    monkeypatch.setattr(reading, "cleaned", safe_html)


def frames(page: Page, site: Site, sandboxed: bool = True) -> None:
    """Every hostile body in a frame of its own on this page, as the reading pane shows one."""
    bodies = [f"/items/{item}/body/" for item in site.hostile_items]
    page.evaluate(FRAMES, [bodies, sandboxed])
    page.wait_for_timeout(300)


def test_no_body_runs_or_calls_out(site: Site, open_page: Opener, witness: Witness, in_process: None) -> None:
    assert len(site.hostile_items) >= 60
    page = open_page(f"/mailboxes/{site.hostile.uid.hex}/")
    frames(page, site)
    shown = [frame.content().lower() for frame in page.frames[1:]]
    assert len(shown) == len(site.hostile_items)
    for left in shown:
        assert not any(
            word in left for word in ("<script", "onerror=", "onload=", "javascript:", "<form", "<iframe", "<meta http")
        )
    quiet(page, site)


def test_the_reading_pane_itself(site: Site, open_page: Opener, witness: Witness) -> None:
    page = open_page(f"/mailboxes/{site.hostile.uid.hex}/")
    for item in site.hostile_items[::13]:
        page.goto(f"{site.address}/items/{item}/", wait_until="load")
        assert page.locator("iframe.paper").get_attribute("sandbox") == ""
        assert page.frame(url=f"**/items/{item}/body/") is not None
    quiet(page, site)


def test_a_body_opened_by_itself_is_as_harmless(site: Site, open_page: Opener, witness: Witness) -> None:
    page = open_page(f"/mailboxes/{site.hostile.uid.hex}/")
    for item in site.hostile_items[::20]:
        answer = page.goto(f"{site.address}/items/{item}/body/")
        assert answer is not None
        assert answer.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    assert site.canary.called == []


def test_uncleaned_html_is_held_by_policy_and_frame_alone(
    site: Site, open_page: Opener, witness: Witness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "cleaned", lambda html, images: Safe(html, 0))
    page = open_page(f"/mailboxes/{site.hostile.uid.hex}/")
    frames(page, site)
    quiet(page, site)
    assert witness.said, "the payloads are alive: the browser says what it refused"
    witness.said.clear()
    witness.foreign.clear()  # told as requests, and refused before they left: the canary knows


def test_cleaned_html_is_harmless_without_policy_or_frame(
    site: Site, open_page: Opener, witness: Witness, monkeypatch: pytest.MonkeyPatch, in_process: None
) -> None:
    monkeypatch.setattr(
        reading, "BODY_HEADERS", {"Content-Security-Policy": "frame-ancestors 'self'", "X-Frame-Options": "SAMEORIGIN"}
    )
    page = open_page(f"/mailboxes/{site.hostile.uid.hex}/")
    frames(page, site, sandboxed=False)
    quiet(page, site)


def test_hostile_names_are_only_words(site: Site, open_page: Opener, witness: Witness) -> None:
    uid = site.hostile.uid.hex
    page = open_page(f"/mailboxes/{uid}/")
    for path in (
        f"/mailboxes/{uid}/?folder=2",
        f"/mailboxes/{uid}/left-out/",
        f"/mailboxes/{uid}/activity/",
        f"/items/{site.hostile_items[0]}/headers/",
    ):
        page.goto(site.address + path)
        quiet(page, site)
    page.goto(f"{site.address}/mailboxes/{uid}/")
    assert page.locator("main img, main script, main svg[onload], [hx-get*='s5']").count() == 0
    page.locator(".letter").nth(3).click()
    page.locator("iframe.paper").wait_for()
    quiet(page, site)


def test_hostile_cards_are_only_words(site: Site, open_page: Opener, witness: Witness) -> None:
    """Appointments, contacts, tasks and notes: every hostile text as label, value, property, file name and subject."""
    page = open_page(f"/items/{site.hostile_items[-1]}/")
    for item in site.hostile_items[-1:-70:-9]:
        page.goto(f"{site.address}/items/{item}/", wait_until="load")
        for folded in page.locator("details.small > summary").all():
            folded.click()
        assert page.locator(".properties").is_visible()
        assert page.locator("main img, main script, main svg[onload], main form, main iframe:not(.paper)").count() == 0
        quiet(page, site)


def test_attachments_are_only_ever_downloads(site: Site, open_page: Opener, witness: Witness) -> None:
    page = open_page(f"/items/{site.hostile_items[0]}/")
    context = page.context.request
    for item in site.hostile_items[:7]:
        answer = context.get(f"{site.address}/items/{item}/attachments/1/")
        assert answer.status == 200
        assert answer.headers["content-disposition"].startswith("attachment")
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["content-security-policy"].startswith("sandbox")
        assert "\u202e" not in answer.headers["content-disposition"]
        assert "%E2%80%AE" not in answer.headers["content-disposition"]
