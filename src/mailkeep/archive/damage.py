"""What the archive says when bytes are not what they were."""

from __future__ import annotations

from mailkeep.errors import GiveUp


class Damaged(GiveUp):
    """An object that fails its proof. `object` names it in the store, `problem` says what is wrong in a clause."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(
            "damaged",
            f"{name}: {problem}",
            "run `mailkeep verify` to see all that is hit; bring the object back from a copy",
        )
        self.object = name
        self.problem = problem
