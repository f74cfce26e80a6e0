"""Names that strangers chose (folders, subjects) can neither end a command nor speak to the terminal."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from mailkeep.cli import screen
from mailkeep.cli.output import Output
from mailkeep.errors import GiveUp
from mailkeep.progress import Progress

HOSTILE = ["[/x]", "[bold]loud", "\x1b]0;title\x07", "\x1b[31mred", "\x9b31mred", "[link=http://x]a[/link]"]


@pytest.mark.parametrize("name", HOSTILE)
def test_progress_shows_any_name_as_it_is(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    quiet = name.translate(dict.fromkeys([0x1B, 0x07, 0x9B], "\ufffd"))
    shown = io.StringIO()
    monkeypatch.setattr(
        screen, "Console", lambda stderr: Console(file=shown, width=200, force_terminal=True, color_system=None)
    )
    with screen.bar() as report:
        report(Progress(f"phase {name}", 1, 2, 3, f"note {name}"))
    for start in ("phase", "note"):
        assert f"{start} {quiet}" in shown.getvalue()
    assert "\x9b" not in shown.getvalue()
    assert "\x1b]" not in shown.getvalue()


def test_json_holds_no_control_character(capsys: pytest.CaptureFixture[str]) -> None:
    name = "".join(map(chr, range(0xA1))) + "ü"
    out = Output(json_wanted=True)
    out.one({"name": name})
    out.rows([{"name": name}], ["name"])
    out.error(GiveUp("odd", name))
    written = capsys.readouterr()
    for line in (*written.out.splitlines(), *written.err.splitlines()):
        assert not [one for one in line if ord(one) < 0x20 or 0x7F <= ord(one) < 0xA0]
        assert "ü" in line
    first, second = written.out.splitlines()
    assert json.loads(first)["name"] == json.loads(second)["name"] == name
