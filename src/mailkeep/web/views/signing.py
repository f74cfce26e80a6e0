"""Signing in and out."""

from __future__ import annotations

from django.contrib.auth import login, logout
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods, require_POST

from mailkeep.errors import MailkeepError, RetryLater
from mailkeep.operations import people
from mailkeep.web.access import client_address


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    following = _following(request)
    if request.headers.get("HX-Request"):
        # A session that ended under an open page: the sign-in belongs into the window, not into a list.
        return HttpResponse(status=200, headers={"HX-Redirect": reverse("sign-in")})
    if request.method != "POST":
        if request.user.is_authenticated:
            return HttpResponseRedirect(following)
        return render(request, "web/sign_in.html", {"next": following})
    name = request.POST.get("name", "")
    try:
        person = people.sign_in(name, request.POST.get("password", ""), client_address(request))
    except MailkeepError as error:
        status = 429 if isinstance(error, RetryLater) else 422
        said = f"{error.message[:1].upper()}{error.message[1:]}. {error.hint[:1].upper()}{error.hint[1:]}."
        return render(request, "web/sign_in.html", {"error": said, "name": name, "next": following}, status=status)
    login(request, person)
    return HttpResponseRedirect(following)


@login_not_required
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    logout(request)
    return HttpResponseRedirect(reverse("sign-in"))


def _following(request: HttpRequest) -> str:
    """Where the person wanted to go, if that is here."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    return wanted if url_has_allowed_host_and_scheme(wanted, None) and wanted.startswith("/") else reverse("tasks")
