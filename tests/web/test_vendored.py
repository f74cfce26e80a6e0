"""What we ship of others is what it says it is, and every icon that is used is there."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import mailkeep.web

WEB = Path(mailkeep.web.__file__).parent
VENDOR = WEB / "static" / "vendor"


def test_every_vendored_file_has_its_hash_on_the_list() -> None:
    listed = dict(re.findall(r"^([0-9a-f]{64})  (\S+)$", (VENDOR / "VENDORED.txt").read_text(), re.MULTILINE))
    found = {
        hashlib.sha256(file.read_bytes()).hexdigest(): file.name
        for file in VENDOR.iterdir()
        if file.name != "VENDORED.txt"
    }
    assert listed == found


def test_every_icon_is_in_the_sprite_and_none_is_idle() -> None:
    from mailkeep.web.templatetags import console

    sprite = set(re.findall(r'<symbol id="([^"]+)"', (WEB / "static" / console.SPRITE).read_text()))
    used = {look[0] for look in console.KIND_ICONS.values()} | {look[1] for look in console.STATUS_LOOKS.values()}
    used |= {look[0] for look in console.RESULT_LOOKS.values()} | set(console.FOLDER_ICONS.values()) | {"folder"}
    for template in (WEB / "templates").rglob("*.html"):
        used |= set(re.findall(r'{% icon "([^"]+)"', template.read_text()))
    assert sprite == used


def test_nothing_is_fetched_from_elsewhere() -> None:
    for file in [*(WEB / "templates").rglob("*.html"), *(WEB / "static" / "web").iterdir()]:
        assert not re.search(r"""(src|href|url)\s*[=(]\s*["']?(https?:)?//""", file.read_text()), file
        assert not re.search(r"<[^>]+ (style|on[a-z]+)=", file.read_text()), file
