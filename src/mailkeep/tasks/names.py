"""Names people give: of a task (SPEC A5), and by the same rule of a connection and a group."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from mailkeep.errors import GiveUp

LENGTH_MAX = 100  # characters


def checked_name(typed: str, taken: Iterable[str] = (), thing: str = "task") -> str:
    """The name as it is kept: trimmed, in one Unicode form (NFC).

    Raises `GiveUp` with `bad_name` where it is empty, too long or unprintable, `name_taken` where another has it,
    letter case aside. `taken` are the names of the *others*: changing a task must not collide with itself.
    """
    name = unicodedata.normalize("NFC", typed).strip()
    if not name:
        raise GiveUp("bad_name", f"the {thing} needs a name", "type a descriptive name")
    if len(name) > LENGTH_MAX:
        message = f"the name of a {thing} has at most {LENGTH_MAX} characters; this one has {len(name)}"
        raise GiveUp("bad_name", message, "shorten it")
    if not name.isprintable():
        raise GiveUp("bad_name", f"the name of the {thing} holds a character that does not show", "type it again")
    if name.lower() in {other.lower() for other in taken}:
        raise GiveUp("name_taken", f"there is already a {thing} named {name}", "choose another name")
    return name
