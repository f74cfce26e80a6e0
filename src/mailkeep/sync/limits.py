"""A limit on everything a run may hold, and why it is that large."""

from __future__ import annotations

from dataclasses import dataclass

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True, slots=True)
class Limits:
    batch_bytes: int = 32 * MIB  # one history entry, two packs, one commit: what a crash repeats at most
    batch_items: int = 5_000  # keeps an entry and its transaction small where messages are tiny
    batch_parts: int = 50_000  # native parts of an entry: each costs it some 70 bytes, where an event may have hundreds
    batch_seconds: float = 300.0  # a slow server's items become visible at least this often
    group_bytes: int = 4 * MIB  # contents that share one look into the blob index
    group_items: int = 200
    group_blobs: int = 1_000  # contents and native parts: what one look into the index is asked for
    stream_bytes: int = 12 * MIB  # fetched and not yet archived, of one mailbox
    large_bytes: int = 4 * MIB  # from here on an item travels alone, and the whole process carries few of them at once
    item_bytes: int = 256 * MIB  # larger items are left out (`item_too_large`): one must fit into memory
    sorted_records: int = 10_000  # of one staging, held in memory before it goes to disk; at 1–4 kB each
    word_characters: int = 1_000  # of a subject, a sender, recipients: a listing may be hostile
    find_items: int = 1_000  # ids asked of `Known` at once
    shrink_items: int = 50  # more than this many gone …
    shrink_share: float = 0.5  # … and more than this share of the mailbox: a person has to confirm


DEFAULT_LIMITS = Limits()
