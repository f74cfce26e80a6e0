"""The directory: mailboxes, people outside, distribution lists; who is meant by a few letters."""

# ruff: noqa: S608 - only names of columns and tables, all of our own, are put into statements

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from mailkeep.simulator.exchange.errors import NotFound
from mailkeep.simulator.exchange.store import Row, Store
from mailkeep.simulator.exchange.values import Entry

_COLUMNS = "directory.address, directory.name, kind, details"


def _entry(row: Row) -> Entry:
    return Entry(row[0], row[1], row[2], json.loads(row[3]))


def put(store: Store, entry: Entry) -> Entry:
    details = json.dumps(dict(entry.details), ensure_ascii=False)
    store.run("INSERT OR REPLACE INTO directory VALUES (?, ?, ?, ?)", entry.address, entry.name, entry.kind, details)
    return entry


def put_list(store: Store, entry: Entry, members: Sequence[str]) -> Entry:
    with store.writing():
        put(store, entry)
        store.run("DELETE FROM members WHERE list = ?", entry.address)
        for place, address in enumerate(members):
            store.run("INSERT INTO members VALUES (?, ?, ?)", entry.address, place, address)
    return entry


def describe(store: Store, address: str, details: Mapping[str, str]) -> Entry:
    """Raises NotFound."""
    known = entry(store, address)
    if known is None:
        raise NotFound(address)
    return put(store, Entry(known.address, known.name, known.kind, {**known.details, **details}))


def entry(store: Store, address: str) -> Entry | None:
    row = store.one(f"SELECT {_COLUMNS} FROM directory WHERE address = ?", address)
    return None if row is None else _entry(row)


def every(store: Store) -> list[Entry]:
    return [_entry(row) for row in store.all(f"SELECT {_COLUMNS} FROM directory ORDER BY name, address")]


def resolve(store: Store, text: str) -> list[Entry]:
    """By the beginnings of words, of an address, of an alias; `smtp:` and a whole address mean just that one."""
    wanted = text.strip().casefold().removeprefix("smtp:")
    if not wanted:
        return []
    aliases = {row[0].casefold(): row[1].casefold() for row in store.all(
        "SELECT aliases.address, mailboxes.address FROM aliases JOIN mailboxes ON mailboxes.id = mailbox"
    )}  # fmt: skip
    entries = every(store)
    exact = aliases.get(wanted, wanted)
    same = [each for each in entries if each.address.casefold() == exact]
    by_alias = {address for alias, address in aliases.items() if alias.startswith(wanted)}
    return same or [each for each in entries if _fits(each, wanted) or each.address.casefold() in by_alias]


def _fits(entry: Entry, wanted: str) -> bool:
    name = entry.name.casefold()
    if name.startswith(wanted) or entry.address.casefold().startswith(wanted):
        return True
    words = name.split()
    return all(any(word.startswith(part) for word in words) for part in wanted.split())


def expand(store: Store, address: str) -> list[Entry] | None:
    known = entry(store, address)
    if known is None or known.kind != "list":
        return None
    members = (row[0] for row in store.all("SELECT address FROM members WHERE list = ? ORDER BY place", address))
    return [entry(store, member) or Entry(member, member, "contact") for member in members]
