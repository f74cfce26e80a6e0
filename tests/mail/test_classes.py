"""SPEC A8: message classes."""

from __future__ import annotations

import pytest

from mailkeep.mail.classes import BadPattern, archived_patterns, check_pattern, kind_of, matches
from mailkeep.mail.items import Kind


@pytest.mark.parametrize(
    ("pattern", "message_class", "expected"),
    [
        ("IPM.Note", "IPM.Note", True),
        ("IPM.Note", "ipm.NOTE", True),
        ("IPM.Note", "IPM.Note.SMIME", False),
        ("IPM.Note.*", "IPM.Note.SMIME.MultipartSigned", True),
        ("ipm.note.*", "IPM.NOTE.SMIME", True),
        ("IPM.Note.*", "IPM.Note", False),
        ("IPM.Note.*", "IPM.NoteX", False),
        ("IPM.Note.*", "IPM.Note.", False),
        ("IPM.Note.*", "IPM.NoteX.Y", False),
        ("REPORT.IPM.*", "REPORT.IPM.Note.NDR", True),
        ("IPM.*", "", False),
    ],
)
def test_a8_patterns(pattern: str, message_class: str, expected: bool) -> None:
    assert matches(pattern, message_class) is expected


@pytest.mark.parametrize(
    ("message_class", "kind"),
    [
        ("IPM.Note", Kind.MAIL),
        ("IPM.Post", Kind.MAIL),
        ("IPM.Schedule.Meeting.Request", Kind.MAIL),
        ("IPM.Recall.Report", Kind.MAIL),
        ("IPM.Resend", Kind.MAIL),
        ("REPORT.IPM.Note.DR", Kind.MAIL),
        ("IPM.Appointment", Kind.EVENT),
        ("IPM.OLE.CLASS.{00061055-0000-0000-C000-000000000046}", Kind.EVENT),
        ("IPM.Contact.Company", Kind.CONTACT),
        ("IPM.DistList", Kind.CONTACT),
        ("IPM.TaskRequest.Accept", Kind.TASK),
        ("IPM.StickyNote", Kind.NOTE),
        ("IPM.Activity", None),
        ("IPM.Schedule.Meeting", None),
        ("IPM", None),
    ],
)
def test_a8_defaults_by_kind(message_class: str, kind: Kind | None) -> None:
    assert kind_of(message_class) is kind


def test_a8_added_classes_are_ignored_while_mail_is_off() -> None:
    assert "IPM.Mine" in archived_patterns({Kind.MAIL}, ["IPM.Mine"])
    assert archived_patterns({Kind.NOTE}, ["IPM.Mine"]) == ("IPM.StickyNote",)


@pytest.mark.parametrize("typed", [" IPM.Note.Form ", "IPM.Note.*", "IPM.*", "ipm.voice", "IPM.Note.Vacation Request"])
def test_a8_a_wellformed_class_is_kept_trimmed(typed: str) -> None:
    assert check_pattern(typed) == typed.strip()


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("", "missing"),
        ("   ", "missing"),
        ("IPM..Note", "dot too many"),
        (".IPM", "dot too many"),
        ("IPM.", "dot too many"),
        ("*", "every class"),
        ("IPM.*.Note", "only at the end"),
        ("IPM.Note*", "only at the end"),
        ("IPM.Nöte", "'ö'"),
        ("IPM.Note\n.X", "'\\n'"),
        ("IPM." + "x" * 300, "255"),
        ("IPM.Appointment", "event"),
        ("ipm.contact.*", "contact"),
    ],
)
def test_a8_a_malformed_class_is_refused_in_a_sentence(typed: str, says: str) -> None:
    with pytest.raises(BadPattern, match=r".") as raised:
        check_pattern(typed)
    assert says in str(raised.value)
