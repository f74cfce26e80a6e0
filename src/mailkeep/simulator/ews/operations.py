"""Every EWS operation the simulator speaks, by the name of its request element; each family's module brings its own."""

from __future__ import annotations

from mailkeep.simulator.ews import (
    attachment_operations,
    convert_ids,
    directory_operations,
    export_operations,
    find_operations,
    folder_operations,
    item_moves,
    item_operations,
    sync_operations,
    timezone_operations,
    user_configuration,
)
from mailkeep.simulator.ews.envelope import Handler

OPERATIONS: dict[str, Handler] = {
    **attachment_operations.HANDLERS,
    **convert_ids.HANDLERS,
    **directory_operations.HANDLERS,
    **export_operations.HANDLERS,
    **find_operations.HANDLERS,
    **folder_operations.HANDLERS,
    **item_moves.HANDLERS,
    **item_operations.HANDLERS,
    **sync_operations.HANDLERS,
    **timezone_operations.HANDLERS,
    **user_configuration.HANDLERS,
}
