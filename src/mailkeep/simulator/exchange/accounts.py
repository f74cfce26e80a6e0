"""Who signs in, and to whose mailboxes they have full access. Passwords here are made up, so the file holds them."""

# ruff: noqa: S608 - only names of columns and tables, all of our own, are put into statements

from __future__ import annotations

from mailkeep.simulator.exchange.store import Row, Store
from mailkeep.simulator.exchange.values import Account

_COLUMNS = "user, password, mailbox, impersonates, disabled"


def _account(row: Row) -> Account:
    return Account(row[0], row[1], row[2], bool(row[3]), bool(row[4]))


def put(store: Store, account: Account) -> None:
    store.run(
        "INSERT OR REPLACE INTO accounts VALUES (?, ?, ?, ?, ?)",
        account.user, account.password, account.mailbox, account.impersonates, account.disabled,
    )  # fmt: skip


def find(store: Store, user: str) -> Account | None:
    """As it was added, or by the part after DOMAIN\\ where only one account has it."""
    row = store.one(f"SELECT {_COLUMNS} FROM accounts WHERE user = ?", user)
    if row is not None:
        return _account(row)
    bare = user.rpartition("\\")[2].casefold()
    fitting = [each for each in every(store) if each.user.rpartition("\\")[2].casefold() == bare]
    return fitting[0] if len(fitting) == 1 else None


def of_mailbox(store: Store, address: str) -> Account | None:
    row = store.one(f"SELECT {_COLUMNS} FROM accounts WHERE mailbox = ? ORDER BY user LIMIT 1", address)
    return None if row is None else _account(row)


def every(store: Store) -> list[Account]:
    return [_account(row) for row in store.all(f"SELECT {_COLUMNS} FROM accounts ORDER BY user")]


def give_full_access(store: Store, user: str, mailbox: int, on: bool) -> None:
    if on:
        store.run("INSERT OR IGNORE INTO full_access VALUES (?, ?)", user, mailbox)
    else:
        store.run("DELETE FROM full_access WHERE user = ? AND mailbox = ?", user, mailbox)


def has_full_access(store: Store, user: str, mailbox: int) -> bool:
    return store.one("SELECT 1 FROM full_access WHERE user = ? AND mailbox = ?", user, mailbox) is not None
