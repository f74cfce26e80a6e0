"""EWS on folders, synchronisation, finding, moving, deleting, the directory, time zones: what a client gets to see."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from lxml import etree

from mailkeep.simulator.ews.envelope import M, T
from mailkeep.simulator.ews.ids import item_id
from mailkeep.simulator.exchange.organisation import Organisation
from mailkeep.simulator.exchange.values import Attachment, Item, Occurrence
from tests.simulator.exchange_world import (
    Asker,
    codes_of,
    folder_xml,
    house,
    item_xml,
    letter,
    mailbox_of,
    meeting,
    texts,
    weekly,
)

_ID_ONLY = "<t:BaseShape>IdOnly</t:BaseShape>"
_COUNTS = """<t:BaseShape>Default</t:BaseShape><t:AdditionalProperties><t:FieldURI FieldURI="folder:FolderClass"/>
  <t:ExtendedFieldURI PropertyTag="0x670A" PropertyType="SystemTime"/><t:ExtendedFieldURI PropertyTag="0x670B" PropertyType="Integer"/>
  </t:AdditionalProperties>"""


@pytest.fixture
def bob(organisation: Organisation, schema: etree.XMLSchema) -> Asker:
    return Asker(organisation, schema)


def _sync(asker: Asker, folder: str, state: str = "", most: int = 100, extra: str = "") -> etree._Element:
    known = f"<m:SyncState>{state}</m:SyncState>" if state else ""
    return asker.ask(
        f'<m:SyncFolderItems><m:ItemShape>{_ID_ONLY}<t:AdditionalProperties><t:FieldURI FieldURI="item:Subject"/>'
        f"</t:AdditionalProperties></m:ItemShape><m:SyncFolderId>{folder}</m:SyncFolderId>{known}{extra}"
        f"<m:MaxChangesReturned>{most}</m:MaxChangesReturned></m:SyncFolderItems>"
    )


def _changes(answer: etree._Element) -> list[str]:
    return [etree.QName(each).localname for changes in answer.iter(f"{M}Changes") for each in changes]


INBOX = '<t:DistinguishedFolderId Id="inbox"/>'


# Folders


def test_well_known_folders_by_id_and_localised_name(organisation: Organisation, schema: etree.XMLSchema) -> None:
    anna = Asker(organisation, schema, "anna")
    answer = anna.ask(
        f'<m:GetFolder><m:FolderShape>{_COUNTS}</m:FolderShape><m:FolderIds><t:DistinguishedFolderId Id="inbox"/>'
        '<t:DistinguishedFolderId Id="calendar"/><t:DistinguishedFolderId Id="tasks"/><t:DistinguishedFolderId Id="contacts"/>'
        '<t:DistinguishedFolderId Id="archivemsgfolderroot"/><t:DistinguishedFolderId Id="syncissues"/></m:FolderIds></m:GetFolder>'
    )
    assert codes_of(answer) == ["NoError"] * 5 + ["ErrorFolderNotFound"]
    names = list(texts(answer, "DisplayName"))
    assert names == ["Posteingang", "Kalender", "Aufgaben", "Kontakte", "Oberste Ebene des Informationsspeichers"]
    kinds = [etree.QName(each[0]).localname for each in answer.iter(f"{M}Folders") if len(each)]
    assert kinds == ["Folder", "CalendarFolder", "TasksFolder", "ContactsFolder", "Folder"]


def test_counts_and_stamps_tell_that_something_happened(organisation: Organisation, bob: Asker) -> None:
    mailbox = mailbox_of(organisation, "bob")
    inbox = mailbox.well_known("inbox")
    ask = f"<m:GetFolder><m:FolderShape>{_COUNTS}</m:FolderShape><m:FolderIds>{INBOX}</m:FolderIds></m:GetFolder>"
    stamps = [texts(bob.ask(ask), "Value")]
    first = mailbox.add(inbox, letter("one"))
    mailbox.add(inbox, letter("two", read=True))
    answer = bob.ask(ask)
    stamps.append(texts(answer, "Value"))
    assert (texts(answer, "TotalCount"), texts(answer, "UnreadCount")) == (["2"], ["1"])
    mailbox.mark_read(first, True)
    stamps.append(texts(bob.ask(ask), "Value"))
    mailbox.delete(first, "hard")
    stamps.append(texts(bob.ask(ask), "Value"))
    assert len({stamp[0] for stamp in stamps}) == 4
    assert [stamp[1] for stamp in stamps] == ["0", "0", "0", "1"]


def test_folders_are_made_renamed_moved_and_deleted(organisation: Organisation, bob: Asker) -> None:
    made = bob.ask(
        '<m:CreateFolder><m:ParentFolderId><t:DistinguishedFolderId Id="msgfolderroot"/></m:ParentFolderId><m:Folders><t:Folder>'
        '<t:DisplayName>Plans &amp; more</t:DisplayName><t:ExtendedProperty><t:ExtendedFieldURI PropertyTag="0x3004" '
        'PropertyType="String"/><t:Value>a comment</t:Value></t:ExtendedProperty></t:Folder><t:CalendarFolder><t:DisplayName>Rota'
        "</t:DisplayName></t:CalendarFolder><t:Folder><t:DisplayName>PLANS &amp; MORE</t:DisplayName></t:Folder></m:Folders></m:CreateFolder>"
    )
    assert codes_of(made) == ["NoError", "NoError", "ErrorFolderExists"]
    plans, rota = (each.get("Id", "") for each in made.iter(f"{T}FolderId"))
    changed = bob.ask(
        f'<m:UpdateFolder><m:FolderChanges><t:FolderChange><t:FolderId Id="{plans}"/><t:Updates><t:SetFolderField>'
        '<t:FieldURI FieldURI="folder:DisplayName"/><t:Folder><t:DisplayName>Dreams</t:DisplayName></t:Folder></t:SetFolderField>'
        "</t:Updates></t:FolderChange></m:FolderChanges></m:UpdateFolder>"
    )
    assert codes_of(changed) == ["NoError"]
    moved = bob.codes(
        f'<m:MoveFolder><m:ToFolderId><t:FolderId Id="{plans}"/></m:ToFolderId><m:FolderIds><t:FolderId Id="{rota}"/>'
        f'<t:FolderId Id="{plans}"/><t:DistinguishedFolderId Id="inbox"/></m:FolderIds></m:MoveFolder>'
    )
    assert moved == ["NoError", "ErrorMoveCopyFailed", "ErrorMoveDistinguishedFolder"]
    found = bob.ask(
        '<m:FindFolder Traversal="Deep"><m:FolderShape><t:BaseShape>AllProperties</t:BaseShape><t:AdditionalProperties>'
        '<t:ExtendedFieldURI PropertyTag="0x3004" PropertyType="String"/></t:AdditionalProperties></m:FolderShape>'
        '<m:ParentFolderIds><t:DistinguishedFolderId Id="msgfolderroot"/></m:ParentFolderIds></m:FindFolder>'
    )
    names = texts(found, "DisplayName")
    assert names.index("Rota") == names.index("Dreams") + 1
    assert texts(found, "Value") == ["a comment"]
    gone = bob.codes(
        f'<m:DeleteFolder DeleteType="HardDelete"><m:FolderIds><t:FolderId Id="{plans}"/>'
        '<t:DistinguishedFolderId Id="inbox"/></m:FolderIds></m:DeleteFolder>'
    )
    assert gone == ["NoError", "ErrorDeleteDistinguishedFolder"]
    assert bob.codes(
        f'<m:GetFolder><m:FolderShape>{_ID_ONLY}</m:FolderShape><m:FolderIds><t:FolderId Id="{rota}"/></m:FolderIds></m:GetFolder>'
    ) == ["ErrorFolderNotFound"]


def test_folders_are_found_a_page_at_a_time_and_by_name(bob: Asker) -> None:
    def page(offset: int) -> etree._Element:
        return bob.ask(
            f'<m:FindFolder Traversal="Shallow"><m:FolderShape><t:BaseShape>Default</t:BaseShape></m:FolderShape>'
            f'<m:IndexedPageFolderView MaxEntriesReturned="5" Offset="{offset}" BasePoint="Beginning"/><m:ParentFolderIds>'
            '<t:DistinguishedFolderId Id="msgfolderroot"/></m:ParentFolderIds></m:FindFolder>'
        )

    names, offset, last = [], 0, False
    while not last:
        answer = page(offset)
        names += texts(answer, "DisplayName")
        root = next(answer.iter(f"{M}RootFolder"))
        offset, last = int(root.get("IndexedPagingOffset", "")), root.get("IncludesLastItemInRange") == "true"
        assert root.get("TotalItemsInView") == "12"
    assert len(names) == len(set(names)) == 12
    assert names == sorted(names)
    found = bob.ask(
        '<m:FindFolder Traversal="Deep"><m:FolderShape><t:BaseShape>Default</t:BaseShape></m:FolderShape><m:Restriction>'
        '<t:Or><t:IsEqualTo><t:FieldURI FieldURI="folder:DisplayName"/><t:FieldURIOrConstant><t:Constant Value="Inbox"/>'
        '</t:FieldURIOrConstant></t:IsEqualTo><t:And><t:Contains ContainmentMode="Prefixed" ContainmentComparison="IgnoreCase">'
        '<t:FieldURI FieldURI="folder:FolderClass"/><t:Constant Value="ipf.contact"/></t:Contains><t:Not><t:IsGreaterThan>'
        '<t:FieldURI FieldURI="folder:ChildFolderCount"/><t:FieldURIOrConstant><t:Constant Value="0"/></t:FieldURIOrConstant>'
        '</t:IsGreaterThan></t:Not></t:And></t:Or></m:Restriction><m:ParentFolderIds><t:DistinguishedFolderId Id="root"/>'
        "</m:ParentFolderIds></m:FindFolder>"
    )
    assert texts(found, "DisplayName") == ["Recipient Cache", "Inbox"]


# Rights


def test_whose_mailbox_one_may_open(organisation: Organisation, schema: etree.XMLSchema) -> None:
    def inbox_of(asker: Asker, name: str) -> str:
        mailbox = f"<t:Mailbox><t:EmailAddress>{name}@house.example</t:EmailAddress></t:Mailbox>" if name else ""
        [code] = asker.codes(
            f'<m:GetFolder><m:FolderShape>{_ID_ONLY}</m:FolderShape><m:FolderIds><t:DistinguishedFolderId Id="inbox">{mailbox}'
            "</t:DistinguishedFolderId></m:FolderIds></m:GetFolder>"
        )
        return code

    anna, bob, service = (Asker(organisation, schema, name) for name in ("anna", "bob", "svc"))
    assert inbox_of(anna, "bob") == inbox_of(bob, "bob") == inbox_of(bob, "") == "NoError"
    assert inbox_of(bob, "anna") == inbox_of(anna, "charlie") == "ErrorAccessDenied"
    assert inbox_of(bob, "nobody") == "ErrorNonExistentMailbox"
    assert inbox_of(service, "") == "ErrorMissingInformationEmailAddress"
    as_anna = Asker(organisation, schema, "svc", "anna")
    assert [inbox_of(as_anna, name) for name in ("", "bob", "charlie")] == ["NoError", "NoError", "ErrorAccessDenied"]
    item = mailbox_of(organisation, "charlie").add(
        mailbox_of(organisation, "charlie").well_known("inbox"), letter("private")
    )
    delete = f'<m:DeleteItem DeleteType="HardDelete"><m:ItemIds>{item_xml(item)}</m:ItemIds></m:DeleteItem>'
    assert anna.codes(delete) == ["ErrorAccessDenied"]
    mailbox_of(organisation, "bob").moving = True
    assert inbox_of(anna, "bob") == "ErrorMailboxMoveInProgress"
    mailbox_of(organisation, "bob").disabled = True
    assert inbox_of(anna, "bob") == "ErrorNonExistentMailbox"


# Synchronisation


def test_a_folder_is_synchronised_page_by_page_and_then_only_what_changes(
    organisation: Organisation, bob: Asker
) -> None:
    mailbox = mailbox_of(organisation, "bob")
    inbox = mailbox.well_known("inbox")
    items = [mailbox.add(inbox, letter(f"letter {n}")) for n in range(7)]
    seen, state, last = [], "", False
    while not last:
        answer = _sync(bob, INBOX, state, 3)
        seen += texts(answer, "Subject")
        [state], last = texts(answer, "SyncState"), texts(answer, "IncludesLastItemInRange") == ["true"]
    assert seen == [f"letter {n}" for n in range(7)]
    assert _changes(_sync(bob, INBOX, state)) == []
    mailbox.mark_read(items[0], True)
    items[1].properties["Subject"] = "changed"
    mailbox.mark_read(mailbox.save(items[1]), True)
    mailbox.move(items[2], mailbox.well_known("drafts"))
    mailbox.add(inbox, letter("new"))
    answer = _sync(bob, INBOX, state)
    assert _changes(answer) == ["Create", "ReadFlagChange", "Update", "Delete"]
    assert texts(answer, "Subject") == ["new", "changed"]
    assert texts(answer, "IsRead") == ["true"]
    told = {change[0].get("Id") for changes in answer.iter(f"{M}Changes") for change in changes if len(change[0]) == 0}
    assert item_id(items[0])[0] in told


def test_ignored_items_are_not_told(organisation: Organisation, bob: Asker) -> None:
    mailbox = mailbox_of(organisation, "bob")
    one, two = (mailbox.add(mailbox.well_known("inbox"), letter(name)) for name in ("one", "two"))
    assert texts(_sync(bob, INBOX, extra=f"<m:Ignore>{item_xml(one)}</m:Ignore>"), "Subject") == ["two"]
    assert two.id > one.id


def test_the_hierarchy_is_synchronised(organisation: Organisation, bob: Asker) -> None:
    mailbox = mailbox_of(organisation, "bob")
    root = mailbox.well_known("msgfolderroot")

    def sync(state: str = "") -> etree._Element:
        known = f"<m:SyncState>{state}</m:SyncState>" if state else ""
        return bob.ask(
            f'<m:SyncFolderHierarchy><m:FolderShape>{_COUNTS}</m:FolderShape><m:SyncFolderId><t:DistinguishedFolderId Id="msgfolderroot"/>'
            f"</m:SyncFolderId>{known}</m:SyncFolderHierarchy>"
        )

    first = sync()
    assert set(_changes(first)) == {"Create"}
    assert len(_changes(first)) == 13
    old, doomed = mailbox.add_folder(root, "old"), mailbox.add_folder(root, "doomed")
    [state] = texts(sync(texts(first, "SyncState")[0]), "SyncState")
    mailbox.rename_folder(old, "renamed")
    mailbox.delete_folder(doomed, "hard")
    mailbox.add_folder(old, "below")
    mailbox.add(old, letter("items don't touch the hierarchy"))
    answer = sync(state)
    assert _changes(answer) == ["Update", "Create", "Delete"]
    assert texts(answer, "DisplayName") == ["renamed", "below"]
    assert _changes(sync(texts(answer, "SyncState")[0])) == []


@pytest.mark.parametrize("spoil", ["AAAA", "no base64!", "other folder", "reset", "other house", "cut"])
def test_a_sync_state_that_is_not_ours_is_refused(
    organisation: Organisation, bob: Asker, schema: etree.XMLSchema, spoil: str
) -> None:
    mailbox = mailbox_of(organisation, "bob")
    [state] = texts(_sync(bob, INBOX), "SyncState")
    match spoil:
        case "other folder":
            [state] = texts(_sync(bob, '<t:DistinguishedFolderId Id="drafts"/>'), "SyncState")
        case "reset":
            mailbox.reset_sync(mailbox.well_known("inbox"))
        case "other house":
            with house(seed=8) as other:
                [state] = texts(_sync(Asker(other, schema), INBOX), "SyncState")
        case "cut":
            state = state[:-8]
        case _:
            state = spoil
    assert codes_of(_sync(bob, INBOX, state)) == ["ErrorInvalidSyncStateData"]
    assert codes_of(_sync(bob, INBOX)) == ["NoError"]


def test_a_folder_that_vanished(organisation: Organisation, bob: Asker) -> None:
    mailbox = mailbox_of(organisation, "bob")
    folder = mailbox.add_folder(mailbox.well_known("inbox"), "short-lived")
    mailbox.delete_folder(folder, "soft")
    assert codes_of(_sync(bob, folder_xml(folder))) == ["ErrorSyncFolderNotFound"]


# Finding


def _find(asker: Asker, folder: str, inner: str = "", before: str = "", after: str = "") -> etree._Element:
    shape = '<t:AdditionalProperties><t:FieldURI FieldURI="item:Subject"/></t:AdditionalProperties>'
    restriction = f"<m:Restriction>{inner}</m:Restriction>" if inner else ""
    return asker.ask(
        f'<m:FindItem Traversal="Shallow"><m:ItemShape>{_ID_ONLY}{shape}</m:ItemShape>{before}{restriction}{after}'
        f"<m:ParentFolderIds>{folder}</m:ParentFolderIds></m:FindItem>"
    )


def _compare(way: str, path: str, value: str) -> str:
    return f'<t:{way}>{path}<t:FieldURIOrConstant><t:Constant Value="{value}"/></t:FieldURIOrConstant></t:{way}>'


def _uri(name: str) -> str:
    return f'<t:FieldURI FieldURI="{name}"/>'


def _dated(day: int, **more: object) -> Item:
    return letter(f"day {day:02d}", received=datetime(2026, 3, day, 12, tzinfo=UTC), **more)


def test_items_are_found_newest_first_a_page_at_a_time(organisation: Organisation, bob: Asker) -> None:
    mailbox = mailbox_of(organisation, "bob")
    for day in (3, 1, 5, 2, 4):
        mailbox.add(mailbox.well_known("inbox"), _dated(day))
    view = '<m:IndexedPageItemView MaxEntriesReturned="2" Offset="{}" BasePoint="{}"/>'
    answers = [_find(bob, INBOX, before=view.format(offset, "Beginning")) for offset in (0, 2, 4)]
    assert [texts(each, "Subject") for each in answers] == [["day 05", "day 04"], ["day 03", "day 02"], ["day 01"]]
    assert [next(each.iter(f"{M}RootFolder")).get("IncludesLastItemInRange") for each in answers] == [
        "false",
        "false",
        "true",
    ]
    assert texts(_find(bob, INBOX, before=view.format(0, "End")), "Subject") == ["day 02", "day 01"]


_RECEIVED, _SUBJECT = _uri("item:DateTimeReceived"), _uri("item:Subject")
_SEARCHES = [
    (_compare("IsGreaterThan", _RECEIVED, "2026-03-03T12:00:00Z"), [4, 5]),
    (_compare("IsGreaterThanOrEqualTo", _RECEIVED, "2026-03-03T13:00:00+01:00"), [3, 4, 5]),
    (_compare("IsEqualTo", _SUBJECT, "day 02"), [2]),
    (_compare("IsNotEqualTo", _SUBJECT, "day 02"), [1, 3, 4, 5]),
    (_compare("IsEqualTo", _uri("message:IsRead"), "true"), [1, 3, 5]),
    (_compare("IsLessThan", '<t:ExtendedFieldURI PropertyTag="0x8001" PropertyType="Integer"/>', "10"), [4, 5]),
    ('<t:Exists><t:ExtendedFieldURI PropertyTag="0x8001" PropertyType="Integer"/></t:Exists>', [4, 5]),
    (_compare("IsEqualTo", _uri("item:Categories"), "green"), [5]),
    (
        '<t:Contains ContainmentMode="Substring" ContainmentComparison="IgnoreCase"><t:FieldURI FieldURI="item:Subject"/>'
        '<t:Constant Value="Y 0"/></t:Contains>',
        [1, 2, 3, 4, 5],
    ),
    (
        f"<t:And>{_compare('IsGreaterThan', _RECEIVED, '2026-03-01T12:00:00Z')}<t:Not>"
        f"{_compare('IsGreaterThan', _RECEIVED, '2026-03-04T12:00:00Z')}</t:Not></t:And>",
        [2, 3, 4],
    ),
    (
        f"<t:Or>{_compare('IsEqualTo', _SUBJECT, 'day 01')}{_compare('IsEqualTo', _SUBJECT, 'day 05')}</t:Or>",
        [1, 5],
    ),
    (
        '<t:Excludes><t:ExtendedFieldURI PropertyTag="0x8001" PropertyType="Integer"/><t:Bitmask Value="0x1"/></t:Excludes>',
        [1, 2, 3, 4],
    ),
    (
        _compare("IsGreaterThan", '<t:ExtendedFieldURI PropertyTag="0x0E08" PropertyType="Integer"/>', "1"),
        [1, 2, 3, 4, 5],
    ),
]


@pytest.mark.parametrize(("expression", "days"), _SEARCHES)
def test_restrictions(organisation: Organisation, bob: Asker, expression: str, days: list[int]) -> None:
    mailbox = mailbox_of(organisation, "bob")
    for day in range(1, 6):
        item = _dated(day, read=bool(day % 2))
        if day > 3:
            item.extended["0x8001"] = ("Integer", str(day))
        if day == 5:
            item.properties["Categories"] = "<t:String>red</t:String><t:String>green</t:String>"
        mailbox.add(mailbox.well_known("inbox"), item)
    order = '<m:SortOrder><t:FieldOrder Order="Ascending"><t:FieldURI FieldURI="item:Subject"/></t:FieldOrder></m:SortOrder>'
    assert texts(_find(bob, INBOX, expression, after=order), "Subject") == [f"day {day:02d}" for day in days]


def test_a_search_remembered_is_not_stale(organisation: Organisation, bob: Asker) -> None:
    mailbox = mailbox_of(organisation, "bob")
    search = _compare("IsEqualTo", _SUBJECT, "same")
    item = mailbox.add(mailbox.well_known("inbox"), letter("same"))
    assert texts(_find(bob, INBOX, search), "Subject") == ["same"]
    mailbox.add(mailbox.well_known("inbox"), letter("same"))
    assert texts(_find(bob, INBOX, search), "Subject") == ["same", "same"]
    item.properties["Subject"] = "other"
    mailbox.save(item)
    assert texts(_find(bob, INBOX, search), "Subject") == ["same"]


def test_a_calendar_view_unfolds_series(organisation: Organisation, bob: Asker) -> None:
    mailbox = mailbox_of(organisation, "bob")
    calendar = mailbox.well_known("calendar")
    mailbox.add(calendar, meeting("single", "2026-03-24T10:00:00Z", "2026-03-24T11:00:00Z"))
    mailbox.add(calendar, meeting("before", "2026-03-01T10:00:00Z", "2026-03-01T11:00:00Z"))
    moved = Occurrence(
        datetime(2026, 3, 23, 8, tzinfo=UTC),
        {"Subject": "moved", "Start": "2026-03-25T08:00:00Z", "End": "2026-03-25T09:00:00Z"},
    )
    series = meeting("series", "2026-03-16T08:00:00Z", "2026-03-16T09:00:00Z", weekly("2026-03-16"))
    mailbox.add(calendar, series, (), [moved], [datetime(2026, 4, 6, 7, tzinfo=UTC)])
    folder = '<t:DistinguishedFolderId Id="calendar"/>'
    view = '<m:CalendarView {}StartDate="2026-03-16T09:00:00Z" EndDate="2026-04-14T00:00:00Z"/>'
    answer = _find(bob, folder, before=view.format(""))
    # The series keeps nine o'clock in Berlin when the clocks change; the occurrence that ends as the view begins is not in it.
    assert texts(answer, "Subject") == ["single", "moved", "series", "series"]
    found = [each.get("Id", "") for each in answer.iter(f"{T}ItemId")]
    assert len(set(found)) == 4
    assert (
        next(_find(bob, folder, before=view.format('MaxEntriesReturned="2" ')).iter(f"{M}RootFolder")).get(
            "IncludesLastItemInRange"
        )
        == "false"
    )
    assert codes_of(_find(bob, INBOX, before=view.format(""))) == ["ErrorCalendarFolderIsInvalidForCalendarView"]


def test_too_much_at_once_is_refused_and_paged_is_not(organisation: Organisation, bob: Asker) -> None:
    bob.call.face.find_count_limit = 3
    for day in range(1, 6):
        mailbox_of(organisation, "bob").add(mailbox_of(organisation, "bob").well_known("inbox"), _dated(day))
    assert codes_of(_find(bob, INBOX)) == ["ErrorExceededFindCountLimit"]
    paged = _find(
        bob, INBOX, before='<m:IndexedPageItemView MaxEntriesReturned="100" Offset="0" BasePoint="Beginning"/>'
    )
    assert len(texts(paged, "Subject")) == 3
    assert next(paged.iter(f"{M}RootFolder")).get("IndexedPagingOffset") == "3"


# Moving, copying, deleting


def test_a_moved_item_has_a_new_id_and_the_same_search_key(organisation: Organisation, bob: Asker) -> None:
    mailbox = mailbox_of(organisation, "bob")
    item = mailbox.add(mailbox.well_known("inbox"), letter("wanderer"))
    answer = bob.ask(
        '<m:MoveItem><m:ToFolderId><t:DistinguishedFolderId Id="drafts"/></m:ToFolderId><m:ItemIds>'
        f'{item_xml(item)}{item_xml(item)}<t:ItemId Id="AAMk"/></m:ItemIds></m:MoveItem>'
    )
    assert codes_of(answer) == ["NoError", "ErrorItemNotFound", "ErrorInvalidIdMalformed"]
    [found] = mailbox.items(mailbox.well_known("drafts"))
    assert [each.get("Id") for each in answer.iter(f"{T}ItemId")] == [item_id(found)[0]]
    assert (found.search_key, found.modified, found.mime) == (item.search_key, item.modified, item.mime)
    assert found.id != item.id
    copied = bob.ask(
        f"<m:CopyItem><m:ToFolderId>{INBOX}</m:ToFolderId><m:ItemIds>{item_xml(found)}</m:ItemIds></m:CopyItem>"
    )
    assert codes_of(copied) == ["NoError"]
    [copy] = mailbox.items(mailbox.well_known("inbox"))
    assert copy.search_key == item.search_key


@pytest.mark.parametrize(
    ("kind", "place"),
    [
        ("MoveToDeletedItems", "deleteditems"),
        ("SoftDelete", "recoverableitemsdeletions"),
        ("HardDelete", "recoverableitemspurges"),
    ],
)
def test_what_is_deleted_can_be_recovered(organisation: Organisation, bob: Asker, kind: str, place: str) -> None:
    mailbox = mailbox_of(organisation, "bob")
    item = mailbox.add(mailbox.well_known("inbox"), letter("gone"))
    delete = f'<m:DeleteItem DeleteType="{kind}"><m:ItemIds>{item_xml(item)}</m:ItemIds></m:DeleteItem>'
    assert bob.codes(delete) == ["NoError"]
    assert texts(_find(bob, f'<t:DistinguishedFolderId Id="{place}"/>'), "Subject") == ["gone"]
    assert bob.codes(delete) == ["ErrorItemNotFound"]


def test_deleting_events_and_tasks_says_what_becomes_of_the_rest(organisation: Organisation, bob: Asker) -> None:
    mailbox = mailbox_of(organisation, "bob")
    event = mailbox.add(
        mailbox.well_known("calendar"),
        meeting("m", "2026-03-02T08:00:00Z", "2026-03-02T09:00:00Z", weekly("2026-03-02", 3)),
    )
    task = mailbox.add(mailbox.well_known("tasks"), Item("IPM.Task", "Task", {"Subject": "do"}))
    delete = '<m:DeleteItem DeleteType="HardDelete" {}><m:ItemIds>{}</m:ItemIds></m:DeleteItem>'
    assert bob.codes(delete.format("", item_xml(event))) == ["ErrorSendMeetingCancellationsRequired"]
    assert bob.codes(delete.format("", item_xml(task))) == ["ErrorAffectedTaskOccurrencesRequired"]
    assert bob.codes(delete.format('AffectedTaskOccurrences="AllOccurrences"', item_xml(task))) == ["NoError"]
    second = '<t:OccurrenceItemId RecurringMasterId="{}" InstanceIndex="{}"/>'
    quiet = 'SendMeetingCancellations="SendToNone"'
    ids = item_id(event)[0]
    for index, code in (
        (2, "NoError"),
        (2, "ErrorCalendarOccurrenceIsDeletedFromRecurrence"),
        (9, "ErrorCalendarOccurrenceIndexIsOutOfRecurrenceRange"),
    ):
        assert bob.codes(delete.format(quiet, second.format(ids, index))) == [code]
    assert mailbox.occurrences(event)[1] == [datetime(2026, 3, 9, 8, tzinfo=UTC)]
    assert bob.codes(delete.format(quiet, item_xml(event))) == ["NoError"]


def test_a_folder_is_emptied(organisation: Organisation, bob: Asker) -> None:
    mailbox = mailbox_of(organisation, "bob")
    inbox = mailbox.well_known("inbox")
    below = mailbox.add_folder(inbox, "below")
    mailbox.add(inbox, letter("one"))
    mailbox.add(below, letter("two"))
    empty = (
        '<m:EmptyFolder DeleteType="HardDelete" DeleteSubFolders="{}"><m:FolderIds>'
        + INBOX
        + "</m:FolderIds></m:EmptyFolder>"
    )
    assert bob.codes(empty.format("false")) == ["NoError"]
    assert (mailbox.count(inbox), mailbox.count(below)) == (0, 1)
    assert bob.codes(empty.format("true")) == ["NoError"]
    assert mailbox.folder(below.id) is None


# The directory, time zones, ids


def test_names_are_resolved(organisation: Organisation, bob: Asker) -> None:
    organisation.describe(
        "anna@house.example", GivenName="Anna", Surname="Vogt", JobTitle="Buyer", City="Graz", BusinessPhone="1"
    )

    def resolve(text: str, whole: str = "true") -> etree._Element:
        return bob.ask(
            f'<m:ResolveNames ReturnFullContactData="{whole}"><m:UnresolvedEntry>{text}</m:UnresolvedEntry></m:ResolveNames>'
        )

    one = resolve("anna")
    assert (codes_of(one), texts(one, "EmailAddress"), texts(one, "JobTitle")) == (
        ["NoError"],
        ["anna@house.example"],
        ["Buyer"],
    )
    many = resolve("vog", "false")
    assert codes_of(many) == ["ErrorNameResolutionMultipleResults"]
    assert next(many.iter(f"{M}ResolveNamesResponseMessage")).get("ResponseClass") == "Warning"
    assert sorted(texts(many, "EmailAddress")) == ["anna@house.example", "bob@house.example"]
    assert texts(resolve("smtp:av@house.example"), "EmailAddress") == ["anna@house.example"]
    assert codes_of(resolve("zebra")) == ["ErrorNameResolutionNoResults"]


def test_lists_are_expanded(organisation: Organisation, bob: Asker) -> None:
    organisation.add_distribution_list("all@house.example", "Everybody", ["anna@house.example", "few@house.example"])
    organisation.add_distribution_list("few@house.example", "A few", ["bob@house.example"])
    ask = "<m:ExpandDL><m:Mailbox><t:EmailAddress>{}</t:EmailAddress></m:Mailbox></m:ExpandDL>"
    answer = bob.ask(ask.format("all@house.example"))
    assert texts(answer, "EmailAddress") == ["anna@house.example", "few@house.example"]
    assert texts(answer, "MailboxType") == ["Mailbox", "PublicDL"]
    assert bob.codes(ask.format("bob@house.example")) == ["ErrorNameResolutionNoResults"]


def test_time_zones_have_their_periods_and_transitions(bob: Asker) -> None:
    every = bob.ask('<m:GetServerTimeZones ReturnFullTimeZoneData="true"></m:GetServerTimeZones>')
    assert len(list(every.iter(f"{T}TimeZoneDefinition"))) > 70
    one = bob.ask(
        '<m:GetServerTimeZones ReturnFullTimeZoneData="true"><m:Ids><t:Id>W. Europe Standard Time</t:Id><t:Id>AUS Eastern Standard Time</t:Id>'
        "<t:Id>India Standard Time</t:Id><t:Id>Pacific Standard Time</t:Id></m:Ids></m:GetServerTimeZones>"
    )
    europe, australia, india, pacific = one.iter(f"{T}TimeZoneDefinition")
    assert [each.get("Bias") for each in europe.iter(f"{T}Period")] == ["-PT1H", "-PT2H"]
    assert [
        (_text(each, "Month"), _text(each, "DayOfWeek"), _text(each, "Occurrence"), _text(each, "TimeOffset"))
        for each in europe.iter(f"{T}RecurringDayTransition")
    ] == [
        ("3", "Sunday", "-1", "PT2H"),
        ("10", "Sunday", "-1", "PT3H"),
    ]
    assert [each.get("Bias") for each in australia.iter(f"{T}Period")] == ["-PT10H", "-PT11H"]
    assert [each.get("Bias") for each in india.iter(f"{T}Period")] == ["-PT5H30M"]
    assert not list(india.iter(f"{T}RecurringDayTransition"))
    assert [
        (_text(each, "Month"), _text(each, "Occurrence")) for each in pacific.iter(f"{T}RecurringDayTransition")
    ] == [("3", "2"), ("11", "1")]
    assert bob.codes(
        "<m:GetServerTimeZones><m:Ids><t:Id>Nowhere Standard Time</t:Id></m:Ids></m:GetServerTimeZones>"
    ) == ["ErrorTimeZone"]


def _text(element: etree._Element, name: str) -> str | None:
    return element.findtext(f"{T}{name}")


def test_ids_are_converted_there_and_back(organisation: Organisation, bob: Asker) -> None:
    mailbox = mailbox_of(organisation, "bob")
    item = mailbox.add(mailbox.well_known("inbox"), letter("x"))

    def convert(form: str, text: str, target: str) -> str:
        answer = bob.ask(
            f'<m:ConvertId DestinationFormat="{target}"><m:SourceIds><t:AlternateId Format="{form}" Id="{text}" '
            'Mailbox="bob@house.example"/></m:SourceIds></m:ConvertId>'
        )
        return next(answer.iter(f"{M}AlternateId")).get("Id", "")

    ews = item_id(item)[0]
    for form in ("EntryId", "HexEntryId", "OwaId"):
        assert convert(form, convert("EwsId", ews, form), "EwsId") == ews
    assert len(convert("EwsId", ews, "HexEntryId")) == 140


def test_a_service_account_without_a_mailbox_reads_by_full_access(
    organisation: Organisation, schema: etree.XMLSchema
) -> None:
    service = Asker(organisation, schema, "svc")
    bob = mailbox_of(organisation, "bob")
    organisation.give_full_access(service.call.account, bob)
    bob.add(bob.well_known("inbox"), letter("read by another"), [Attachment("a.txt", b"a")])
    inbox = '<t:DistinguishedFolderId Id="inbox"><t:Mailbox><t:EmailAddress>bob@house.example</t:EmailAddress></t:Mailbox></t:DistinguishedFolderId>'
    answer = _sync(service, inbox)
    assert texts(answer, "Subject") == ["read by another"]
    [found] = [each.get("Id", "") for each in answer.iter(f"{T}ItemId")]
    item = service.ask(
        f"<m:GetItem><m:ItemShape><t:BaseShape>AllProperties</t:BaseShape><t:IncludeMimeContent>true</t:IncludeMimeContent></m:ItemShape>"
        f'<m:ItemIds><t:ItemId Id="{found}"/></m:ItemIds></m:GetItem>'
    )
    assert codes_of(item) == ["NoError"]
    assert texts(item, "Name") == ["a.txt"]


def test_occurrences_are_got_by_index_and_lead_back_to_their_series(organisation: Organisation, bob: Asker) -> None:
    mailbox = mailbox_of(organisation, "bob")
    changed = Occurrence(datetime(2026, 3, 9, 8, tzinfo=UTC), {"Subject": "changed"})
    series = meeting("series", "2026-03-02T08:00:00Z", "2026-03-02T09:00:00Z", weekly("2026-03-02", 3))
    ids = item_id(mailbox.add(mailbox.well_known("calendar"), series, (), [changed]))[0]

    def get(wanted: str) -> etree._Element:
        return bob.ask(
            f"<m:GetItem><m:ItemShape><t:BaseShape>AllProperties</t:BaseShape></m:ItemShape><m:ItemIds>{wanted}</m:ItemIds></m:GetItem>"
        )

    answer = get("".join(f'<t:OccurrenceItemId RecurringMasterId="{ids}" InstanceIndex="{n}"/>' for n in (1, 2, 4)))
    assert codes_of(answer) == ["NoError", "NoError", "ErrorCalendarOccurrenceIndexIsOutOfRecurrenceRange"]
    assert texts(answer, "Subject") == ["series", "changed"]
    assert texts(answer, "CalendarItemType") == ["Occurrence", "Exception"]
    occurrence = next(answer.iter(f"{T}ItemId")).get("Id")
    master = get(f'<t:RecurringMasterItemId OccurrenceId="{occurrence}"/>')
    assert texts(master, "CalendarItemType") == ["RecurringMaster"]
    assert next(master.iter(f"{T}ItemId")).get("Id") == ids
    assert codes_of(get(f'<t:RecurringMasterItemId OccurrenceId="{ids}"/>')) == [
        "ErrorCalendarCannotUseIdForOccurrenceId"
    ]
