"""What a person sees when an operation refuses: its sentence and its hint, on a page or back where they came from. Never a bare code."""

from __future__ import annotations

import logging
from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _

from mailkeep.errors import MailkeepError, RetryLater

log = logging.getLogger(__name__)


class Problems:
    """Middleware: a `MailkeepError` that a view lets through becomes an answer."""

    def __init__(self, answer: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.answer = answer

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.answer(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponseBase | None:
        if not isinstance(error, MailkeepError):
            return None  # a fault of ours: Django logs it with its traceback and shows 500.html
        log.info("%s %s: %s (%s)", request.method, request.path, error.message, error.code)
        if request.method == "POST":
            return back(request, f"{error.message}\n{error.hint}", "bad")
        return _page(request, error)


def back(request: HttpRequest, said: str, look: str = "good") -> HttpResponse:
    """Back to the page the form stood on, with a sentence."""
    messages.add_message(request, messages.INFO, said.strip(), extra_tags=look)
    return HttpResponseRedirect(request.headers.get("Referer") if _same_origin(request) else "/")  # type: ignore[arg-type]


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 (Django's signature)
    """Django's handler404."""
    context = {"title": _("This page does not exist"), "message": "", "hint": ""}
    return render(request, "web/problem.html", context, status=404)


def _same_origin(request: HttpRequest) -> bool:
    return request.headers.get("Referer", "").startswith(f"{request.scheme}://{request.get_host()}/")


def _page(request: HttpRequest, error: MailkeepError) -> HttpResponse:
    status = 404 if _is_missing(error.code) else 503 if isinstance(error, RetryLater) else 409
    title = _("Not found") if status == 404 else _("This did not work")
    context = {"title": title, "message": error.message, "hint": error.hint}
    return render(request, "web/problem.html", context, status=status)


def _is_missing(code: str) -> bool:
    return code.endswith("_not_found") or code.startswith("no_such_")
