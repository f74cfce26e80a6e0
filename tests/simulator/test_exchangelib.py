"""exchangelib, which nobody here wrote, works against the simulated Exchange, over TLS: all five kinds."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from exchangelib import (
    BASIC,
    CalendarItem,
    Configuration,
    Contact,
    Credentials,
    DistributionList,
    EWSDate,
    EWSDateTime,
    EWSTimeZone,
    ExtendedProperty,
    FaultTolerance,
    FileAttachment,
    HTMLBody,
    ItemAttachment,
    Message,
    Q,
    Task,
)
from exchangelib.autodiscover.protocol import AutodiscoverProtocol
from exchangelib.errors import (
    DoesNotExist,
    ErrorAccessDenied,
    ErrorImpersonateUserDenied,
    ErrorItemNotFound,
    ErrorNonExistentMailbox,
    ErrorServerBusy,
    UnauthorizedError,
)
from exchangelib.folders import Messages
from exchangelib.indexed_properties import EmailAddress, PhoneNumber, PhysicalAddress
from exchangelib.items import PostItem
from exchangelib.properties import Attendee, EffectiveRights, Mailbox, Member
from exchangelib.recurrence import Recurrence, WeeklyPattern

from mailkeep.simulator.ews.faults import Fault
from mailkeep.simulator.exchange.values import Item
from tests.servers.exchange import World, address, running
from tests.servers.peers import impersonated, own_account, trusting

BERLIN = EWSTimeZone("Europe/Berlin")
NINE = EWSDateTime(2026, 11, 24, 9, 0, tzinfo=BERLIN)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with running(tmp_path, ours=False) as made, trusting(made):
        yield made


@pytest.fixture
def alice(world: World) -> Any:
    return own_account(world, "alice")


def sent(to: str, subject: str, **more: Any) -> dict[str, Any]:
    return {"subject": subject, "to_recipients": [Mailbox(email_address=address(to))], **more}


# --- signing in ----------------------------------------------------------------------------------------------------


def test_it_finds_out_what_server_it_talks_to(alice: Any) -> None:
    assert alice.version.build.major_version == 15
    assert alice.version.api_version == "Exchange2016"


def test_ntlm_which_it_prefers_by_itself(world: World) -> None:
    world.deliver("alice", "inbox", subject="Hello")
    account = own_account(world, "alice", auth_type=None)
    assert account.inbox.get().subject == "Hello"
    assert account.protocol.auth_type == "NTLM"


def test_a_wrong_password(world: World) -> None:
    world.organisation.add_account("FIRMA\\alice", "another", address("alice"))
    with pytest.raises(UnauthorizedError):
        _ = own_account(world, "alice").inbox


def test_impersonation_and_its_limits(world: World) -> None:
    world.deliver("bob", "inbox", subject="For Bob")
    assert [item.subject for item in impersonated(world, "bob").inbox.all()] == ["For Bob"]
    with pytest.raises(ErrorNonExistentMailbox):
        _ = impersonated(world, "nobody").inbox
    world.server.faults.add(Fault("impersonation_revoked"))
    with pytest.raises(ErrorImpersonateUserDenied):
        _ = impersonated(world, "alice").inbox


def test_full_access_for_whom_it_was_given_to(world: World) -> None:
    world.deliver("alice", "inbox", subject="For Alice")
    assert own_account(world, "alice", by="carol").inbox.get().subject == "For Alice"
    with pytest.raises(ErrorAccessDenied):
        _ = own_account(world, "alice", by="bob").inbox


def test_it_understands_how_long_it_is_told_to_wait(world: World) -> None:
    world.deliver("alice", "inbox", subject="Hello")
    patient = own_account(world, "alice", retry_policy=FaultTolerance(max_wait=10))
    assert patient.inbox.get().subject == "Hello"
    world.server.faults.add(Fault("busy_short", operation="FindItem", seconds=1))
    assert patient.inbox.get().subject == "Hello"
    assert world.server.watch.told == 1
    assert world.server.watch.broken == []


def test_without_patience_it_says_so(world: World) -> None:
    hasty = own_account(world, "alice")
    _ = hasty.inbox
    world.server.faults.add(Fault("busy_short", operation="FindItem"))
    with pytest.raises(ErrorServerBusy):
        list(hasty.inbox.all())


# --- folders -------------------------------------------------------------------------------------------------------


def test_the_tree_with_its_well_known_folders(alice: Any) -> None:
    names = {type(folder).__name__ for folder in alice.root.walk()}
    known = {
        "Inbox",
        "SentItems",
        "Drafts",
        "DeletedItems",
        "JunkEmail",
        "Outbox",
        "Calendar",
        "Contacts",
        "Tasks",
        "Notes",
    }
    assert known <= names
    assert alice.archive_msg_folder_root.name
    assert alice.recoverable_items_root.total_count == 0


def test_folders_are_made_renamed_moved_and_deleted(world: World, alice: Any) -> None:
    made = Messages(parent=alice.inbox, name="Projects")
    made.save()
    below = Messages(parent=made, name="2026")
    below.save()
    made.name = "Ventures"
    made.save()
    below.move(alice.inbox)
    held = {folder.name: folder for folder in world.mailbox("alice").folders()}
    assert held["2026"].parent == held["Inbox"].id == held["Ventures"].parent
    made.delete()
    assert "Ventures" not in {
        folder.name for folder in world.mailbox("alice").children(world.mailbox("alice").well_known("inbox"))
    }


# --- mail ----------------------------------------------------------------------------------------------------------


def test_a_message_is_made_read_changed_and_deleted(alice: Any) -> None:
    made = Message(
        account=alice,
        folder=alice.drafts,
        **sent(
            "bob",
            "Straße & <Tee> 茶",
            body=HTMLBody("<p>Grüße</p>"),
            cc_recipients=[Mailbox(name="Carol", email_address=address("carol"))],
            importance="High",
            sensitivity="Private",
            categories=["Blue", "Grün"],
            is_read=False,
        ),
    )
    made.save()
    held = alice.drafts.get(id=made.id)
    assert (held.subject, held.importance, held.sensitivity) == ("Straße & <Tee> 茶", "High", "Private")
    assert set(held.categories) == {"Blue", "Grün"}
    assert "Grüße" in held.body
    assert [one.email_address for one in held.cc_recipients] == [address("carol")]
    assert not held.is_read
    held.subject, held.is_read, held.categories = "Other", True, None
    held.save(update_fields=["subject", "is_read", "categories"])
    again = alice.drafts.get(id=made.id)
    assert (again.subject, again.is_read, again.categories) == ("Other", True, None)
    assert again.changekey != made.changekey
    again.delete()
    with pytest.raises(DoesNotExist):
        alice.drafts.get(subject="Other")


def test_mime_comes_back_as_it_was_given(alice: Any) -> None:
    mime = (
        b"From: Dora <dora@firma.example>\r\nTo: alice@firma.example\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
        b"Message-ID: <one@firma.example>\r\nDate: Mon, 23 Nov 2026 09:00:00 +0000\r\nX-Odd: yes\r\n\r\nHello\r\n"
    )
    Message(account=alice, folder=alice.inbox, mime_content=mime).save()
    held = alice.inbox.get(subject="Grüße")
    assert held.mime_content == mime
    assert held.message_id == "<one@firma.example>"
    assert held.sender.email_address == "dora@firma.example"
    assert {header.name: header.value for header in held.headers}["X-Odd"] == "yes"


def test_attachments_both_kinds(alice: Any) -> None:
    made = Message(account=alice, folder=alice.inbox, **sent("alice", "With attachments"))
    made.attach(FileAttachment(name="plan.bin", content=bytes(range(256)) * 400, content_type="application/x-plan"))
    made.attach(FileAttachment(name="logo.png", content=b"\x89PNG", is_inline=True, content_id="logo@1"))
    inner = Message(account=alice, folder=alice.inbox, **sent("bob", "Inner", body="deep"))
    inner.attach(FileAttachment(name="deep.txt", content=b"deeper"))
    made.attach(ItemAttachment(name="Inner", item=inner))
    made.save()
    held = alice.inbox.get(subject="With attachments")
    assert held.has_attachments
    by_name = {each.name: each for each in held.attachments}
    assert by_name["plan.bin"].content == bytes(range(256)) * 400
    assert by_name["plan.bin"].content_type == "application/x-plan"
    assert (by_name["logo.png"].is_inline, by_name["logo.png"].content_id) == (True, "logo@1")
    nested = by_name["Inner"].item
    assert nested.subject == "Inner"
    assert "deep" in nested.body
    assert [each.name for each in nested.attachments] == ["deep.txt"]
    with by_name["plan.bin"].fp as stream:
        assert len(stream.read()) == 256 * 400
    held.detach(by_name["plan.bin"])
    assert "plan.bin" not in {each.name for each in alice.inbox.get(subject="With attachments").attachments}


def test_extended_properties(alice: Any) -> None:
    class SearchKey(ExtendedProperty):
        property_tag = 0x300B
        property_type = "Binary"

    class Ours(ExtendedProperty):
        property_set_id = "00020329-0000-0000-c000-000000000046"
        property_name = "Keeper"
        property_type = "String"

    Message.register("search_key", SearchKey)
    Message.register("ours", Ours)
    try:
        Message(account=alice, folder=alice.inbox, **sent("alice", "Extended", ours="kept")).save()
        held = alice.inbox.get(subject="Extended")
        assert held.ours == "kept"
        assert len(held.search_key) == 16
        assert held.move(alice.sent) is None
        assert alice.sent.get(subject="Extended").search_key == held.search_key
        assert [item.subject for item in alice.sent.filter(ours="kept")] == ["Extended"]
    finally:
        Message.deregister("search_key")
        Message.deregister("ours")


def test_paging_order_and_restrictions(world: World, alice: Any) -> None:
    for number in range(57):
        world.deliver("alice", "inbox", subject=f"Letter {number:02d}", body="odd" if number % 2 else "even")
    alice.inbox.refresh()
    assert alice.inbox.total_count == 57
    everything = alice.inbox.all().only("subject").order_by("subject")
    everything.page_size = 10
    assert [item.subject for item in everything] == [f"Letter {number:02d}" for number in range(57)]
    assert [item.subject for item in alice.inbox.all().order_by("-datetime_received")[:2]] == ["Letter 56", "Letter 55"]
    assert alice.inbox.filter(subject__startswith="Letter 1").count() == 10
    both = alice.inbox.filter(Q(subject="Letter 03") | Q(subject__contains="r 5"), is_read=False)
    assert sorted(item.subject for item in both) == ["Letter 03", *(f"Letter {number}" for number in range(50, 57))]
    recent = alice.inbox.filter(datetime_received__gt=EWSDateTime(2030, 1, 1, tzinfo=EWSTimeZone("UTC")))
    assert not recent.exists()
    assert alice.inbox.filter(~Q(subject__startswith="Letter 0")).count() == 47


def test_bulk_work(alice: Any) -> None:
    made = alice.bulk_create(
        folder=alice.inbox,
        items=[Message(account=alice, folder=alice.inbox, **sent("alice", f"Bulk {number}")) for number in range(120)],
        chunk_size=50,
    )
    assert len(made) == 120
    fetched = list(alice.fetch(made, only_fields=["subject"]))
    assert [item.subject for item in fetched] == [f"Bulk {number}" for number in range(120)]
    moved = alice.bulk_move(made[:20], to_folder=alice.junk)
    assert len(moved) == 20
    copied = alice.bulk_copy(moved[:5], to_folder=alice.sent)
    assert len(copied) == 5
    assert all(one is True for one in alice.bulk_delete(made[20:40]))
    gone = list(alice.fetch(made[20:21]))
    assert isinstance(gone[0], ErrorItemNotFound)
    for folder, count in ((alice.inbox, 80), (alice.junk, 20), (alice.sent, 5)):
        folder.refresh()
        assert folder.total_count == count


# --- synchronisation -----------------------------------------------------------------------------------------------


def test_items_are_synchronised_step_by_step(world: World, alice: Any) -> None:
    held = [world.deliver("alice", "inbox", subject=f"Letter {number}") for number in range(25)]
    assert [kind for kind, _ in alice.inbox.sync_items(max_changes_returned=10)] == ["create"] * 25
    assert list(alice.inbox.sync_items()) == []
    mailbox = world.mailbox("alice")
    mailbox.mark_read(held[0], True)
    mailbox.delete(held[1], "hard")
    mailbox.move(held[2], mailbox.well_known("junkemail"))
    changed = mailbox.item(held[3].id)
    assert changed is not None
    changed.properties["Subject"] = "Changed"
    mailbox.save(changed)
    world.deliver("alice", "inbox", subject="New")
    changes = sorted(kind for kind, _ in alice.inbox.sync_items())
    assert changes == ["create", "delete", "delete", "read_flag_change", "update"]


def test_the_hierarchy_is_synchronised(world: World, alice: Any) -> None:
    first = list(alice.root.sync_hierarchy())
    assert {kind for kind, _ in first} == {"create"}
    mailbox = world.mailbox("alice")
    made = mailbox.add_folder(mailbox.well_known("inbox"), "Projects")
    assert [(kind, folder.name) for kind, folder in alice.root.sync_hierarchy()] == [("create", "Projects")]
    mailbox.rename_folder(made, "Ventures")
    assert [(kind, folder.name) for kind, folder in alice.root.sync_hierarchy()] == [("update", "Ventures")]
    mailbox.move_folder(made, mailbox.well_known("msgfolderroot"))
    mailbox.delete_folder(made, "hard")
    assert "delete" in [kind for kind, _ in alice.root.sync_hierarchy()]


# --- calendar ------------------------------------------------------------------------------------------------------


def test_an_appointment(alice: Any) -> None:
    made = CalendarItem(
        account=alice,
        folder=alice.calendar,
        subject="Review",
        body="Agenda",
        location="Room 4",
        start=NINE,
        end=NINE + timedelta(hours=1),
        legacy_free_busy_status="Tentative",
        reminder_minutes_before_start=30,
        reminder_is_set=True,
        required_attendees=[Attendee(mailbox=Mailbox(email_address=address("bob")), response_type="Accept")],
        optional_attendees=[address("carol")],
        categories=["Work"],
    )
    made.attach(FileAttachment(name="agenda.txt", content=b"1. tea"))
    made.save(send_meeting_invitations="SendToNone")
    held = alice.calendar.get(subject="Review")
    assert (held.start, held.end) == (NINE, NINE + timedelta(hours=1))
    assert (held.location, held.legacy_free_busy_status) == ("Room 4", "Tentative")
    assert (held.reminder_is_set, held.reminder_minutes_before_start) == (True, 30)
    assert [one.mailbox.email_address for one in held.required_attendees] == [address("bob")]
    assert [one.mailbox.email_address for one in held.optional_attendees] == [address("carol")]
    assert held.uid
    assert held.attachments[0].content == b"1. tea"
    assert b"BEGIN:VCALENDAR" in held.mime_content
    held.start, held.end = NINE + timedelta(days=1), NINE + timedelta(days=1, hours=2)
    held.save(update_fields=["start", "end"], send_meeting_invitations="SendToNone")
    assert alice.calendar.get(subject="Review").start == NINE + timedelta(days=1)
    alice.calendar.get(subject="Review").delete(send_meeting_cancellations="SendToNone")
    assert alice.calendar.all().count() == 0


def test_a_series_with_a_changed_and_a_deleted_occurrence(alice: Any) -> None:
    CalendarItem(
        account=alice,
        folder=alice.calendar,
        subject="Weekly",
        start=NINE,
        end=NINE + timedelta(hours=1),
        recurrence=Recurrence(
            pattern=WeeklyPattern(interval=1, weekdays=["Tuesday"]), start=date(2026, 11, 24), number=5
        ),
    ).save(send_meeting_invitations="SendToNone")
    master = alice.calendar.get(subject="Weekly")
    assert master.type == "RecurringMaster"
    assert master.recurrence.boundary.number == 5
    view = alice.calendar.view(start=NINE - timedelta(days=1), end=NINE + timedelta(days=60))
    assert [each.start for each in sorted(view, key=lambda item: item.start)] == [
        NINE + timedelta(weeks=number) for number in range(5)
    ]
    second = master.occurrence(index=2)
    second.refresh()
    second.subject = "Weekly, later"
    second.start, second.end = second.start + timedelta(hours=3), second.end + timedelta(hours=3)
    second.save(update_fields=["subject", "start", "end"], send_meeting_invitations="SendToNone")
    third = master.occurrence(index=3)
    third.refresh()
    third.delete(send_meeting_cancellations="SendToNone")
    master = alice.calendar.get(id=master.id)
    assert [each.original_start for each in master.modified_occurrences] == [NINE + timedelta(weeks=1)]
    assert [each.start for each in master.deleted_occurrences] == [NINE + timedelta(weeks=2)]
    shown = alice.calendar.view(start=NINE - timedelta(days=1), end=NINE + timedelta(days=60))
    assert sorted((each.subject, each.start) for each in shown) == [
        ("Weekly", NINE),
        ("Weekly", NINE + timedelta(weeks=3)),
        ("Weekly", NINE + timedelta(weeks=4)),
        ("Weekly, later", NINE + timedelta(weeks=1, hours=3)),
    ]


def test_an_all_day_event(alice: Any) -> None:
    CalendarItem(
        account=alice,
        folder=alice.calendar,
        subject="Holiday",
        is_all_day=True,
        start=EWSDate(2026, 12, 24),
        end=EWSDate(2026, 12, 26),
    ).save(send_meeting_invitations="SendToNone")
    held = alice.calendar.get(subject="Holiday")
    assert held.is_all_day
    assert (held.start, held.end) == (EWSDate(2026, 12, 24), EWSDate(2026, 12, 26))


# --- contacts, tasks, notes ----------------------------------------------------------------------------------------


def test_a_contact_with_everything(alice: Any) -> None:
    Contact(
        account=alice,
        folder=alice.contacts,
        given_name="Bérénice",
        surname="Lévi",
        display_name="Bérénice Lévi",
        company_name="Atelier",
        job_title="Graveuse",
        birthday=EWSDate(1980, 2, 29),
        email_addresses=[EmailAddress(label="EmailAddress1", email="b@atelier.example")],
        phone_numbers=[PhoneNumber(label="MobilePhone", phone_number="+33 6 1")],
        physical_addresses=[
            PhysicalAddress(label="Business", street="Rue 1", city="Lyon", country="France", zipcode="69001")
        ],
        notes="Likes tea",
        categories=["Friends"],
    ).save()
    held = alice.contacts.get(display_name="Bérénice Lévi")
    assert (held.given_name, held.surname, held.company_name, held.job_title) == (
        "Bérénice",
        "Lévi",
        "Atelier",
        "Graveuse",
    )
    assert [(each.label, each.email) for each in held.email_addresses] == [("EmailAddress1", "b@atelier.example")]
    assert {each.label: each.phone_number for each in held.phone_numbers if each.phone_number} == {
        "MobilePhone": "+33 6 1"
    }
    assert held.physical_addresses[0].city == "Lyon"
    assert held.birthday == EWSDate(1980, 2, 29)
    assert b"BEGIN:VCARD" in held.mime_content
    held.job_title = "Peintre"
    held.save(update_fields=["job_title"])
    assert alice.contacts.get(display_name="Bérénice Lévi").job_title == "Peintre"
    held.delete()
    assert alice.contacts.all().count() == 0


def test_a_distribution_list(alice: Any) -> None:
    DistributionList(
        account=alice,
        folder=alice.contacts,
        display_name="Friends",
        members=[Member(mailbox=Mailbox(name="Bob", email_address=address("bob"), mailbox_type="OneOff"))],
    ).save()
    held = alice.contacts.get(display_name="Friends")
    assert isinstance(held, DistributionList)
    assert [each.mailbox.email_address for each in held.members] == [address("bob")]


def test_tasks(alice: Any) -> None:
    Task(
        account=alice,
        folder=alice.tasks,
        subject="Water the plants",
        status="InProgress",
        percent_complete=Decimal(40),
        start_date=EWSDate(2026, 11, 20),
        due_date=EWSDate(2026, 12, 1),
        importance="Low",
        body="All of them",
    ).save()
    held = alice.tasks.get(subject="Water the plants")
    assert (held.status, held.percent_complete, held.due_date) == ("InProgress", 40, EWSDate(2026, 12, 1))
    held.complete()
    assert alice.tasks.get(subject="Water the plants").is_complete


def test_sticky_notes_and_posts(world: World, alice: Any) -> None:
    """exchangelib can read a note, but not make one."""
    mailbox = world.mailbox("alice")
    body = {"Subject": "Milk", "Body": "Milk\r\nBread", "Body@BodyType": "Text"}
    mailbox.add(mailbox.well_known("notes"), Item("IPM.StickyNote", "Message", body))
    held = alice.notes.get(subject="Milk")
    assert held.item_class == "IPM.StickyNote"
    assert "Bread" in held.body
    PostItem(account=alice, folder=alice.inbox, subject="Posted", body="On the board").save()
    assert isinstance(alice.inbox.get(subject="Posted"), PostItem)


# --- the native form -----------------------------------------------------------------------------------------------


def test_what_was_exported_uploads_as_the_same_item(alice: Any) -> None:
    made = Message(account=alice, folder=alice.inbox, **sent("alice", "Native", body="whole", categories=["Kept"]))
    made.attach(FileAttachment(name="a.bin", content=b"\0\1\2"))
    made.save()
    CalendarItem(
        account=alice, folder=alice.calendar, subject="Native event", start=NINE, end=NINE + timedelta(hours=1)
    ).save(send_meeting_invitations="SendToNone")
    event = alice.calendar.get(subject="Native event")
    streams = list(alice.export([alice.inbox.get(subject="Native"), event]))
    uploaded = list(alice.upload([(alice.junk, streams[0]), (alice.calendar, streams[1])]))
    assert len(uploaded) == 2
    held = alice.junk.get(subject="Native")
    assert (held.body, held.categories) == (alice.inbox.get(subject="Native").body, ["Kept"])
    assert held.attachments[0].content == b"\0\1\2"
    assert alice.calendar.filter(subject="Native event").count() == 2


# --- the directory -------------------------------------------------------------------------------------------------


def test_names_are_resolved_and_lists_expanded(world: World, alice: Any) -> None:
    world.organisation.add_distribution_list("all@firma.example", "Everybody", [address("alice"), address("bob")])
    assert alice.version  # found out by a request of its own, without which the next one has none to name
    found = alice.protocol.resolve_names(["Bob"], return_full_contact_data=False)
    assert [each.email_address for each in found] == [address("bob")]
    expanded = alice.protocol.expand_dl("all@firma.example")
    assert sorted(each.email_address for each in expanded) == [address("alice"), address("bob")]


def test_time_zones(alice: Any) -> None:
    assert alice.version
    zones = list(alice.protocol.get_timezones(timezones=[BERLIN], return_full_timezone_data=True))
    assert [zone.id for zone in zones] == ["W. Europe Standard Time"]
    standard, daylight = zones[0].get_std_and_dst(for_year=2026)[:2]
    assert (standard.time.hour, daylight.time.hour) == (3, 2)  # o'clock of the day on which each begins


def test_autodiscover_over_soap(world: World) -> None:
    configuration = Configuration(
        service_endpoint=f"{world.server.base_url}/autodiscover/autodiscover.svc",
        credentials=Credentials("FIRMA\\alice", "pass-alice-word"),
        auth_type=BASIC,
    )
    protocol = AutodiscoverProtocol(config=configuration)
    try:
        answer = protocol.get_user_settings(address("alice"), settings=["external_ews_url", "user_display_name"])
    finally:
        protocol.close()
    assert answer.ews_url == world.server.url
    assert answer.user_settings["user_display_name"] == "Alice Ott"


def test_rights_it_sees(alice: Any) -> None:
    assert isinstance(alice.inbox.effective_rights, EffectiveRights)
    assert alice.inbox.effective_rights.create_contents
