"""A small JSON description of an organisation, and making it so.

    {
      "domain": "halden.example", "version": "Exchange2019", "seed": 7,
      "mailboxes": [{"address": "anna@halden.example", "name": "Anna Vogt", "language": "de", "archive": true, "aliases": []}],
      "accounts":  [{"user": "HALDEN\\\\svc", "password": "…", "impersonates": true, "mailbox": null}],
      "full_access": [{"user": "HALDEN\\\\svc", "mailbox": "anna@halden.example"}],
      "lists": [{"address": "all@halden.example", "name": "Everybody", "members": ["anna@halden.example"]}],
      "house": {"seed": 1, "days": 365},       # the made-up house moves in, once
      "life": {"seed": 1},                     # and goes on living
      "server": {"name": "mail.halden.example", "address": "127.0.0.1", "tls": true, "schemes": ["Basic", "NTLM"],
                 "extended_protection": "require", "regenerate": false, "policy": {"max_concurrency": 4}}
    }

Everything may be left out. What the store already holds is left as it is, so a description can be read at every start.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mailkeep.errors import GiveUp
from mailkeep.simulator.ews.server import Settings
from mailkeep.simulator.ews.throttling import Policy
from mailkeep.simulator.exchange.organisation import Organisation
from mailkeep.simulator.inhabit_exchange import move_in

Description = dict[str, Any]

_KNOWN = {"domain", "version", "seed", "mailboxes", "accounts", "full_access", "lists", "house", "life", "server"}


def organisation_of(description: Description, path: Path | None) -> Organisation:
    """Open or make it. Raises GiveUp `usage` for a description that says what nobody knows."""
    unknown = description.keys() - _KNOWN
    if unknown:
        raise GiveUp(
            "usage", f"the description says {', '.join(sorted(unknown))}", f"it may say {', '.join(sorted(_KNOWN))}"
        )
    organisation = Organisation(
        path,
        seed=int(description.get("seed", 1)),
        version=description.get("version", "Exchange2016"),
        domain=description.get("domain", ""),
    )
    with organisation.writing():
        _people(organisation, description)
        _rights(organisation, description)
    return organisation


def settings_of(description: Description, port: int) -> Settings:
    given = dict(description.get("server", {}))
    if "policy" in given:
        given["policy"] = Policy(**given["policy"])
    if "schemes" in given:
        given["schemes"] = tuple(given["schemes"])
    try:
        return Settings(**{"port": port, **given})
    except TypeError as error:
        raise GiveUp("usage", f"the description's server: {error}") from error


def _people(organisation: Organisation, description: Description) -> None:
    house = description.get("house")
    if house is not None and not organisation.mailboxes():
        move_in(organisation, int(house.get("seed", 1)), organisation.clock())
    for each in description.get("mailboxes", ()):
        if organisation.mailbox(each["address"]) is None:
            options = {name: value for name, value in each.items() if name not in ("address", "name")}
            organisation.add_mailbox(each["address"], each["name"], **options)
    for each in description.get("lists", ()):
        organisation.add_distribution_list(each["address"], each["name"], each["members"])


def _rights(organisation: Organisation, description: Description) -> None:
    for each in description.get("accounts", ()):
        organisation.add_account(
            each["user"], each["password"], each.get("mailbox"), impersonates=bool(each.get("impersonates"))
        )
    for each in description.get("full_access", ()):
        account, mailbox = organisation.account(each["user"]), organisation.mailbox(each["mailbox"])
        if account is None or mailbox is None:
            raise GiveUp(
                "usage", f"full access of {each['user']} to {each['mailbox']}: there is no such account or mailbox"
            )
        organisation.give_full_access(account, mailbox)
