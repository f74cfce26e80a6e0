"""A folder named on the command line."""

from __future__ import annotations

import pytest

from mailkeep.catalog import views
from mailkeep.catalog.models import Mailbox
from mailkeep.errors import GiveUp
from mailkeep.operations import browse


def test_a_folder_without_a_name_is_no_obstacle(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [views.FolderRow(1, (), "", "mail", 0), views.FolderRow(2, ("INBOX",), "inbox", "mail", 0)]
    monkeypatch.setattr(views, "folders", lambda *_: rows)
    at = views.Moment(1, None, True)
    assert browse.folder_number(Mailbox(address="a@x"), at, "inbox") == 2
    with pytest.raises(GiveUp) as refused:
        browse.folder_number(Mailbox(address="a@x"), at, "Elsewhere")
    assert refused.value.code == "folder_not_found"
