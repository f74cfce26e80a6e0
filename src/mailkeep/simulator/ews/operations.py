"""Every EWS operation the simulator speaks, by the name of its request element; each family's module brings its own."""

from __future__ import annotations

from mailkeep.simulator.ews import folder_operations, item_moves, sync_operations
from mailkeep.simulator.ews.envelope import Handler

OPERATIONS: dict[str, Handler] = {
    **folder_operations.HANDLERS,
    **item_moves.HANDLERS,
    **sync_operations.HANDLERS,
}
