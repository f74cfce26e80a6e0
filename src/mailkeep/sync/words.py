"""Words of a server made fit to be written down: no NUL, which no database takes, no half of a surrogate pair, which has
no UTF-8 form. Both become U+FFFD, so that what is compared later is what was stored. A message's bytes are not touched.
"""

from __future__ import annotations

import re
from dataclasses import replace

from mailkeep.mail.items import Folder, ItemRef

_UNFIT = re.compile("[\0\ud800-\udfff]")


def cleaned(text: str) -> str:
    return _UNFIT.sub("\ufffd", text)


def presentable_folder(folder: Folder) -> Folder:
    """The folder under a path that can be stored. Its id, by which the connector finds it, stays."""
    path = tuple(map(cleaned, folder.path))
    return folder if path == folder.path else replace(folder, path=path)


def presentable(ref: ItemRef, characters: int) -> ItemRef:
    """A listing may be hostile: its words are cut to what a view can show. The message itself keeps what it says."""
    words = (ref.subject, ref.sender, ref.recipients, ref.message_id)
    if sum(map(len, words)) <= characters and not any(map(_UNFIT.search, words)):
        return ref
    subject, sender, recipients, message_id = (cleaned(word[:characters]) for word in words)
    return replace(ref, subject=subject, sender=sender, recipients=recipients, message_id=message_id)
