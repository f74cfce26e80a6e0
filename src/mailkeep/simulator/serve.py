"""A simulated Exchange in a process of its own.

    python -m mailkeep.simulator.serve --folder DIR [--port N]

Reads `DIR/organisation.json` (see `description`), keeps the mailboxes in `DIR/organisation.sqlite` and its authority in
`DIR/authority.key`, and prints one line of JSON when it answers:

    {"url": "https://localhost:41873/EWS/Exchange.asmx", "authority": "DIR/ca.pem", "control": "http://127.0.0.1:…/", "key": "…"}

It ends on SIGTERM, Ctrl-C, and when its standard input does: whoever holds the other end of that pipe takes it along.
`process.ExchangeProcess` is that somebody.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

from mailkeep.errors import MailkeepError
from mailkeep.simulator.certificates import Authority
from mailkeep.simulator.control import ControlServer
from mailkeep.simulator.description import Description, organisation_of, settings_of
from mailkeep.simulator.ews.server import ExchangeServer
from mailkeep.simulator.exchange.organisation import Organisation
from mailkeep.simulator.life_exchange import Life

log = logging.getLogger("mailkeep.simulator")


def main(arguments: list[str] | None = None) -> int:
    options = _options().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    try:
        run(options.folder, options.port, ended)
    except MailkeepError as error:
        print(json.dumps({"error": error.as_dict()}), flush=True)  # noqa: T201 - standard output is the answer's place
        return 1
    return 0


def run(folder: Path, port: int, ended: threading.Event) -> None:
    """Serve until `ended`, or until standard input ends."""
    described = folder / "organisation.json"
    description: Description = json.loads(described.read_text()) if described.exists() else {}
    with organisation_of(description, folder / "organisation.sqlite") as organisation:
        settings = settings_of(description, port)
        with (
            ExchangeServer(organisation, settings, authority=_authority(folder)) as server,
            ControlServer(server) as control,
        ):
            threading.Thread(target=_end_with_input, args=(ended,), daemon=True).start()
            if "life" in description:
                threading.Thread(
                    target=_live, args=(organisation, int(description["life"].get("seed", 1)), ended), daemon=True
                ).start()
            said = {"url": server.url, "authority": str(folder / "ca.pem"), "control": control.url, "key": control.key}
            print(json.dumps(said), flush=True)  # noqa: T201
            ended.wait()


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m mailkeep.simulator.serve", description="A simulated Exchange.")
    parser.add_argument("--folder", type=Path, required=True, help="where everything of it is kept")
    parser.add_argument("--port", type=int, default=0, help="of HTTPS; any free one when left out")
    return parser


def _authority(folder: Path) -> Authority:
    """The one of the last start, so that who trusted it still does."""
    kept = folder / "authority.key"
    if kept.exists():
        return Authority.read(kept.read_text())
    authority = Authority(datetime.now(UTC))
    with os.fdopen(os.open(kept, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(authority.private())
    (folder / "ca.pem").write_text(authority.pem)
    return authority


def _end_with_input(ended: threading.Event) -> None:
    while os.read(sys.stdin.fileno(), 1024):
        pass
    ended.set()


def _live(organisation: Organisation, seed: int, ended: threading.Event) -> None:
    life = Life(organisation, seed)
    while not ended.wait(life.pause()):
        happened = life.step()
        if happened:
            log.info(happened)


if __name__ == "__main__":
    sys.exit(main())
