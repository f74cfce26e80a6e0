"""Steering a simulated Exchange that runs in a process of its own: JSON commands over plain HTTP on loopback, with a key.

    POST /   Authorization: Bearer KEY   {"do": "fault", "kind": "busy_short", "mailbox": "anna@…", "times": 2}
                                       → {"number": 1}

| do             | takes                                              | gives                         |
|----------------|----------------------------------------------------|-------------------------------|
| `fault`        | the fields of `faults.Fault`                       | number                        |
| `remove_fault` | number                                             |                               |
| `clear_faults` |                                                    |                               |
| `token`        | user, seconds, app_only                            | token                         |
| `record`       |                                                    | counts, broken, told, errors, struck |
| `forget`       | (back-offs and what broke them)                    |                               |
| `deliver`      | mailbox, folder, mime in base64, read              | id                            |
| `remove`       | mailbox, id, kind (hard, soft, trash)              |                               |
| `read`         | mailbox, id, on                                    |                               |
| `move`         | mailbox, id, folder                                | id                            |
| `live`         | steps, seed                                        | happened                      |

A folder is a distinguished name ("inbox"), or names below the mailbox's top ("Projects/2026").
"""

from __future__ import annotations

import base64
import json
import secrets
import threading
from collections.abc import Callable
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from mailkeep.simulator.ews.faults import Fault
from mailkeep.simulator.ews.messages import message_from_mime
from mailkeep.simulator.ews.server import ExchangeServer
from mailkeep.simulator.exchange.errors import NotFound
from mailkeep.simulator.exchange.mailbox import Mailbox
from mailkeep.simulator.exchange.values import Folder, Item
from mailkeep.simulator.life_exchange import Life

Answer = dict[str, Any]


class Control:
    """The commands on one server, without the line."""

    def __init__(self, server: ExchangeServer) -> None:
        self._server = server
        self._organisation = server.organisation
        self._lives: dict[int, Life] = {}

    def carry_out(self, command: dict[str, Any]) -> Answer:
        """Raises KeyError, TypeError and ValueError for a command that is none."""
        given = dict(command)
        doing: Callable[..., Answer] = getattr(self, f"do_{given.pop('do')}")
        return doing(**given)

    def do_fault(self, **fields: Any) -> Answer:
        return {"number": self._server.faults.add(Fault(**fields))}

    def do_remove_fault(self, number: int) -> Answer:
        self._server.faults.remove(number)
        return {}

    def do_clear_faults(self) -> Answer:
        self._server.faults.clear()
        return {}

    def do_token(self, user: str, seconds: float = 3600, app_only: bool = False) -> Answer:
        return {"token": self._server.authenticator.make_token(user, seconds=seconds, app_only=app_only)}

    def do_record(self) -> Answer:
        return {
            "counts": self._server.recorder.counts(),
            "errors": list(self._server.recorder.errors),
            "told": self._server.watch.told,
            "broken": [asdict(each) for each in self._server.watch.broken],
            "struck": [list(each) for each in self._server.faults.struck],
        }

    def do_forget(self) -> Answer:
        self._server.watch.forget()
        return {}

    def do_deliver(self, mailbox: str, folder: str, mime: str, read: bool = False) -> Answer:
        held = self._mailbox(mailbox)
        item, attachments = message_from_mime(base64.b64decode(mime))
        item.received, item.read = self._organisation.clock(), read
        return {"id": held.add(folder_named(held, folder), item, attachments).id}

    def do_remove(self, mailbox: str, id: int, kind: Any = "hard") -> Answer:
        held = self._mailbox(mailbox)
        held.delete(_item(held, id), kind)
        return {}

    def do_read(self, mailbox: str, id: int, on: bool = True) -> Answer:
        held = self._mailbox(mailbox)
        held.mark_read(_item(held, id), on)
        return {}

    def do_move(self, mailbox: str, id: int, folder: str) -> Answer:
        held = self._mailbox(mailbox)
        return {"id": held.move(_item(held, id), folder_named(held, folder)).id}

    def do_live(self, steps: int = 1, seed: int = 1) -> Answer:
        life = self._lives.setdefault(seed, Life(self._organisation, seed))
        return {"happened": [life.step() for _ in range(steps)]}

    def _mailbox(self, address: str) -> Mailbox:
        found = self._organisation.mailbox(address)
        if found is None:
            raise ValueError(f"no mailbox {address}")
        return found


def _item(mailbox: Mailbox, number: int) -> Item:
    found = mailbox.item(number)
    if found is None:
        raise ValueError(f"no item {number} in {mailbox.address}")
    return found


def folder_named(mailbox: Mailbox, name: str) -> Folder:
    """By distinguished name, or by the path of names below the top; made where it is missing."""
    found = mailbox.distinguished(name)
    if found is not None:
        return found
    place = mailbox.well_known("msgfolderroot")
    for part in name.split("/"):
        below = {child.name: child for child in mailbox.children(place)}
        place = below.get(part) or mailbox.add_folder(place, part)
    return place


class ControlServer:
    """`with ControlServer(server) as control: control.url, control.key`."""

    def __init__(self, server: ExchangeServer) -> None:
        self.key = secrets.token_urlsafe(24)
        self._listener = ThreadingHTTPServer(("127.0.0.1", 0), _handler(Control(server), self.key))
        self._listener.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._listener.server_address[1]}/"
        self._thread = threading.Thread(target=self._listener.serve_forever, args=(0.05,), name="control", daemon=True)

    def __enter__(self) -> ControlServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown()
        self._thread.join()
        self._listener.server_close()


def _handler(control: Control, key: str) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 30

        def do_POST(self) -> None:
            given = self.headers.get("Authorization", "")
            if not secrets.compare_digest(given.encode(), f"Bearer {key}".encode()):
                self._say(401, {"error": "the key is wrong"})
                return
            try:
                command = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
                answer = control.carry_out(command)
            except (AttributeError, KeyError, TypeError, ValueError, NotFound) as error:
                self._say(400, {"error": f"{type(error).__name__}: {error}"})
                return
            self._say(200, answer)

        def _say(self, status: int, answer: Answer) -> None:
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: Any) -> None:
            """Nothing: the caller has the answer."""

    return Handler
