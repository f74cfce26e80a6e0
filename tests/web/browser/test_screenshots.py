"""Pictures of the pages for the documentation: `MAILKEEP_SCREENSHOTS=docs/screenshots pytest tests/web/browser/test_screenshots.py`."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from .conftest import Opener, Site

FOLDER = os.environ.get("MAILKEEP_SCREENSHOTS")
LIST = "/administration/services/sync-recover/"

EVERYWHERE = {
    "tasks",
    "mailbox",
    "item",
    "appointment",
    "contact",
}  # pictured light and dark, wide and narrow; the others once

pytestmark = pytest.mark.skipif(FOLDER is None, reason="MAILKEEP_SCREENSHOTS names no folder for the pictures")


def addresses(site: Site) -> dict[str, str]:
    return {
        "sign-in": "/sign-in/",
        "tasks": LIST,
        "tasks-empty": f"{LIST}?q=zzz&status=failed",
        "task": f"{LIST}tasks/{site.tasks['warehouse'].uid.hex}/",
        "mailboxes": f"{LIST}mailboxes/",
        "mailbox": f"/mailboxes/{site.mailbox.uid.hex}/",
        "item": f"/items/{site.items[-1]}/",
        "activity": f"/mailboxes/{site.mailbox.uid.hex}/activity/",
        "left-out": f"/mailboxes/{site.mailbox.uid.hex}/left-out/",
        "reason": f"/mailboxes/{site.tasks['hr'].memberships.all()[0].mailbox.uid.hex}/",
        "create": f"{LIST}new/",
        "calendar": f"/mailboxes/{site.cards.uid.hex}/?folder=2",
        "appointment": f"/items/{site.card_items[0]}/",
        "contact": f"/items/{site.card_items[1]}/",
        "card-task": f"/items/{site.card_items[2]}/",
        "note": f"/items/{site.card_items[3]}/",
    }


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(1440, 900), (390, 844)])
def test_pictures(site: Site, open_page: Opener, scheme: str, width: int, height: int) -> None:
    folder = Path(str(FOLDER))
    folder.mkdir(parents=True, exist_ok=True)
    if (scheme, width) == ("light", 1440):
        open_page("/sign-in/", width, height, scheme, signed_in=False).screenshot(
            path=folder / f"sign-in-{width}-{scheme}.png"
        )
    page = open_page(LIST, width, height, scheme)
    for name, path in addresses(site).items():
        if name == "sign-in" or ((scheme, width) != ("light", 1440) and name not in EVERYWHERE):
            continue
        page.goto(site.address + path)
        if name in ("mailbox", "calendar") and width > 1000:
            page.locator(".letter").first.click()
            page.frame_locator("iframe").locator("h2, ol").first.wait_for()
        page.wait_for_timeout(150)
        page.screenshot(path=folder / f"{name}-{width}-{scheme}.png")
    if (scheme, width) == ("light", 1440):
        page.goto(site.address + LIST)
        page.locator("button.status").first.hover()
        page.locator(".pop:popover-open").wait_for()
        page.screenshot(path=folder / f"tasks-details-{width}-{scheme}.png")
    if (pngquant := shutil.which("pngquant")) is not None:
        made = [str(path) for path in folder.glob(f"*-{width}-{scheme}.png")]
        subprocess.run(
            [pngquant, "--force", "--skip-if-larger", "--speed", "3", "--ext", ".png", "128", *made], check=False
        )
