"""Lists of mailboxes, and one mailbox: its contents, what was left out, its ledger and runs."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from mailkeep.errors import GiveUp
from mailkeep.operations import console_mailboxes, mailboxes, reading
from mailkeep.web import access
from mailkeep.web.access import CONTENT_VIEW, TASK_EDIT, TASK_READ, actor, needs
from mailkeep.web.lists import asked, chips, is_fragment
from mailkeep.web.problems import back
from mailkeep.web.templatetags.console import result_name

RESULTS = {"error": "error", "warning": "warning", "ok": "ok", "none": ""}  # in the URL → in the rows


@require_GET
@needs(TASK_READ)
def mailbox_list(request: HttpRequest) -> HttpResponse:
    want = asked(request, "result")
    chosen = request.GET.get("result", "")
    page = console_mailboxes.mailbox_page(None, want.text, RESULTS.get(chosen), want.sort, want.descending, want.number)
    context = {"here": "mailboxes", **list_context(page, chosen)}
    return render(request, "web/parts/mailbox_rows.html" if is_fragment(request) else "web/mailboxes.html", context)


def list_context(page: console_mailboxes.MailboxPage, chosen: str) -> dict[str, object]:
    """What the list of mailboxes and the filters above it need, here and on a task's page."""
    rows = [(slug, result_name(result), page.counts.get(result, 0)) for slug, result in RESULTS.items()]
    filters = {"text": page.text, "chips": chips(_("All"), rows), "chosen": chosen if chosen in RESULTS else ""}
    return {"page": page, "list": filters}


@require_GET
@needs(CONTENT_VIEW)
def mailbox(request: HttpRequest, uid: str) -> HttpResponse:
    line = console_mailboxes.mailbox_line(uid)
    if access.reason_for(request, line.uid) is None:
        return _ask_reason(request, line)
    page = reading.contents(
        uid,
        as_of=_as_of(request.GET.get("as_of", "")),
        archive=request.GET.get("view") == "archive",
        folder=_number(request.GET.get("folder", "")),
        after=request.GET.get("after", ""),
    )
    return render(request, "web/mailbox.html", {"page": page, "mailbox": line, "tab": "contents", "here": "mailboxes"})


@require_POST
@needs(CONTENT_VIEW)
def give_reason(request: HttpRequest, uid: str) -> HttpResponse:
    reason = request.POST.get("reason", "").strip()
    try:
        reading.open_mailbox(uid, reason, actor(request))
    except GiveUp as error:
        if error.code != "bad_reason":
            raise
        return _ask_reason(request, console_mailboxes.mailbox_line(uid), str(error), status=422)
    access.give_reason(request, uid, reason)
    following = request.POST.get("next", "")
    inside = url_has_allowed_host_and_scheme(following, None) and following.startswith("/")
    return HttpResponseRedirect(following if inside else reverse("mailbox", args=[uid]))


@require_GET
@needs(CONTENT_VIEW)
def left_out(request: HttpRequest, uid: str) -> HttpResponse:
    line = console_mailboxes.mailbox_line(uid)
    if access.reason_for(request, line.uid) is None:  # subjects are shown
        return _ask_reason(request, line)
    rows, more = reading.left_out(uid)
    context = {"rows": rows, "more": more, "mailbox": line, "tab": "left-out", "here": "mailboxes"}
    return render(request, "web/left_out.html", context)


@require_GET
@needs(TASK_READ)
def activity(request: HttpRequest, uid: str) -> HttpResponse:
    page = console_mailboxes.activity(uid)
    context = {"page": page, "mailbox": page.mailbox, "tab": "activity", "here": "mailboxes"}
    return render(request, "web/activity.html", context)


@require_POST
@needs(TASK_EDIT)
def confirm_shrink(request: HttpRequest, uid: str) -> HttpResponse:
    row = mailboxes.confirm_shrink(uid, request.POST.get("reason", ""), actor(request))
    return back(
        request, _("Confirmed. The next synchronisation of %(name)s records what is gone.") % {"name": row.address}
    )


def _ask_reason(
    request: HttpRequest, line: console_mailboxes.MailboxLine, error: str = "", status: int = 200
) -> HttpResponse:
    following = request.POST.get("next") or request.get_full_path()
    context = {"mailbox": line, "tab": "contents", "here": "mailboxes", "next": following, "error": error}
    return render(request, "web/reason.html", context, status=status)


def _as_of(text: str) -> datetime | None:
    """A moment from the URL (with its zone) or from the field (in the person's zone; the whole of the typed second counts)."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError:
        raise GiveUp("bad_moment", f"{text!r} is no date and time", "choose one in the field") from None
    if moment.tzinfo is not None:
        return moment
    return timezone.make_aware(moment.replace(microsecond=0)) + timedelta(microseconds=999_999)


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None
