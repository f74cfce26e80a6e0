"""The peer of the Exchange benchmark: a straightforward exchangelib loop that saves a mailbox.

    REQUESTS_CA_BUNDLE=ca.pem python -m bench.exchange_peer URL USER PASSWORD MAILBOX OUT

What one would write first: every folder below the root, every item with all its fields, its MIME content (or what there
is of an item without) and its attachments, each into a file. One connection, exchangelib's own page and chunk sizes. The
files are not synced to the disk. Prints the number of items and the bytes written.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from exchangelib import BASIC, IMPERSONATION, Account, Build, Configuration, Credentials, FileAttachment, Version
from exchangelib.folders import Folder


def main() -> int:
    url, user, password, mailbox, out = sys.argv[1:]
    configuration = Configuration(
        service_endpoint=url,
        credentials=Credentials(user, password),
        auth_type=BASIC,
        version=Version(build=Build(15, 1)),
    )
    account = Account(mailbox, config=configuration, autodiscover=False, access_type=IMPERSONATION)
    target = Path(out)
    target.mkdir(parents=True)
    items = size = 0
    for folder in account.msg_folder_root.walk():
        for item in whole(folder):
            items += 1
            size += save(item, target / f"{items:08d}")
    sys.stdout.write(f"{items} {size}\n")
    return 0


def whole(folder: Folder) -> Iterator[Any]:
    for item in folder.all():
        if isinstance(item, Exception):
            raise item
        yield item


def save(item: Any, path: Path) -> int:
    """The bytes written."""
    content = item.mime_content or repr(item).encode()
    path.write_bytes(content)
    size = len(content)
    if not item.mime_content or type(item).__name__ in ("CalendarItem", "Contact", "Task"):
        for number, attachment in enumerate(item.attachments or []):
            if isinstance(attachment, FileAttachment):
                held = attachment.content
                path.with_suffix(f".{number}").write_bytes(held)
                size += len(held)
    return size


if __name__ == "__main__":
    sys.exit(main())
