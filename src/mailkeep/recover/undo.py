"""Taking a restore back: exactly what it created and nobody has changed since (SPEC E6). Folders that it made stay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from mailkeep.connectors.base import Connector
from mailkeep.mail.items import Folder
from mailkeep.progress import Progress, Report, silent
from mailkeep.recover.ports import Journal, Line, Source
from mailkeep.recover.reading import Ways
from mailkeep.recover.routes import told
from mailkeep.recover.run import created_line
from mailkeep.recover.survey import Survey


@dataclass(frozen=True, slots=True)
class Undone:
    removed: int
    kept: int  # changed, moved or gone since


def undo_restore(
    source: Source,
    connector: Connector,
    journal: Journal,
    into: tuple[str, ...] = (),
    ways: Ways | None = None,
    report: Report = silent,
) -> Undone:
    """Remove exactly what the restore created and nobody has changed since. Running it again changes nothing.

    `source` and `into` are the restore's own: what a killed attempt created before it could journal the id is found first.
    """
    _adopt(source, connector, journal, into, ways or Ways())
    folders = {told(folder): folder for folder in connector.folders()}
    lines = [line for line in journal.lines() if line.state in ("created", "verified", "differs")]
    removed = 0
    for number, line in enumerate(lines, 1):
        gone = _removed(connector, folders, line)
        journal.update([replace(line, state="undone" if gone else "kept")])
        removed += gone
        report(Progress("undoing", number, len(lines)))
    return Undone(removed, len(lines) - removed)


def _removed(connector: Connector, folders: Mapping[tuple[str, ...], Folder], line: Line) -> bool:
    folder = folders.get(line.folder)
    if folder is None or not line.created_id:
        return False
    stored = (line.stored_sha256 or line.sha256).hex()
    return connector.remove_created(folder, line.created_id, stored, line.version)


def _adopt(source: Source, connector: Connector, journal: Journal, into: tuple[str, ...], ways: Ways) -> None:
    lines = {line.item: line for line in journal.lines()}
    if not any(line.state == "intended" for line in lines.values()):
        return
    for target, actions in Survey(source, connector, into, ways, lines).steps():
        journal.update([created_line(target, action) for action in actions if action.ours])
