"""The organisation: its mailboxes, who may open them, and its directory.

    organisation = Organisation(path, clock=clock, seed=7)
    anna = organisation.add_mailbox("anna@halden.example", "Anna Vogt", language="de", archive=True)
    organisation.add_account("HALDEN\\\\svc-mailkeep", "a made-up password", impersonates=True)
    inbox = anna.well_known("inbox")
    anna.add(inbox, Item("IPM.Note", "Message", {"Subject": "Hello"}, mime=b"…"))

Opened again from its file it is the same one: ids, changes and the sync states it gave hold on. Everything in it follows
from the seed, the clock and the order of calls.
"""

# ruff: noqa: S608 - only names of columns and tables, all of our own, are put into statements

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from threading import RLock
from types import TracebackType
from uuid import UUID

from mailkeep.simulator.exchange import accounts, directory, folders
from mailkeep.simulator.exchange.mailbox import Mailbox
from mailkeep.simulator.exchange.store import Store, stamp
from mailkeep.simulator.exchange.values import Account, Entry
from mailkeep.simulator.exchange.wellknown import PRIMARY


def real_clock() -> datetime:
    return datetime.now(UTC)


class Organisation:
    """Thread-safe: one lock round the one store. `path` None: in memory."""

    def __init__(
        self,
        path: Path | None,
        *,
        clock: Callable[[], datetime] = real_clock,
        seed: int = 1,
        version: str = "Exchange2016",
        domain: str = "",
    ) -> None:
        self.clock = clock
        self.version = version
        self._store = Store(path)
        self.seed = int(self._store.meta("seed", str(seed)))
        self.guid = self._store.meta("guid", str(self._uuid("organisation")))
        self._domain = domain or self._store.meta("domain", "")
        for name, value in (("seed", str(self.seed)), ("guid", self.guid), ("domain", self._domain)):
            self._store.set_meta(name, value)
        self._mailboxes: dict[int, Mailbox] = {}

    def __enter__(self) -> Organisation:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._store.close()

    def _uuid(self, of: str) -> UUID:
        return UUID(bytes=blake2b(f"{self.seed}:{of}".encode(), digest_size=16).digest(), version=4)

    @property
    def domain(self) -> str:
        """Given, or of the first mailbox's address; "" while there is none."""
        if self._domain:
            return self._domain
        first = self._store.one("SELECT address FROM mailboxes ORDER BY id LIMIT 1")
        return "" if first is None else str(first[0]).partition("@")[2]

    @property
    def lock(self) -> RLock:
        """Held, nobody else changes anything."""
        return self._store.lock

    @contextmanager
    def writing(self) -> Iterator[None]:
        """One transaction around many changes: twenty times faster, and all or nothing."""
        with self._store.writing():
            yield

    @property
    def change(self) -> int:
        """The last number of the one counter that items, folders and changes share."""
        return self._store.number

    # Mailboxes

    def add_mailbox(
        self, address: str, name: str, *, archive: bool = False, aliases: Sequence[str] = (), language: str = "en"
    ) -> Mailbox:
        """With all well-known folders, called as in that language (ISO 639-1), and an entry in the directory."""
        with self._store.writing():
            number = self._store.next_number()
            self._store.run(
                "INSERT INTO mailboxes (id, guid, address, name, language) VALUES (?, ?, ?, ?, ?)",
                number, str(self._uuid(address.lower())), address, name, language,
            )  # fmt: skip
            for alias in aliases:
                self._store.run("INSERT INTO aliases VALUES (?, ?)", alias, number)
            folders.plant(self._store, number, language, PRIMARY, stamp(self.clock()) or 0)
            mailbox = Mailbox(self._store, number, self.clock)
            if archive:
                mailbox.add_archive()
            directory.put(self._store, Entry(address, name))
        self._mailboxes[number] = mailbox
        return mailbox

    def mailbox(self, address: str) -> Mailbox | None:
        """By its address or an alias, whatever the case."""
        row = self._store.one(
            "SELECT id FROM mailboxes WHERE address = ? UNION SELECT mailbox FROM aliases WHERE address = ?",
            address,
            address,
        )
        return None if row is None else self.mailbox_by_id(row[0])

    def mailbox_by_id(self, number: int) -> Mailbox | None:
        if number not in self._mailboxes:
            if self._store.one("SELECT 1 FROM mailboxes WHERE id = ?", number) is None:
                return None
            self._mailboxes[number] = Mailbox(self._store, number, self.clock)
        return self._mailboxes[number]

    def mailbox_by_guid(self, guid: str) -> Mailbox | None:
        row = self._store.one("SELECT id FROM mailboxes WHERE guid = ?", guid)
        return None if row is None else self.mailbox_by_id(row[0])

    def mailboxes(self) -> list[Mailbox]:
        found = (self.mailbox_by_id(row[0]) for row in self._store.all("SELECT id FROM mailboxes ORDER BY id"))
        return [each for each in found if each is not None]

    def remove_mailbox(self, mailbox: Mailbox) -> None:
        """As if it had never been: its address resolves to nothing, its ids to no mailbox."""
        with self._store.writing():
            held = "item IN (SELECT id FROM items WHERE mailbox = ?)"
            for condition in (f"attachments WHERE {held}", f"occurrences WHERE {held}"):
                self._store.run(f"DELETE FROM {condition}", mailbox.id)
            for table in ("folders", "items", "folder_tombstones", "aliases", "full_access"):
                self._store.run(f"DELETE FROM {table} WHERE mailbox = ?", mailbox.id)
            self._store.run("DELETE FROM mailboxes WHERE id = ?", mailbox.id)
            self._store.run("DELETE FROM directory WHERE address = ?", mailbox.address)
        self._mailboxes.pop(mailbox.id, None)

    # Accounts and rights

    def add_account(
        self,
        user: str,
        password: str,
        address: str | None = None,
        *,
        impersonates: bool = False,
        disabled: bool = False,
    ) -> Account:
        """Somebody who signs in; `address`: of their own mailbox. In the place of an account of that name."""
        own = None if address is None else self.mailbox(address)
        account = Account(user, password, None if own is None else own.address, impersonates, disabled)
        accounts.put(self._store, account)
        return account

    def account(self, user: str) -> Account | None:
        """By the name they type: as added, or without its DOMAIN\\, or the address of its mailbox."""
        found = accounts.find(self._store, user)
        if found is None and (own := self.mailbox(user)) is not None:
            found = accounts.of_mailbox(self._store, own.address)
        return found

    def accounts(self) -> list[Account]:
        return accounts.every(self._store)

    def give_full_access(self, account: Account, mailbox: Mailbox, on: bool = True) -> None:
        accounts.give_full_access(self._store, account.user, mailbox.id, on)

    def full_access(self, account: Account, mailbox: Mailbox) -> bool:
        """To one's own mailbox, and to those one was given."""
        return account.mailbox == mailbox.address or accounts.has_full_access(self._store, account.user, mailbox.id)

    # Directory

    def describe(self, address: str, **details: str) -> Entry:
        """Say more of an entry of the directory: JobTitle="Buyer", Department=… (see `values.Entry`)."""
        return directory.describe(self._store, address, details)

    def add_contact(self, address: str, name: str, **details: str) -> Entry:
        """Somebody outside whom the directory lists."""
        return directory.put(self._store, Entry(address, name, "contact", details))

    def add_distribution_list(self, address: str, name: str, members: Sequence[str]) -> Entry:
        """`members`: addresses, of lists too."""
        return directory.put_list(self._store, Entry(address, name, "list"), members)

    def resolve(self, text: str) -> list[Entry]:
        """Who is meant: beginnings of a name's words, of an address or an alias (ambiguous name resolution)."""
        return directory.resolve(self._store, text)

    def entry(self, address: str) -> Entry | None:
        """By its address or an alias."""
        found = self.mailbox(address)
        return directory.entry(self._store, address if found is None else found.address)

    def entries(self) -> list[Entry]:
        return directory.every(self._store)

    def expand(self, address: str) -> list[Entry] | None:
        """The members of a distribution list, lists among them unexpanded; None where there is no such list."""
        return directory.expand(self._store, address)
