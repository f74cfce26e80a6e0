"""`make screenshots`: the demo as a visitor sees it, into docs/screenshots.

Starts a demo in a home of its own (`.cache/screenshots`), waits until everybody is archived, signs in with Chromium and looks
around: light, dark, and as narrow as a telephone. The pictures of the last time are removed first.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin

from playwright.sync_api import Browser, Locator, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
PICTURES = ROOT / "docs" / "screenshots"
HOME = ROOT / ".cache" / "screenshots"
PORT = 8026
MAILKEEP = [sys.executable, "-m", "mailkeep.cli"]
ENVIRONMENT = {**os.environ, "MAILKEEP_HOME": str(HOME)}
WIDE, NARROW = (1440, 900), (390, 844)
READER = "sabine.koehler"
SERVICE = "/administration/services/sync-recover/"
MAILBOXES = f"{SERVICE}mailboxes/"
# What is opened in the reader's mailbox: picture, folder, words in the item's line.
OPENED = (
    ("mailbox", "Posteingang", "Angebot"),
    ("series", "Kalender", "Monatsgespräch"),
    ("contact", "Kontakte", "Keßler"),
    ("errand", "Aufgaben", "Wochenzahlen"),
    ("note", "Notizen", ""),
)


@dataclass(frozen=True, slots=True)
class SignIn:
    name: str
    password: str


def main() -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    for old in PICTURES.glob("*.png"):
        old.unlink()
    with demo() as who, sync_playwright() as playwright:
        wait_until_archived()
        browser = playwright.chromium.launch(
            executable_path=chromium(), args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        for size, scheme in ((WIDE, "light"), (WIDE, "dark"), (NARROW, "light"), (NARROW, "dark")):
            tour(browser, who, size, scheme)
        browser.close()


def tour(browser: Browser, who: SignIn, size: tuple[int, int], scheme: str) -> None:
    """All pages in the light on a wide screen; of the other three looks, two or three."""
    width, height = size
    ending = f"{width}-{scheme}"
    full = (size, scheme) == (WIDE, "light")
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if scheme == "dark" else "light",
        base_url=f"http://127.0.0.1:{PORT}",
    )
    page = context.new_page()
    page.goto("/sign-in/")
    if full:
        take(page, f"sign-in-{ending}")
    page.fill("#name", who.name)
    page.fill("#password", who.password)
    page.click("form button.main-act")
    page.wait_for_load_state("networkidle")
    take(page, f"tasks-{ending}")
    if full:
        visit(page, f"{SERVICE}new/", f"create-{ending}")
        visit(page, MAILBOXES, f"mailboxes-{ending}")
    page.goto(MAILBOXES)
    page.click(f"a:has-text('{READER}')")
    give_reason(page)
    page.wait_for_selector("a.letter")
    here = page.url
    for name, folder, words in OPENED if full else OPENED[:2]:
        read(page, folder, words, narrow=size == NARROW)
        take(page, f"{name}-{ending}")
        page.goto(here)
    if full:
        visit(page, f"{here}left-out/", f"left-out-{ending}")
        visit(page, f"{here}activity/", f"activity-{ending}")
    context.close()


def give_reason(page: Page) -> None:
    """Asked for once an hour before anybody's mail is opened."""
    if page.locator("#reason").count():
        page.fill("#reason", "pictures for the documents")
        page.click("form button.main-act")


def read(page: Page, folder: str, words: str, *, narrow: bool) -> None:
    """Open the first item of the folder whose line holds the words; where none does, the first."""
    if narrow:
        # the tree of folders is folded away
        follow(page, page.locator(f"a[title*='{folder}']").first)
    else:
        page.click(f"a[title*='{folder}']")
        page.wait_for_timeout(800)
    fitting = page.locator("a.letter", has_text=words)
    item = (fitting if fitting.count() else page.locator("a.letter")).first
    if narrow:  # no pane beside the list: the item has a page of its own
        follow(page, item)
    else:
        item.click()
    page.wait_for_timeout(1500)  # until the frame has drawn its body


def follow(page: Page, link: Locator) -> None:
    """Go where the link leads, whether it can be seen or not."""
    page.goto(urljoin(page.url, link.get_attribute("href") or ""))


def visit(page: Page, address: str, name: str) -> None:
    page.goto(address)
    page.wait_for_timeout(500)
    take(page, name)


def take(page: Page, name: str) -> None:
    page.screenshot(path=PICTURES / f"{name}.png")
    sys.stdout.write(f"docs/screenshots/{name}.png\n")


def chromium() -> str:
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    raise SystemExit("no Chromium: run scripts/install-servers.sh test")


@contextmanager
def demo() -> Iterator[SignIn]:
    shutil.rmtree(HOME, ignore_errors=True)
    process = subprocess.Popen(
        [*MAILKEEP, "demo", "--port", str(PORT)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=ENVIRONMENT,
        text=True,
    )
    try:
        yield greeting(process)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)
        shutil.rmtree(HOME, ignore_errors=True)


def greeting(process: subprocess.Popen[str]) -> SignIn:
    """Reads what the demo says until it is up."""
    said = ""
    for line in process.stdout or ():
        said += line
        found = re.search(r"Sign in +(\S+) +(\S+)", said)
        if found and "Ctrl-C ends it." in line:
            return SignIn(found[1], found[2])
    raise SystemExit(f"the demo did not start:\n{said}")


def wait_until_archived() -> None:
    end = time.monotonic() + 300
    while time.monotonic() < end:
        done = subprocess.run(
            [*MAILKEEP, "mailboxes", "--json"], capture_output=True, text=True, env=ENVIRONMENT, check=False
        )
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        if rows and all(row["result"] for row in rows):
            return
        time.sleep(1)
    raise SystemExit("the demo's mailboxes were not archived within five minutes")


if __name__ == "__main__":
    main()
