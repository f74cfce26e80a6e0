"""Every page, in a real browser: accessible, within its budget, no wider than the screen, alone with its own server."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from .conftest import Opener, Site, Witness
from .test_screenshots import LIST, addresses

ROOT = Path(__file__).resolve().parents[3]
AXE_VERSION = "4.14.1"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture(scope="package")
def axe() -> str:
    """axe-core's source; fetched once into `.cache/axe` with npm, for tests only."""
    folder = ROOT / ".cache" / "axe"
    source = folder / "node_modules" / "axe-core" / "axe.min.js"
    if not source.exists():
        if shutil.which("npm") is None:
            pytest.skip("neither axe-core in .cache/axe nor npm to fetch it")
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["npm", "install", "--silent", "--prefix", folder, f"axe-core@{AXE_VERSION}"], check=True)
    return source.read_text()


@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 1440), ("light", 390)])
def test_no_accessibility_violations(site: Site, open_page: Opener, axe: str, scheme: str, width: int) -> None:
    page = open_page("/sign-in/", width=width, scheme=scheme, signed_in=False)
    found = {"sign-in": _violations(page, axe)}
    page = open_page(LIST, width=width, scheme=scheme)
    for name, path in addresses(site).items():
        if name != "sign-in":
            page.goto(site.address + path)
            found[name] = _violations(page, axe)
    assert {name: faults for name, faults in found.items() if faults} == {}


def test_open_details_and_dialogs_are_accessible(site: Site, open_page: Opener, axe: str) -> None:
    page = open_page(LIST)
    page.locator("button.status").first.click()
    assert _violations(page, axe) == []
    page.keyboard.press("Escape")
    page.locator("[data-opens]").first.click()
    assert page.locator("dialog[open]").is_visible()
    assert _violations(page, axe) == []


def _violations(page, axe: str) -> list[str]:  # type: ignore[no-untyped-def]
    # Evaluated by the debugger, which no policy of the page's stops; frames are left out: a sandboxed body runs no script.
    page.evaluate(axe)
    answer = page.evaluate(
        "async rules => JSON.stringify((await axe.run(document, {iframes: false, runOnly: rules})).violations)", RULES
    )
    return [f"{fault['id']}: {[node['target'] for node in fault['nodes']][:4]}" for fault in json.loads(answer)]


# Every element that reaches beyond the right edge, unless something round it scrolls or hides it.
WIDER = """document.documentElement.scrollWidth <= innerWidth ? [] : [...document.querySelectorAll("body *")]
    .filter(element => element.getBoundingClientRect().right > innerWidth + 1).map(element => element.outerHTML.slice(0, 90))"""


@pytest.mark.parametrize("width", [320, 1280])
def test_no_page_scrolls_sideways(site: Site, open_page: Opener, width: int) -> None:
    page = open_page(LIST, width=width, height=700)
    wide = {}
    for name, path in addresses(site).items():
        page.goto(site.address + path)
        if over := page.evaluate(WIDER):
            wide[name] = over
    assert wide == {}


def test_the_task_list_keeps_its_budget(
    site: Site, open_page: Opener, witness: Witness, capsys: pytest.CaptureFixture[str]
) -> None:
    open_page(LIST).wait_for_load_state("networkidle")
    sizes = {request.url.split("?")[0]: request.sizes() for request in witness.requests}
    received = {url: size["responseBodySize"] + size["responseHeadersSize"] for url, size in sizes.items()}
    scripts = sum(size for url, size in received.items() if url.endswith(".js"))
    with capsys.disabled():
        print(f"\ntask list, cold: {sum(received.values()):,} bytes, {scripts:,} of script, {len(received)} requests")
    assert sum(received.values()) <= 120 * 1024
    assert scripts <= 25 * 1024
    assert len(received) <= 15


def test_theme_is_right_on_first_paint(site: Site, open_page: Opener) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    page = open_page(LIST, scheme="dark")
    dark = page.evaluate(ground)
    page.locator("[data-theme-next]").click()  # light
    light = page.evaluate(ground)
    assert dark != light
    page.reload(wait_until="commit")
    assert page.evaluate("document.documentElement.dataset.theme") == "light"
    assert page.evaluate(ground) == light


def test_times_are_in_the_persons_zone(site: Site, open_page: Opener) -> None:
    page = open_page("/sign-in/", signed_in=True, zone="Asia/Tokyo")  # the first page tells the server which zone
    page.goto(site.address + LIST)
    assert "Times: Asia/Tokyo" in page.locator(".zone").inner_text()


def test_details_come_on_hover_focus_and_click(site: Site, open_page: Opener) -> None:
    page = open_page(LIST)
    status, details = page.locator("button.status").first, page.locator(".pop:popover-open")
    status.hover()
    details.wait_for()
    page.mouse.move(5, 800)
    details.wait_for(state="detached")
    status.click()
    details.wait_for()
    page.keyboard.press("Escape")
    details.wait_for(state="detached")
    page.locator("tbody tr .name a").first.focus()
    page.keyboard.press("Tab")
    details.wait_for()
    assert "27 mailboxes" in details.inner_text()
    box = details.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["y"] >= 0


def test_filtering_and_sorting_without_a_reload(site: Site, open_page: Opener, witness: Witness) -> None:
    page = open_page(LIST)
    page.evaluate("window.stayed = true")
    page.locator("#q").fill("berlin")
    page.locator(".foot", has_text="3 of 8").wait_for()
    page.get_by_role("link", name="Name").click()
    page.locator("th[aria-sort=ascending]", has_text="Name").wait_for()
    page.locator(".chip", has_text="Failed").click()
    page.locator(".foot", has_text="1 of 8").wait_for()
    assert page.evaluate("window.stayed") is True
    for part in ("q=berlin", "sort=name", "status=failed"):
        assert part in page.url
    page.reload()
    assert page.locator("tbody tr").count() == 1
    assert page.locator("#q").input_value() == "berlin"


def test_live_rows_are_polled_only_while_the_tab_is_seen(site: Site, open_page: Opener, witness: Witness) -> None:
    page = open_page(f"{LIST}?q=head&sort=name&dir=down")
    with page.expect_request(lambda request: request.headers.get("hx-request") == "true", timeout=8000) as asked:
        pass
    assert asked.value.url.endswith("?q=head&sort=name&dir=down")  # what is shown stays as it was sorted and filtered
    page.evaluate("Object.defineProperty(document, 'visibilityState', {value: 'hidden'})")
    before = len(witness.requests)
    page.wait_for_timeout(4000)
    assert len(witness.requests) == before


def test_a_server_that_fails_leaves_the_rows_and_says_so(site: Site, open_page: Opener, witness: Witness) -> None:
    page = open_page(LIST)
    page.route("**/sync-recover/**", lambda route: route.fulfill(status=500, body="<h1>broken</h1>"))
    page.locator("#q").fill("berlin")
    page.locator(".stale", has_text="The server did not answer").wait_for()
    assert page.locator("tbody tr").count() == 8
    page.unroute("**/sync-recover/**")
    page.locator("#q").fill("warehouse")
    page.locator(".foot", has_text="1 of 8").wait_for()
    assert page.locator(".stale").count() == 0
    witness.said.clear()  # the browser tells of the 500


def test_keys(site: Site, open_page: Opener) -> None:
    page = open_page(LIST)
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "q"
    page.keyboard.press("Escape")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("j")
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.textContent") == "Warehouse shared mailboxes"


def test_reading_beside_the_list(site: Site, open_page: Opener) -> None:
    page = open_page(f"/mailboxes/{site.mailbox.uid.hex}/")
    page.locator(".letter").first.click()
    frame = page.frame_locator("iframe.paper")
    frame.get_by_text("Boxes are delivered").wait_for()
    assert "2 remote images are blocked" in frame.locator(".blocked").inner_text()
    logo = frame.locator("img[alt=Contoso]")
    assert logo.evaluate("image => image.naturalWidth") == 1  # the one inside the message is shown
    assert page.locator(".letter[aria-current=true]").count() == 1
    with page.expect_download() as download:
        page.locator(".files a").nth(1).click()
    assert download.value.suggested_filename == "席次表.xlsx"
