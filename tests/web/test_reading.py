"""A mailbox at any moment, and one item: reason and audit first, then what is shown and with which headers."""

from __future__ import annotations

import pytest
from django.test import Client

from mailkeep.catalog.models import AuditLine, Mailbox
from mailkeep.mail.parse import Unparsed
from mailkeep.operations import opened

from . import letters, world

REASON = "restore request 4711"


@pytest.fixture
def mailbox(db: None, archive: world.FakeArchive) -> Mailbox:
    world.task("Head office", [("ok", 1)])
    found = Mailbox.objects.get()
    world.fill(found, letters.ordinary(), archive)
    return found


@pytest.fixture
def place(mailbox: Mailbox) -> str:
    return f"/mailboxes/{mailbox.uid.hex}/"


def item(mailbox: Mailbox, number: int) -> str:
    return f"/items/{mailbox.uid.hex}-{number}/"


@pytest.fixture
def reader(alice: Client, place: str) -> Client:
    alice.post(f"{place}reason/", {"reason": REASON})
    return alice


def test_a_reason_comes_first_and_stands_in_the_audit(alice: Client, mailbox: Mailbox, place: str) -> None:
    assert "Why do you open this mailbox?" in alice.get(place).content.decode()
    for path in (
        item(mailbox, 1),
        f"{item(mailbox, 1)}original/",
        f"{item(mailbox, 1)}headers/",
        f"{item(mailbox, 15)}attachments/1/",
    ):
        assert alice.get(path).headers["Location"] == place
    assert alice.get(f"{item(mailbox, 1)}body/").status_code == 403
    assert alice.post(f"{place}reason/", {"reason": "  "}).status_code == 422
    assert not AuditLine.objects.exists()
    answer = alice.post(f"{place}reason/", {"reason": REASON, "next": place})
    assert answer.headers["Location"] == place
    alice.get(item(mailbox, 1))
    alice.get(f"{item(mailbox, 15)}attachments/1/")
    b"".join(alice.get(f"{item(mailbox, 1)}original/"))  # type: ignore[call-overload]
    lines = list(AuditLine.objects.order_by("id").values_list("actor", "action", "subject", "reason"))
    assert lines == [
        ("alice", "open_mailbox", mailbox.address, REASON),
        ("alice", "view_content", f"{mailbox.uid.hex}-1", REASON),
        ("alice", "download_attachment", f"{mailbox.uid.hex}-15", REASON),
        ("alice", "download_original", f"{mailbox.uid.hex}-1", REASON),
    ]


def test_a_reason_for_one_mailbox_opens_no_other(reader: Client, archive: world.FakeArchive) -> None:
    other = world._mailbox(Mailbox.objects.get().owner, "other@contoso.example", "ok", Mailbox.objects.get().created_at)  # type: ignore[arg-type]
    other.save()
    assert "Why do you open this mailbox?" in reader.get(f"/mailboxes/{other.uid.hex}/").content.decode()


def test_live_and_as_of(reader: Client, mailbox: Mailbox, place: str) -> None:
    live = reader.get(place).content.decode()
    assert "Live: as of the synchronisation of" in live
    assert live.count("data-letter=") == 14  # what was left out is listed elsewhere
    entries = mailbox.entries.order_by("number")
    then = reader.get(place, {"as_of": entries[0].time.isoformat()}).content.decode()
    assert "Shown as the synchronisation of" in then
    assert then.count("data-letter=") == 13
    assert "Moving in the spring" not in then
    before = reader.get(place, {"as_of": "2020-01-01T00:00"}).content.decode()
    assert "No synchronisation had completed by then." in before
    assert "Archive: everything that was ever there" in reader.get(place, {"view": "archive"}).content.decode()


def test_a_typed_second_includes_the_run_that_ended_in_it(reader: Client, mailbox: Mailbox, place: str) -> None:
    ended = mailbox.entries.get(number=1).time
    typed = ended.strftime("%Y-%m-%dT%H:%M:%S")
    assert reader.get(place, {"as_of": typed}).content.decode().count("data-letter=") == 13


def test_flags_of_the_moment(reader: Client, mailbox: Mailbox, place: str) -> None:
    assert '<span class="label">flagged</span>' in reader.get(item(mailbox, 1)).content.decode()


def test_pages_fit_together(
    reader: Client, mailbox: Mailbox, archive: world.FakeArchive, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import re

    from mailkeep.catalog import views

    whole = views.page
    monkeypatch.setattr(views, "page", lambda *args, **options: whole(*args, **options, limit=5))
    seen: list[str] = []
    address = place
    while address:
        page = reader.get(address).content.decode()
        seen += re.findall(r'data-letter="([^"]+)"', page)
        older = re.search(r'href="([^"]+)">Older', page)
        address = place + older[1].replace("&amp;", "&") if older else ""
    assert len(seen) == len(set(seen)) == 14


@pytest.mark.parametrize("odd", ["?after=x", "?as_of=yesterday", "?after=_"])
def test_odd_addresses_are_answered_with_a_sentence(reader: Client, place: str, odd: str) -> None:
    answer = reader.get(place + odd)
    assert answer.status_code == 409
    assert "This did not work" in answer.content.decode()


def test_the_original_is_byte_for_byte(reader: Client, mailbox: Mailbox, archive: world.FakeArchive) -> None:
    answer = reader.get(f"{item(mailbox, 15)}original/")
    content = b"".join(answer)  # type: ignore[call-overload]
    assert content == archive.read(bytes(mailbox.items.get(number=15).content))
    assert b"Moving in the spring" in content
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["Content-Type"] == "application/octet-stream"


def test_the_body_is_a_document_that_can_do_nothing(reader: Client, mailbox: Mailbox) -> None:
    answer = reader.get(f"{item(mailbox, 15)}body/")
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox; default-src 'none'; img-src data:;")
    assert answer.headers["X-Frame-Options"] == "SAMEORIGIN"
    text = answer.content.decode()
    assert "track.example" not in text
    assert "data:image/png;base64," in text
    assert "2 remote images are blocked" in text


def test_only_named_images_are_read_a_bounded_number_of_them_and_in_one_go(
    mailbox: Mailbox, archive: world.FakeArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = "".join(f'<img src="cid:i%{ord("x"):x}{number}&#64;here">' for number in range(60))
    parts = "".join(
        f"--b\r\nContent-Type: image/png\r\nContent-ID: <ix{number}@here>\r\n\r\npicture {number}\r\n"
        for number in range(200)
    )
    raw = (
        'MIME-Version: 1.0\r\nContent-Type: multipart/related; boundary="b"\r\n\r\n'
        f"--b\r\nContent-Type: text/html\r\n\r\n{named}<img src=cid:ix70@here> ix71@here\r\n{parts}--b--\r\n"
    ).encode()
    other = Mailbox.objects.create(connection=mailbox.connection, address="pictures@contoso.example")
    (pictures,) = world.fill(other, [world.Letter(raw, "pictures")], archive)
    asked: list[int] = []
    ask = opened.cell._ask
    monkeypatch.setattr(
        opened.cell, "_ask", lambda numbers, content: asked.append(len(numbers)) or ask(numbers, content)
    )
    found = opened.body(pictures)
    assert found.images == {f"ix{number}@here": ("image/png", b"picture %d" % number) for number in range(50)}
    assert found.not_shown == 11
    assert asked == [0, 50]
    monkeypatch.setattr(opened.cell, "attachments", lambda *_: Unparsed("too_long", "it took too long"))
    assert (opened.body(pictures).images, opened.body(pictures).not_shown) == ({}, 61)


def test_images_that_are_not_shown_are_counted(
    reader: Client, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opened, "INLINE_BYTES_MAX", 10)
    text = reader.get(f"{item(mailbox, 15)}body/").content.decode()
    assert "1 image of this letter is not shown here" in text
    assert "data:image" not in text


def test_headers_as_they_stand(reader: Client, mailbox: Mailbox) -> None:
    assert "Message-ID: &lt;made@contoso.example&gt;" in reader.get(f"{item(mailbox, 1)}headers/").content.decode()


def test_a_left_out_item_says_why(reader: Client, mailbox: Mailbox, place: str) -> None:
    for path in (item(mailbox, 14), f"{place}left-out/"):
        page = reader.get(path).content.decode()
        assert "too large" in page
        assert "412 MB" in page
    assert reader.get(f"{item(mailbox, 14)}original/").status_code == 409


def test_tangled_html_costs_a_sentence_and_no_worker(
    reader: Client, mailbox: Mailbox, archive: world.FakeArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mailkeep.web import cleaning

    monkeypatch.setattr(cleaning, "SECONDS_MAX", 1)
    raw = letters.message("tangled", "<div>" * 200_000 + "x", text=" ")
    other = Mailbox.objects.create(connection=mailbox.connection, address="tangled@contoso.example")
    (tangled,) = world.fill(other, [world.Letter(raw, "tangled")], archive)
    reader.post(f"/mailboxes/{other.uid.hex}/reason/", {"reason": REASON})
    assert "too tangled to be shown" in reader.get(f"/items/{tangled}/body/").content.decode()


def test_what_does_not_exist_is_not_found(reader: Client, mailbox: Mailbox) -> None:
    assert reader.get(item(mailbox, 999)).status_code == 404
    assert reader.get(f"{item(mailbox, 15)}attachments/77/").status_code == 404
    assert reader.get(f"/mailboxes/{world.new_uid()}/").status_code == 404
    assert reader.get("/nothing/here/").status_code == 404
