"""Local groups: named sets of addresses (SPEC B4). A change is picked up by every task that uses the group, at once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction

from mailkeep.catalog import records
from mailkeep.catalog.models import Group, GroupMember
from mailkeep.errors import GiveUp
from mailkeep.operations import members
from mailkeep.tasks.names import checked_name

# Deliberately loose: a mailbox is what its server says it is; we refuse only what cannot be an address or a user name.
ADDRESS = re.compile(r"[^\s\x00-\x1f\x7f@]+(@[^\s\x00-\x1f\x7f@]+)?")


@dataclass(frozen=True, slots=True)
class GroupRow:
    name: str
    members: list[str]
    count: int
    tasks: list[str]


def add(name: str, addresses: Sequence[str], actor: str) -> GroupRow:
    """A new local group."""
    name = checked_name(name, thing="group")
    with transaction.atomic():
        if Group.objects.filter(name__iexact=name).exists():
            raise GiveUp("name_taken", f"there is already a group named {name}", "choose another name")
        row = Group.objects.create(name=name)
        _put_members(row, addresses)
        records.save(row, actor)
    return _row(row)


def change(name: str, add_addresses: Sequence[str], remove_addresses: Sequence[str], actor: str) -> GroupRow:
    """Members joined and left; tasks that use the group follow at once."""
    with transaction.atomic():
        row = find(name)
        for address in remove_addresses:
            row.members.filter(address__iexact=address.strip()).delete()
        _put_members(row, add_addresses)
        records.save(row, actor)
        for task in row.tasks.all():
            members.resolve(task, actor)
    return _row(row)


def listed() -> list[GroupRow]:
    return [_row(row) for row in Group.objects.order_by("name").prefetch_related("members", "tasks")]


def show(name: str) -> GroupRow:
    return _row(find(name))


def lookup(text: str) -> list[GroupRow]:
    """Groups whose name contains the text, with their live member counts (SPEC A6)."""
    rows = Group.objects.filter(name__icontains=text.strip()).order_by("name")
    return [_row(row) for row in rows.prefetch_related("members", "tasks")]


def remove(name: str, actor: str) -> None:
    """Refused while a task uses it."""
    with transaction.atomic():
        row = find(name)
        users = sorted(task.name for task in row.tasks.all())
        if users:
            raise GiveUp(
                "in_use", f"group {row.name} is used by {', '.join(users)}", "change or delete these tasks first"
            )
        records.gone(row, actor)
        row.delete()


def find(name: str) -> Group:
    for row in Group.objects.filter(name__iexact=name.strip()):
        return row
    raise GiveUp("group_not_found", f"there is no group named {name}", "see: mailkeep group list")


def _put_members(row: Group, addresses: Sequence[str]) -> None:
    have = {one.address.lower() for one in row.members.all()}
    for address in (one.strip() for one in addresses):
        if not ADDRESS.fullmatch(address) or len(address) > 320:
            raise GiveUp("bad_address", f"{address!r} is no mailbox address", "give addresses like anna@example.org")
        if address.lower() not in have:
            have.add(address.lower())
            GroupMember.objects.create(group=row, address=address)


def _row(row: Group) -> GroupRow:
    addresses = sorted(one.address for one in row.members.all())
    return GroupRow(row.name, addresses, len(addresses), sorted(task.name for task in row.tasks.all()))
