"""An archive of version 1, frozen: whatever becomes of the code, it has to read these very bytes.

`vectors.json` was made by this file, once (in tests: `python -m archive.vectors`), and is not to be made again: a new
version of the format gets vectors of its own.
"""

from __future__ import annotations

import base64
import hashlib
import json
import random
import tempfile
from pathlib import Path

from mailkeep.archive import witness
from mailkeep.store.memory import MemoryStore

from .small import ALICE, BOB, NOON, Small

FILE = Path(__file__).with_name("vectors.json")


def freeze() -> dict[str, object]:
    """The small archive with Alice's history folded, and what it holds."""
    store = MemoryStore()
    with tempfile.TemporaryDirectory() as folder:
        small = Small.make(store, Path(folder), attachment=random.Random(7).randbytes(9000))
        key_file = small.key_file.read_text()
    witness.write(small.repository, small.heads, NOON)
    small.repository.history(ALICE).chain.fold(remove=True)
    return {
        "key_file": key_file,
        "objects": {name: base64.b64encode(data).decode() for name, data in sorted(store.objects.items())},
        "heads": {chain: [head.number, head.hash.hex()] for chain, head in small.heads.items()},
        "live": {
            mailbox: {
                str(item): hashlib.sha256(content).hexdigest() for item, content in small.contents[mailbox].items()
            }
            for mailbox in (ALICE, BOB)
        },
        "blobs": {
            mailbox: {str(item): blob.hex() for item, blob in small.blobs[mailbox].items()} for mailbox in (ALICE, BOB)
        },
        "derived": small.repository.derive("connections").hex(),
    }


if __name__ == "__main__":
    from mailkeep.archive import chain

    chain.FOLD = 2
    FILE.write_text(json.dumps(freeze(), indent=1) + "\n")
