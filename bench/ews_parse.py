"""Reading answers of Exchange Web Services: exchangelib, plain lxml, and our own wire code, on the same bytes.

    python -m bench.ews_parse [--rounds N]

| answer | what a reader makes of it |
|---|---|
| GetItem, 500 letters | the MIME of each, and its id |
| GetItem, 4 large letters | likewise |
| GetItem, 500 meetings | the iCalendar of each, and its properties: ours keep the element as it came, the others make objects |
| SyncFolderItems, 500 | ids, class, times, size, flags, subject, sender, … of each change |

Each reader runs in a process of its own and reads the answer from a file in chunks of 64 KiB, as from a socket. Figures are
CPU time, the median of the rounds, and the growth of the resident set at its peak over what the process had after it had
read a small answer of the same kind. Nothing here uses a network.
"""

from __future__ import annotations

import argparse
import base64
import json
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest.mock import MagicMock

from exchangelib.services import GetItem, SyncFolderItems
from lxml import etree

from mailkeep.connectors.base import Listed
from mailkeep.connectors.ews.wire import listing
from mailkeep.connectors.ews.wire.names import MESSAGES, TYPES, T
from mailkeep.connectors.ews.wire.responses import read

CHUNK = 65_536

# --- answers -----------------------------------------------------------------------------------------------------------


def answer(operation: str, messages: Iterator[str]) -> Iterator[str]:
    yield (
        '<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Header>'
        '<h:ServerVersionInfo MajorVersion="15" MinorVersion="2" MajorBuildNumber="1544" MinorBuildNumber="4"'
        f' xmlns:h="{TYPES}"/></s:Header><s:Body><m:{operation}Response xmlns:m="{MESSAGES}" xmlns:t="{TYPES}">'
        "<m:ResponseMessages>"
    )
    yield from messages
    yield f"</m:ResponseMessages></m:{operation}Response></s:Body></s:Envelope>"


def got(item: str) -> str:
    return (
        '<m:GetItemResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode>'
        f"<m:Items>{item}</m:Items></m:GetItemResponseMessage>"
    )


def item_id(number: int) -> str:
    return f'<t:ItemId Id="AAMkAD{number:0140d}=" ChangeKey="CQAAABYAAAC{number:020d}"/>'


def letters(count: int, size: int) -> Iterator[str]:
    source = random.Random(1)
    for number in range(count):
        mime = base64.b64encode(source.randbytes(int(size * source.uniform(0.5, 1.5)))).decode()
        text = f'<t:MimeContent CharacterSet="UTF-8">{mime}</t:MimeContent>'
        yield got(f"<t:Message>{text}{item_id(number)}</t:Message>")


def person(number: int) -> str:
    return (
        f"<t:Mailbox><t:Name>Person {number}</t:Name><t:EmailAddress>p{number}@firma.example</t:EmailAddress>"
        "<t:RoutingType>SMTP</t:RoutingType><t:MailboxType>Mailbox</t:MailboxType></t:Mailbox>"
    )


def meetings(count: int) -> Iterator[str]:
    for number in range(count):
        calendar = base64.b64encode(b"BEGIN:VCALENDAR\r\n" + b"X-LINE:text of a meeting\r\n" * 100).decode()
        attendees = "".join(
            f"<t:Attendee>{person(one)}<t:ResponseType>Accept</t:ResponseType></t:Attendee>" for one in range(8)
        )
        yield got(
            f'<t:CalendarItem><t:MimeContent CharacterSet="UTF-8">{calendar}</t:MimeContent>{item_id(number)}'
            "<t:ItemClass>IPM.Appointment</t:ItemClass><t:Subject>Jour fixe</t:Subject><t:Sensitivity>Normal</t:Sensitivity>"
            f'<t:Body BodyType="HTML">{"&lt;p&gt;agenda&lt;/p&gt;" * 60}</t:Body><t:Size>4711</t:Size>'
            "<t:DateTimeReceived>2026-03-01T09:00:00Z</t:DateTimeReceived><t:Importance>Normal</t:Importance>"
            "<t:IsDraft>false</t:IsDraft><t:DateTimeCreated>2026-03-01T09:00:00Z</t:DateTimeCreated>"
            "<t:ReminderIsSet>true</t:ReminderIsSet><t:ReminderMinutesBeforeStart>15</t:ReminderMinutesBeforeStart>"
            "<t:HasAttachments>false</t:HasAttachments><t:Culture>de-DE</t:Culture>"
            "<t:LastModifiedTime>2026-03-01T09:00:00Z</t:LastModifiedTime><t:UID>040000008200E00074C5B7101A82E008</t:UID>"
            "<t:Start>2026-03-02T08:00:00Z</t:Start><t:End>2026-03-02T08:30:00Z</t:End><t:IsAllDayEvent>false</t:IsAllDayEvent>"
            "<t:LegacyFreeBusyStatus>Busy</t:LegacyFreeBusyStatus><t:Location>Raum 5</t:Location><t:IsMeeting>true</t:IsMeeting>"
            "<t:CalendarItemType>Single</t:CalendarItemType><t:MyResponseType>Organizer</t:MyResponseType>"
            f"<t:Organizer>{person(0)}</t:Organizer><t:RequiredAttendees>{attendees}</t:RequiredAttendees></t:CalendarItem>"
        )


def changes(count: int) -> Iterator[str]:
    source = random.Random(2)
    yield (
        '<m:SyncFolderItemsResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode>'
        f"<m:SyncState>{'H4sIAAAA' * 500}</m:SyncState><m:IncludesLastItemInRange>true</m:IncludesLastItemInRange><m:Changes>"
    )
    for number in range(count):
        key = base64.b64encode(source.randbytes(16)).decode()
        yield (
            f"<t:Create><t:Message>{item_id(number)}<t:ItemClass>IPM.Note</t:ItemClass><t:Subject>Budget &amp; plan {number}"
            "</t:Subject><t:Sensitivity>Normal</t:Sensitivity><t:DateTimeReceived>2026-01-02T03:04:05Z</t:DateTimeReceived>"
            f"<t:Size>{1000 + number}</t:Size><t:IsDraft>false</t:IsDraft><t:DateTimeSent>2026-01-02T03:04:05Z</t:DateTimeSent>"
            "<t:DateTimeCreated>2026-01-02T03:04:05Z</t:DateTimeCreated><t:ExtendedProperty>"
            f'<t:ExtendedFieldURI PropertyTag="0x300b" PropertyType="Binary"/><t:Value>{key}</t:Value></t:ExtendedProperty>'
            "<t:DisplayTo>Anna; Ben</t:DisplayTo><t:LastModifiedTime>2026-01-02T03:05:05Z</t:LastModifiedTime>"
            f"<t:Flag><t:FlagStatus>NotFlagged</t:FlagStatus></t:Flag><t:From>{person(number)}</t:From>"
            f"<t:InternetMessageId>&lt;{number}@firma.example&gt;</t:InternetMessageId><t:IsRead>true</t:IsRead></t:Message>"
            "</t:Create>"
        )
    yield "</m:Changes></m:SyncFolderItemsResponseMessage>"


ANSWERS: dict[str, Callable[[int], Iterator[str]]] = {
    "GetItem, 500 letters of 24 KB": lambda part: answer("GetItem", letters(500 // part, 24_000)),
    "GetItem, 4 letters of 25 MB": lambda part: answer("GetItem", letters(4, 25_000_000 // part)),
    "GetItem, 500 meetings": lambda part: answer("GetItem", meetings(500 // part)),
    "SyncFolderItems, 500": lambda part: answer("SyncFolderItems", changes(500 // part)),
}

# --- readers -----------------------------------------------------------------------------------------------------------


def chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk


def by_exchangelib(path: Path, sync: bool) -> tuple[int, int]:
    """Its own reading of an answer, without its HTTP: the answer whole (as `requests` gives it), a tree, objects."""
    document = b"".join(chunks(path))
    items = size = 0
    if sync:
        for _, item in SyncFolderItems(account=MagicMock()).parse(document):
            items += 1
            size += len(item.subject)
        return items, size
    for item in GetItem(account=MagicMock()).parse(document):
        items += 1
        size += len(item.mime_content)
    return items, size


def by_lxml(path: Path, sync: bool) -> tuple[int, int]:
    """What one would write first: the whole tree, then its texts."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True)
    for chunk in chunks(path):
        parser.feed(chunk)
    root = parser.close()
    items = size = 0
    if sync:
        for element in root.iter(f"{T}Message"):
            held = {child.tag: child.text for child in element}
            items += 1
            size += len(held[f"{T}Subject"] or "")
        return items, size
    for element in root.iter(f"{T}MimeContent"):
        items += 1
        size += len(base64.b64decode(element.text or ""))
    return items, size


def by_us(path: Path, sync: bool) -> tuple[int, int]:
    """As the connector does: messages one by one; of items content and verbatim element, of changes `ItemRef`s."""
    items = size = 0
    for message in read(chunks(path)):
        if sync:
            for change in listing.read_items_page(message).changes:
                assert isinstance(change, Listed)
                items += 1
                size += len(change.ref.subject)
        else:
            assert message.content is not None
            assert message.verbatim()
            items += 1
            size += len(message.content.content)
    return items, size


READERS = {"exchangelib": by_exchangelib, "lxml": by_lxml, "ours": by_us}

# --- measuring ---------------------------------------------------------------------------------------------------------


def measured(reader: str, path: Path, small: Path, rounds: int) -> dict[str, float]:
    """In a process of its own."""
    command = [sys.executable, "-m", "bench.ews_parse", "--one", reader, str(path), str(small), str(rounds)]
    return dict(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))


def one(reader: str, path: Path, small: Path, rounds: int) -> dict[str, float]:
    sync = "Sync" in path.name
    run = READERS[reader]
    run(small, sync)
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before = resident("VmRSS")
    seconds, items, size = [], 0, 0
    for _ in range(rounds):
        begun = time.process_time()
        items, size = run(path, sync)
        seconds.append(time.process_time() - begun)
    median = statistics.median(seconds)
    return {"seconds": median, "items": items, "size": size, "peak_mib": (resident("VmHWM") - before) / 1024}


def resident(name: str) -> int:
    """KiB."""
    found = re.search(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return int(found[1])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--one", nargs=4, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        reader, path, small, rounds = given.one
        print(json.dumps(one(reader, Path(path), Path(small), int(rounds))))
        return 0
    print(f"{'answer':32} {'MB':>6} {'reader':12} {'ms':>8} {'items/s':>9} {'peak MiB':>9}")
    with tempfile.TemporaryDirectory() as folder:
        for number, (name, make) in enumerate(ANSWERS.items()):
            kind = "Sync" if "Sync" in name else "Get"
            path, small = Path(folder, f"{kind}{number}.xml"), Path(folder, f"{kind}{number}-small.xml")
            path.write_text("".join(make(1)))
            small.write_text("".join(make(100)))
            sizes = set()
            for reader in READERS:
                cost = measured(reader, path, small, given.rounds)
                sizes.add((cost["items"], cost["size"]))
                rate, megabytes = cost["items"] / cost["seconds"], path.stat().st_size / 1e6
                print(
                    f"{name:32} {megabytes:6.1f} {reader:12} {cost['seconds'] * 1e3:8.1f} {rate:9.0f} {cost['peak_mib']:9.1f}"
                )
            assert len(sizes) == 1, f"the readers read different things: {sizes}"
    return 0


if __name__ == "__main__":
    sys.exit(main())
