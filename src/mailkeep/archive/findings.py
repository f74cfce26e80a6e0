"""What `verify` finds: damage, and what each damage hits. Memory grows with the damage, not with the archive."""

from __future__ import annotations

from dataclasses import dataclass, field

ITEMS_SHOWN = 20
MISSING_PACK = "the pack is missing"
MISSING_BLOB = "no pack holds it"


@dataclass(frozen=True, slots=True)
class Damage:
    """What is wrong where, and what it hits.

    `object` is a name in the store (or `blob …`), `problem` a clause, `hits` one line per mailbox: "mailbox …: item 3".
    """

    object: str
    problem: str
    hits: list[str]


@dataclass(slots=True)
class _Finding:
    """By chain, what is hit in the order it was found; a dict for its order."""

    hits: dict[str, dict[str, None]] = field(default_factory=dict)


Key = tuple[str, str]  # object, problem


class Findings:
    """Every damage once, whichever way it was met."""

    def __init__(self) -> None:
        self._found: dict[Key, _Finding] = {}
        self.broken_packs: dict[bytes, Key] = {}
        self.broken_groups: dict[tuple[bytes, int], Key] = {}
        self.broken_blobs: dict[bytes, Key] = {}

    def note(self, name: str, problem: str) -> Key:
        key = (name, problem)
        self._found.setdefault(key, _Finding())
        return key

    def hit(self, key: Key, chain: str, what: str) -> None:
        """The damage touches `what` ("item 3", "entry 7") of that chain."""
        self._found.setdefault(key, _Finding()).hits.setdefault(chain, {})[what] = None

    def damages(self) -> list[Damage]:
        found = sorted(self._found.items())
        return [Damage(name, problem, _lines(finding)) for (name, problem), finding in found]


def _lines(finding: _Finding) -> list[str]:
    lines = []
    for chain, hit in sorted(finding.hits.items()):
        shown = ", ".join(list(hit)[:ITEMS_SHOWN])
        more = f" and {len(hit) - ITEMS_SHOWN} more" if len(hit) > ITEMS_SHOWN else ""
        lines.append(f"{chain if chain == 'organisation' else f'mailbox {chain}'}: {shown}{more}")
    return lines
