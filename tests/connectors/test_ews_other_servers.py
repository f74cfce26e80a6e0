"""What EWS servers other than Exchange do: faults with words alone, limits of their own, and answers with little in them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pybase64
import pytest
from http_peer import ROOT, Asked, Peer, Said, fault, peer, soap

from mailkeep.connectors.base import Created, Endpoint, Fetched, NewItem, Unfetched
from mailkeep.connectors.ews.backoff import BackOff
from mailkeep.connectors.ews.connector import EwsConnector
from mailkeep.connectors.ews.opening import Opening
from mailkeep.connectors.ews.provider import EwsProvider
from mailkeep.errors import GiveUp
from mailkeep.mail.items import Folder, ItemRef, Kind, NativePart, Role, Section

RECEIVED = datetime(2021, 3, 4, 5, 6, 7, tzinfo=UTC)
INBOX = Folder("inbox", ("Inbox",))
MIME = b"Subject: hello\r\n\r\nhello\r\n"
NAMESPACES = (
    'xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages"'
    ' xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"'
)
Answer = Callable[[Asked], Said]


def said(operation: str, *messages: str) -> Said:
    inner = "".join(messages)
    body = (
        f"<m:{operation}Response {NAMESPACES}><m:ResponseMessages>{inner}</m:ResponseMessages></m:{operation}Response>"
    )
    return Said(body=soap(body))


def good(operation: str, inner: str = "") -> str:
    code = "<m:ResponseCode>NoError</m:ResponseCode>"
    return f'<m:{operation}ResponseMessage ResponseClass="Success">{code}{inner}</m:{operation}ResponseMessage>'


def bad(operation: str, code: str) -> str:
    told = f"<m:MessageText>no</m:MessageText><m:ResponseCode>{code}</m:ResponseCode>"
    return f'<m:{operation}ResponseMessage ResponseClass="Error">{told}</m:{operation}ResponseMessage>'


def operation_of(asked: Asked) -> str:
    return asked.headers["SOAPAction"].strip('"').rpartition("/")[2]


@contextmanager
def server(**answers: Answer) -> Iterator[tuple[EwsConnector, Peer]]:
    """Answers by operation; the mailbox's root always opens; anything else is a fault in words."""

    def after(asked: Asked) -> Said:
        operation = operation_of(asked)
        if operation in answers:
            return answers[operation](asked)
        if operation == "GetFolder":
            return Said(body=ROOT)
        return Said(500, fault(f"Unknown request '{operation}'."))

    with peer(after=after) as running:
        where = Endpoint("exchange", "127.0.0.1", running.port, tls="none", user="svc", password="p", impersonate=True)
        connector = EwsProvider(Opening(rests=BackOff())).open(where, "anna@firma.example", frozenset(Section))
        yield connector, running
        connector.close()


def folder_xml(name: str, id_: str, parent: str) -> str:
    return (
        f'<t:Folder><t:FolderId Id="{id_}"/><t:ParentFolderId Id="{parent}"/><t:FolderClass>IPF.Note</t:FolderClass>'
        f"<t:DisplayName>{name}</t:DisplayName><t:TotalCount>1</t:TotalCount></t:Folder>"
    )


def item_xml(id_: str) -> str:
    mime = pybase64.b64encode(MIME).decode()
    return (
        f'<m:Items><t:Message><t:MimeContent CharacterSet="UTF-8">{mime}</t:MimeContent><t:ItemId Id="{id_}"/>'
        "<t:Subject>hello</t:Subject></t:Message></m:Items>"
    )


def ref(number: int) -> ItemRef:
    return ItemRef(f"item{number}", Kind.MAIL, "IPM.Note", 100, RECEIVED, RECEIVED)


def ids(asked: Asked) -> list[str]:
    return re.findall(r'<t:ItemId Id="([^"]+)"', asked.body.decode())


def test_folders_of_a_server_that_names_none_as_well_known() -> None:
    """Roles come by asking for each; a section without a root folder in the answer is an empty one."""

    def find(asked: Asked) -> Said:
        if b'"msgfolderroot"' not in asked.body:
            return said("FindFolder", bad("FindFolder", "ErrorFolderNotFound"))
        held = folder_xml("Posteingang", "in", "root") + folder_xml("Unten", "below", "in")
        return said("FindFolder", good("FindFolder", f"<m:RootFolder><t:Folders>{held}</t:Folders></m:RootFolder>"))

    def get(asked: Asked) -> Said:
        names = re.findall(r'DistinguishedFolderId Id="([a-z]+)"', asked.body.decode())
        if names == ["msgfolderroot"]:
            return Said(body=ROOT)
        found = [
            good("GetFolder", f"<m:Folders>{folder_xml('x', 'in', 'root')}</m:Folders>")
            if name == "inbox"
            else bad("GetFolder", "ErrorFolderNotFound")
            for name in names
        ]
        return said("GetFolder", *found)

    with server(FindFolder=find, GetFolder=get) as (connector, _):
        folders = connector.folders()
    assert [(folder.path, folder.role) for folder in folders] == [
        (("Posteingang",), Role.INBOX),
        (("Posteingang", "Unten"), None),
    ]


def test_a_mailbox_without_any_folder() -> None:
    with server(FindFolder=lambda _: said("FindFolder", good("FindFolder"))) as (connector, _):
        assert connector.folders() == []


def test_a_server_that_gives_few_items_at_once() -> None:
    """The rest of a batch is answered “busy” without a pause: it is asked for again, in smaller batches."""

    def get(asked: Asked) -> Said:
        messages = [
            good("GetItem", item_xml(id_)) if number < 3 else bad("GetItem", "ErrorServerBusy")
            for number, id_ in enumerate(ids(asked))
        ]
        return said("GetItem", *messages)

    with server(GetItem=get) as (connector, running):
        come = list(connector.fetch(INBOX, map(ref, range(10))))
        assert {result.ref.id for result in come if isinstance(result, Fetched)} == {f"item{n}" for n in range(10)}
        exports = [asked for asked in running.asked if operation_of(asked) == "ExportItems"]
    assert len(exports) == 1


def test_an_item_is_judged_by_itself_whatever_its_code() -> None:
    def get(asked: Asked) -> Said:
        answers = {
            "item1": bad("GetItem", "ErrorOfTheirOwn"),
            "item2": good("GetItem", "<m:Items><t:Message/></m:Items>"),
        }
        return said("GetItem", *(answers.get(id_, good("GetItem", item_xml(id_))) for id_ in ids(asked)))

    with server(GetItem=get) as (connector, _):
        results = list(connector.fetch(INBOX, map(ref, range(4))))
    codes = {result.ref.id: result.code for result in results if isinstance(result, Unfetched)}
    assert codes == {"item1": "unreadable", "item2": "vanished"}
    assert len(results) == 4


def test_a_fault_in_words_over_one_item_is_found() -> None:
    def get(asked: Asked) -> Said:
        if "item5" in ids(asked):
            return Said(500, fault("E-3072: failed to export message"))
        return said("GetItem", *(good("GetItem", item_xml(id_)) for id_ in ids(asked)))

    with server(GetItem=get) as (connector, _):
        results = list(connector.fetch(INBOX, map(ref, range(8))))
    assert [result.ref.id for result in results if isinstance(result, Unfetched)] == ["item5"]


PROPERTIES = (
    f'<m:Items {NAMESPACES}><t:Message><t:MimeContent/><t:ItemId Id="old"/><t:Subject>hello</t:Subject>'
    "<t:Categories><t:String>Blue</t:String></t:Categories><t:Culture>de-DE</t:Culture><t:ExtendedProperty>"
    '<t:ExtendedFieldURI PropertyTag="0x1082" PropertyType="SystemTime"/><t:Value>2021-03-04T05:06:07Z</t:Value>'
    "</t:ExtendedProperty></t:Message></m:Items>"
).encode()
NEW = NewItem(Kind.MAIL, MIME, frozenset({"seen"}), RECEIVED, (NativePart("ews.properties", PROPERTIES),))
MADE = good("CreateItem", '<m:Items><t:Message><t:ItemId Id="new"/></t:Message></m:Items>')


def test_what_a_server_does_not_take_is_named() -> None:
    """It faults over anything it cannot read, and says nothing of which."""
    tried: list[bytes] = []

    def create(asked: Asked) -> Said:
        tried.append(asked.body)
        if b"0x1082" in asked.body or b"Culture" in asked.body:
            return Said(500, fault("E-3107: cannot deserialize property of unsupported type"))
        return said("CreateItem", MADE)

    with server(CreateItem=create) as (connector, _):
        created = connector.create(INBOX, NEW)
    assert created == Created("new", ("Culture", "archived MAPI properties"))
    assert b"0x0E07" in tried[-1]
    assert b"Blue" in tried[-1]
    assert tried[0] == tried[1] == tried[2], "it may have been a bad moment"
    assert len(tried) == 5


def test_a_server_that_names_what_it_does_not_take() -> None:
    def create(asked: Asked) -> Said:
        if b"<t:Categories>" not in asked.body:
            return said("CreateItem", MADE)
        told = '<m:MessageXml><t:FieldURI FieldURI="item:Categories"/></m:MessageXml>'
        refused = bad("CreateItem", "ErrorInvalidPropertySet").replace("</m:CreateItemR", f"{told}</m:CreateItemR")
        return said("CreateItem", refused)

    with server(CreateItem=create) as (connector, _):
        assert connector.create(INBOX, NEW) == Created("new", ("Categories",))


def test_a_message_of_somebody_else() -> None:
    """CreateItem refuses the sender; the message is made without, and given its bytes as a change."""
    done: list[str] = []

    def create(asked: Asked) -> Said:
        done.append("create whole" if b"MimeContent" in asked.body else "create bare")
        return said("CreateItem", MADE if done[-1] == "create bare" else bad("CreateItem", "ErrorAccessDenied"))

    def update(asked: Asked) -> Said:
        assert pybase64.b64encode(MIME) in asked.body
        assert b'SuppressReadReceipts="true"' in asked.body
        done.append("fill")
        return said("UpdateItem", good("UpdateItem"))

    with server(CreateItem=create, UpdateItem=update) as (connector, _):
        assert connector.create(INBOX, NEW).id == "new"
    assert done == ["create whole", "create bare", "fill"]


def test_a_server_that_takes_nothing_says_so_once() -> None:
    with server(CreateItem=lambda _: Said(500, fault("E-3254: failed"))) as (connector, running):
        with pytest.raises(GiveUp) as raised:
            connector.create(INBOX, NEW)
        assert raised.value.code == "cannot_create"
        assert len(running.asked) < 12
