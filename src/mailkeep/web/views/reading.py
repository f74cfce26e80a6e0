"""One item: the reading pane, its body in a document of its own, its attachments, headers and original bytes."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET

from mailkeep.mail.parse import Parsed, Unparsed
from mailkeep.operations import console_mailboxes, reading
from mailkeep.web import access
from mailkeep.web.access import CONTENT_VIEW, actor, needs
from mailkeep.web.cleaning import cleaned
from mailkeep.web.lists import is_fragment
from mailkeep.web.safe_html import BODY_POLICY, Images, Safe, page, safe_text

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
    opened = reading.open_item(item_id, reason, actor(request))
    parsed = opened.parsed
    context = {
        "page": {
            "item": opened.item,
            "mailbox": console_mailboxes.mailbox_line(opened.mailbox),
            "problem": parsed.message if isinstance(parsed, Unparsed) else "",
            "attachments": [one for one in parsed.attachments if not one.inline] if isinstance(parsed, Parsed) else [],
            "notes": parsed.notes if isinstance(parsed, Parsed) else (),
            "history": opened.history,
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
    found = reading.body(item_id)
    shown = _body(found.parsed, found.images) if isinstance(found.parsed, Parsed) else Safe("", 0)
    return HttpResponse(page(shown, _note(shown.blocked, found.not_shown)), headers=BODY_HEADERS)


@require_GET
@needs(CONTENT_VIEW)
def attachment(request: HttpRequest, item_id: str, number: str) -> HttpResponseBase:
    """Always a download, never shown: its type is nobody's promise."""
    reason = _reason(request, item_id)
    if reason is None:
        return _ask_first(request, item_id)
    name, content = reading.attachment(item_id, int(number), reason, actor(request))
    return _download(HttpResponse(content, content_type="application/octet-stream"), name)


@require_GET
@needs(CONTENT_VIEW)
def original(request: HttpRequest, item_id: str) -> HttpResponseBase:
    reason = _reason(request, item_id)
    if reason is None:
        return _ask_first(request, item_id)
    pieces = reading.original(item_id, reason, actor(request))
    return _download(StreamingHttpResponse(pieces, content_type="application/octet-stream"), f"{item_id}.eml")


@require_GET
@needs(CONTENT_VIEW)
def headers(request: HttpRequest, item_id: str) -> HttpResponse:
    reason = _reason(request, item_id)
    if reason is None:
        return _ask_first(request, item_id)
    letter, text = reading.header_block(item_id, reason, actor(request))
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


def _body(parsed: Parsed, images: Images) -> Safe:
    if parsed.html is None:
        return safe_text(parsed.text)
    safe = cleaned(parsed.html, images)
    if safe is not None:
        return safe
    return safe_text(
        parsed.text if parsed.text.strip() else _("This letter is too tangled to be shown. Download the original.")
    )


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
