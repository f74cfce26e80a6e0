"""A mailbox's history read from the archive into the catalog: after a crash the last few entries, in a rebuild all of
them.

Entries refer to folder descriptions and summaries by blob; they are read with one look into the index per entry. They
lie in packs of their own, in the order they were written, so reading them is reading those packs once, front to back.
"""

from __future__ import annotations

from collections.abc import Callable

from django.db import transaction

from mailkeep.archive.documents import decode_folder, decode_summary
from mailkeep.archive.events import Entry, FolderPut, Head, Put
from mailkeep.archive.repository import Repository
from mailkeep.catalog.models import Mailbox
from mailkeep.catalog.projecting import project
from mailkeep.errors import GiveUp
from mailkeep.mail.items import Folder
from mailkeep.store.base import NotFound
from mailkeep.sync.ports import Summary


def nobody_counts(items: int) -> None:
    """The default of those who count along."""


def catch_up(repository: Repository, mailbox: Mailbox, count: Callable[[int], None] = nobody_counts) -> int:
    """Project what the archive has and the catalog lacks; returns the entries. `count` is told the items of each.

    Each entry is a transaction, so that a killed catch-up goes on where it was. Call with the mailbox's lease held, or
    with nothing running.
    """
    row = Mailbox.objects.only("head_number", "head_hash").get(pk=mailbox.pk)
    history = repository.history(mailbox.uid.hex)
    _refuse_diverged(history.chain.head_at(row.head_number), bytes(row.head_hash), mailbox)
    entries = 0
    indexed = False
    for entry, head in history.read(after=row.head_number):
        try:
            told = _told(repository, entry)
        except NotFound:
            if indexed:
                raise
            repository.index_orphans()  # a crash of the database alone may have cost the index packs: they are stored
            indexed = True
            told = _told(repository, entry)
        folders, summaries, checkpoints = told
        with transaction.atomic():
            project(mailbox.pk, entry, head, folders, summaries)
            if checkpoints is not None:
                Mailbox.objects.filter(pk=mailbox.pk).update(checkpoints=checkpoints)
        entries += 1
        count(len(summaries))
    return entries


def _refuse_diverged(stored: Head, known: bytes, mailbox: Mailbox) -> None:
    """The catalog's last entry has to be the archive's of that number: other entries' items must not be mixed."""
    if stored.number and stored.hash != known:
        raise GiveUp(
            "catalog_diverged",
            f"the catalog and the archive differ in entry {stored.number} of {mailbox.address}",
            "run: mailkeep verify, then mailkeep rebuild",
        )


def _told(repository: Repository, entry: Entry) -> tuple[dict[int, Folder], dict[int, Summary], bytes | None]:
    """All that an entry refers to: folders, summaries, checkpoints. Raises Damaged and NotFound."""
    checkpoints = repository.read(entry.checkpoint) if entry.checkpoint else None
    return *documents(repository, entry), checkpoints


def documents(repository: Repository, entry: Entry) -> tuple[dict[int, Folder], dict[int, Summary]]:
    """The folders and summaries an entry's events name, by folder and item number."""
    puts = [event for event in entry.events if isinstance(event, Put)]
    folder_puts = [event for event in entry.events if isinstance(event, FolderPut)]
    described = [event.description for event in folder_puts]
    found = list(repository.read_many([*described, *(event.summary for event in puts)]))
    folders = {event.folder: decode_folder(data) for event, (_, data) in zip(folder_puts, found, strict=False)}
    told = found[len(folder_puts) :]
    summaries = {event.item: Summary(**decode_summary(data)) for event, (_, data) in zip(puts, told, strict=True)}
    return folders, summaries
