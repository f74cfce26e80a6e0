"""The versions of Exchange that the simulator can be, and what a request may ask of each."""

from __future__ import annotations

from dataclasses import dataclass

from mailkeep.simulator.ews.refusals import TYPES

# RequestServerVersion, oldest first; each server takes its own and everything older.
_SCHEMAS = (
    "Exchange2007", "Exchange2007_SP1", "Exchange2010", "Exchange2010_SP1", "Exchange2010_SP2",
    "Exchange2013", "Exchange2013_SP1", "Exchange2015", "Exchange2016",
)  # fmt: skip

# The first schema that knows an operation; the rest are as old as EWS.
_SINCE = {
    "SyncFolderHierarchy": "Exchange2007_SP1", "SyncFolderItems": "Exchange2007_SP1",
    "GetServerTimeZones": "Exchange2010", "ExportItems": "Exchange2010_SP1", "UploadItems": "Exchange2010_SP1",
    "EmptyFolder": "Exchange2010_SP1", "FindPeople": "Exchange2013", "ArchiveItem": "Exchange2013",
    "GetPersona": "Exchange2013", "MarkAllItemsAsRead": "Exchange2013",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ServerVersion:
    """`schema`: the newest RequestServerVersion it takes. `announced`: the Version of its ServerVersionInfo."""

    name: str
    build: tuple[int, int, int, int]
    schema: str
    announced: str

    def info(self) -> str:
        """The header element ServerVersionInfo."""
        major, minor, build, revision = self.build
        return (
            f'<h:ServerVersionInfo MajorVersion="{major}" MinorVersion="{minor}" MajorBuildNumber="{build}" '
            f'MinorBuildNumber="{revision}" Version="{self.announced}" xmlns:h="{TYPES}" xmlns="{TYPES}"/>'
        )

    def text(self) -> str:
        return ".".join(map(str, self.build))

    def hexadecimal(self) -> str:
        """As POX autodiscover has it: 73C08434 is 15.0.1076."""
        major, minor, build, _ = self.build
        return f"{7 << 28 | major << 22 | minor << 16 | 1 << 15 | build:08X}"

    def refusal(self, asked: str, operation: str) -> str:
        """Why a request of this RequestServerVersion ("": none given) is refused: an EWS code, or ""."""
        asked = asked or "Exchange2007"
        if asked.startswith("V") and asked[1:5].isdigit():  # dated versions of the cloud, which Exchange 2016 knows too
            asked = "Exchange2016"
        if asked not in _SCHEMAS or _SCHEMAS.index(asked) > _SCHEMAS.index(self.schema):
            return "ErrorInvalidServerVersion"
        if _SCHEMAS.index(asked) < _SCHEMAS.index(_SINCE.get(operation, "Exchange2007")):
            return "ErrorIncorrectSchemaVersion"
        return ""


VERSIONS = {
    version.name: version
    for version in (
        ServerVersion("Exchange2013_SP1", (15, 0, 847, 32), "Exchange2013_SP1", "V2_8"),
        ServerVersion("Exchange2013", (15, 0, 1497, 48), "Exchange2013_SP1", "V2_23"),
        ServerVersion("Exchange2016", (15, 1, 2507, 39), "Exchange2016", "V2017_07_11"),
        ServerVersion("Exchange2019", (15, 2, 1544, 11), "Exchange2016", "V2017_07_11"),
        ServerVersion("ExchangeSE", (15, 2, 2562, 17), "Exchange2016", "V2017_07_11"),
    )
}
