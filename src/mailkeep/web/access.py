"""Who may open which view.

Signing in is required everywhere by Django's `LoginRequiredMiddleware`; a view that is open to everybody says so with
`login_not_required`. Every other view names the right it needs with `needs`. `tests/web/test_access.py` walks the URL conf: a view
with neither fails.

Rights are Django permissions of the catalog's rows, three so far; the administrator has them all.

Reading mail also needs a *reason*, given once per mailbox and kept in the session for an hour; it stands beside every
item in the audit log (SPEC E7).
"""

from __future__ import annotations

import functools
import ipaddress
import time
from collections.abc import Callable
from typing import Concatenate, ParamSpec

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, PermissionsMixin
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]

TASK_READ = "catalog.view_task"
TASK_EDIT = "catalog.change_task"
CONTENT_VIEW = "catalog.view_item"

RIGHTS = {
    TASK_READ: _("see tasks and mailboxes"),
    TASK_EDIT: _("change tasks"),
    CONTENT_VIEW: _("read archived mail"),
}

REASON_SECONDS = 3600


def needs(right: str) -> Callable[[View[P]], View[P]]:
    """Decorator: without the right, a page that says which right is missing and who has it."""

    def guard(view: View[P]) -> View[P]:
        @functools.wraps(view)
        def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if not has(request.user, right):
                return render(request, "web/forbidden.html", {"right": RIGHTS[right]}, status=403)
            return view(request, *args, **kwargs)

        guarded.needs = right  # type: ignore[attr-defined]
        return guarded

    return guard


def has(user: AbstractBaseUser | AnonymousUser, right: str) -> bool:
    return isinstance(user, PermissionsMixin) and user.has_perm(right)


def actor(request: HttpRequest) -> str:
    """The signed-in person's name, as history and audit keep it."""
    return request.user.get_username()


def client_address(request: HttpRequest) -> str:
    """Where the request came from. Behind a proxy: the last entry of X-Forwarded-For, its own; those before it are anybody's word."""
    forwarded = request.headers.get("X-Forwarded-For", "") if settings.PROXY_HEADER else ""
    told = forwarded.rpartition(",")[2].strip()
    try:
        return str(ipaddress.ip_address(told))
    except ValueError:
        return str(request.META.get("REMOTE_ADDR", ""))


def reason_for(request: HttpRequest, mailbox: str) -> str | None:
    """The reason given for reading this mailbox, while it stands."""
    reason, until = request.session.get("reasons", {}).get(mailbox, ("", 0))
    return reason if time.time() < until else None


def give_reason(request: HttpRequest, mailbox: str, reason: str) -> None:
    reasons = request.session.get("reasons", {})
    request.session["reasons"] = {**reasons, mailbox: (reason, time.time() + REASON_SECONDS)}
