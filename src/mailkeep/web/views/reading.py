"""One item: the reading pane, its body in a document of its own, its attachments, headers and original bytes."""

from __future__ import annotations

import base64

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET

from mailkeep.operations import console_mailboxes, opened
from mailkeep.web import access
from mailkeep.web.access import CONTENT_VIEW, actor, needs
from mailkeep.web.cleaning import cleaned
from mailkeep.web.lists import is_fragment
from mailkeep.web.safe_html import BODY_POLICY, Safe, page, safe_text

BODY_HEADERS = {
    "Content-Security-Policy": BODY_POLICY,
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "no-referrer",
}
DOWNLOAD_HEADERS = {"Content-Security-Policy": "sandbox; default-src 'none'"}


@require_GET
@needs(CONTENT_VIEW)
def item(request: HttpRequest, item_id: str) -> HttpResponse:
    reason = _reason(request, item_id)
    if reason is None:
        return _ask_first(request, item_id)
    found = opened.open_item(item_id, reason, actor(request))
    context = {
        "page": {
            "item": found.item,
            "mailbox": console_mailboxes.mailbox_line(found.mailbox),
            "photo": _data_url(found.photo),
            "opened": found,
        },
        "here": "mailboxes",
    }
    return render(request, "web/parts/reading.html" if is_fragment(request) else "web/item.html", context)


@require_GET
@needs(CONTENT_VIEW)
def body(request: HttpRequest, item_id: str) -> HttpResponse:
    """The body alone, for the frame: a document that can do nothing (`safe_html`)."""
    if _reason(request, item_id) is None:
        return HttpResponse(status=403, headers=BODY_HEADERS)
    found = opened.body(item_id)
    shown = _body(found)
    return HttpResponse(page(shown, _note(shown.blocked, found.not_shown)), headers=BODY_HEADERS)


@require_GET
@needs(CONTENT_VIEW)
def attachment(request: HttpRequest, item_id: str, number: str) -> HttpResponseBase:
    """Always a download, never shown: its type is nobody's promise."""
    reason = _reason(request, item_id)
    if reason is None:
        return _ask_first(request, item_id)
    name, content = opened.attachment(item_id, int(number), reason, actor(request))
    return _download(HttpResponse(content, content_type="application/octet-stream"), name)


@require_GET
@needs(CONTENT_VIEW)
def original(request: HttpRequest, item_id: str) -> HttpResponseBase:
    reason = _reason(request, item_id)
    if reason is None:
        return _ask_first(request, item_id)
    name, pieces = opened.original(item_id, reason, actor(request))
    return _download(StreamingHttpResponse(pieces, content_type="application/octet-stream"), name)


@require_GET
@needs(CONTENT_VIEW)
def headers(request: HttpRequest, item_id: str) -> HttpResponse:
    reason = _reason(request, item_id)
    if reason is None:
        return _ask_first(request, item_id)
    letter, text = opened.header_block(item_id, reason, actor(request))
    mailbox = console_mailboxes.mailbox_line(item_id.split("-")[0])
    context = {"page": {"item": letter, "mailbox": mailbox}, "headers": text, "here": "mailboxes"}
    return render(request, "web/headers.html", context)


def _reason(request: HttpRequest, item_id: str) -> str | None:
    return access.reason_for(request, item_id.split("-")[0])


def _ask_first(request: HttpRequest, item_id: str) -> HttpResponse:
    """To the mailbox, which asks for the reason and leads back here."""
    where = reverse("mailbox", args=[item_id.split("-")[0]])
    if is_fragment(request):
        return HttpResponse(headers={"HX-Redirect": where})
    return HttpResponseRedirect(where)


def _body(found: opened.ShownBody) -> Safe:
    if found.html is None:
        return safe_text(found.text)
    safe = cleaned(found.html, found.images)
    if safe is not None:
        return safe
    return safe_text(
        found.text if found.text.strip() else _("This letter is too tangled to be shown. Download the original.")
    )


def _data_url(picture: tuple[str, bytes] | None) -> str:
    """A contact's picture inside the page: its type was told by its bytes."""
    return f"data:{picture[0]};base64,{base64.b64encode(picture[1]).decode()}" if picture else ""


def _note(blocked: int, not_shown: int) -> str:
    """What stands above the letter: the images that are missing from it, and why."""
    said = []
    if blocked:
        said.append(
            ngettext(
                "%(n)d remote image is blocked: loading it would tell the sender that the letter was opened.",
                "%(n)d remote images are blocked: loading them would tell the sender that the letter was opened.",
                blocked,
            )
            % {"n": blocked}
        )
    if not_shown:
        said.append(
            ngettext(
                "%(n)d image of this letter is not shown here: the original has it.",
                "%(n)d images of this letter are not shown here: the original has them.",
                not_shown,
            )
            % {"n": not_shown}
        )
    return " ".join(said)


def _download(response: HttpResponseBase, name: str) -> HttpResponseBase:
    response.headers["Content-Disposition"] = (
        content_disposition_header(as_attachment=True, filename=name) or "attachment"
    )
    for header, value in DOWNLOAD_HEADERS.items():
        response.headers[header] = value
    return response
