"""Do the documents still tell the truth? Run by `make check`.

- every relative link in a Markdown file leads to a file (and, with `#part`, to a heading of it);
- every room of `src/mailkeep` is named in ARCHITECTURE.md;
- `docs/cli.md` is what the commands say of themselves.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


def main() -> int:
    problems = [*broken_links(), *unnamed_rooms(), *stale_reference()]
    for problem in problems:
        sys.stderr.write(f"{problem}\n")
    if not problems:
        sys.stdout.write("Documents: links resolve, every room is named, docs/cli.md is fresh.\n")
    return 1 if problems else 0


def broken_links() -> Iterator[str]:
    for document in documents():
        text = re.sub(r"```.*?```", "", document.read_text(), flags=re.DOTALL)
        for target in LINK.findall(text):
            if re.match(r"[a-z]+:", target):
                continue  # the network is not asked
            path, _, part = target.partition("#")
            place = (document.parent / path).resolve() if path else document
            name = document.relative_to(ROOT)
            if not place.exists():
                yield f"{name}: {target} leads nowhere"
            elif part and place.suffix == ".md" and part not in headings(place):
                yield f"{name}: {target} names no heading of {path or name}"


def documents() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],  # noqa: S607
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).exists()]


def headings(document: Path) -> set[str]:
    """The anchors that a Markdown file's headings get."""
    titles = re.findall(r"^#+ (.+)$", document.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def unnamed_rooms() -> Iterator[str]:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    for room in sorted((ROOT / "src/mailkeep").iterdir()):
        is_room = (room / "__init__.py").exists() or room.suffix == ".py"
        if is_room and room.name != "__init__.py" and f"`{room.stem}" not in text:
            yield f"ARCHITECTURE.md: the room {room.name} is not named"


def stale_reference() -> Iterator[str]:
    command = [sys.executable, "-m", "mailkeep.cli.reference"]
    made = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if made.returncode:
        yield f"docs/cli.md: could not be generated: {made.stderr.strip().splitlines()[-1]}"
    elif not (ROOT / "docs/cli.md").exists() or made.stdout != (ROOT / "docs/cli.md").read_text():
        yield "docs/cli.md is stale: run `make docs`"


if __name__ == "__main__":
    sys.exit(main())
