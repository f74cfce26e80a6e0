"""The task list, a task with its mailboxes, and what can be done to a task."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from mailkeep.operations import console, console_mailboxes, synchronise, tasks
from mailkeep.tasks.status import WORST_FIRST
from mailkeep.web.access import TASK_EDIT, TASK_READ, actor, needs
from mailkeep.web.lists import asked, chips, is_fragment
from mailkeep.web.problems import back
from mailkeep.web.templatetags.console import STATUS_LOOKS
from mailkeep.web.views.mailboxes import list_context

BY_SLUG = {look[0]: status for status, look in STATUS_LOOKS.items()}


@require_GET
@needs(TASK_READ)
def task_list(request: HttpRequest) -> HttpResponse:
    want = asked(request, "status")
    slug = request.GET.get("status", "")
    found = BY_SLUG.get(slug)
    if is_fragment(request):
        page = console.task_page(want.text, found, want.sort, want.descending)
        return render(request, "web/parts/task_rows.html", {"page": page})
    whole = console.overview(want.text, found, want.sort, want.descending)
    context = {"page": whole.tasks, "figures": whole.figures, "list": _filters(whole.tasks, slug), "here": "tasks"}
    return render(request, "web/tasks.html", context)


@require_GET
@needs(TASK_READ)
def task(request: HttpRequest, uid: str) -> HttpResponse:
    want = asked(request, "result")
    result = request.GET.get("result", "")
    view = console_mailboxes.task_view(uid, want.text, _result(result), want.sort, want.descending, want.number)
    context = {"task": view.task, "details": view.details, "here": "tasks", **list_context(view.mailboxes, result)}
    return render(request, "web/parts/mailbox_rows.html" if is_fragment(request) else "web/task.html", context)


@require_POST
@needs(TASK_EDIT)
def start(request: HttpRequest, uid: str) -> HttpResponse:
    return back(request, _("Task %(name)s is started.") % {"name": tasks.start(uid, actor(request)).name})


@require_POST
@needs(TASK_EDIT)
def stop(request: HttpRequest, uid: str) -> HttpResponse:
    name = tasks.stop(uid, actor(request)).name
    return back(request, _("Task %(name)s is stopped. What is running completes.") % {"name": name})


@require_POST
@needs(TASK_EDIT)
def delete(request: HttpRequest, uid: str) -> HttpResponse:
    gone = tasks.delete(uid, actor(request))
    waiting = _("The task is deleted as soon as its running synchronisations have completed.")
    back(request, _("The task is deleted. Its mailboxes keep their archive.") if gone else waiting)
    return HttpResponseRedirect(reverse("tasks"))  # the task's own page may be gone


@require_POST
@needs(TASK_EDIT)
def synchronise_now(request: HttpRequest, uid: str, mailbox: str | None = None) -> HttpResponse:
    synchronise.synchronise_now(uid, mailbox, actor(request))
    return back(request, _("Synchronisation is asked for and starts as soon as a worker is free."))


@require_GET
@needs(TASK_EDIT)
def new(request: HttpRequest) -> HttpResponse:
    steps = [
        (
            _("A server connection, unless you have one already:"),
            "mailkeep connection add NAME --kind imap --host mail.example.org --master-user U --master-password-file FILE",
        ),
        (
            _("A group with the mailboxes to archive:"),
            "mailkeep group add NAME --member anna@example.org --member ben@example.org",
        ),
        (_("The task itself:"), "mailkeep task create NAME --connection CONNECTION --group GROUP"),
    ]
    return render(request, "web/commands.html", _commands(_("Create New Sync Task"), steps))


@require_GET
@needs(TASK_EDIT)
def edit(request: HttpRequest, uid: str) -> HttpResponse:
    line = console.task_line(uid)
    name = _quoted(line.name)
    steps = [
        (_("What it is told now:"), f"mailkeep task show {name}"),
        (_("Change what is archived, for example calendars too:"), f"mailkeep task change {name} --calendars"),
        (_("Before you change the group, see what would happen:"), f"mailkeep task preview {name}"),
    ]
    return render(request, "web/commands.html", _commands(_("Edit Task %(name)s") % {"name": line.name}, steps))


def _filters(page: console.TaskPage, slug: str) -> dict[str, object]:
    rows = [(STATUS_LOOKS[one][0], str(STATUS_LOOKS[one][2]), page.counts.get(one, 0)) for one in WORST_FIRST]
    return {"text": page.text, "chips": chips(_("All"), rows), "chosen": slug if slug in BY_SLUG else ""}


def _result(value: str) -> str | None:
    return {"error": "error", "warning": "warning", "ok": "ok", "none": ""}.get(value)


def _commands(title: str, steps: list[tuple[str, str]]) -> dict[str, object]:
    return {"title": title, "steps": [{"says": says, "command": command} for says, command in steps], "here": "tasks"}


def _quoted(name: str) -> str:
    """For a shell, single quotes round anything but plain words."""
    return name if name.isalnum() and name.isascii() else "'" + name.replace("'", "'\\''") + "'"
