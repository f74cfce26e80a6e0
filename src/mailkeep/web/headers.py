"""The security headers of every response, and the nonce that lets a page's own scripts run.

A response that sets a header itself keeps it: the body of a message brings its own, far stricter policy (`reading.py`).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase

Answer = Callable[[HttpRequest], HttpResponseBase]

PAGE_POLICY = (
    "default-src 'none'; script-src 'nonce-{nonce}' 'strict-dynamic'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-src 'self'; frame-ancestors 'none'; base-uri 'none'; "
    "require-trusted-types-for 'script'; trusted-types htmx"
)

FIXED = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "X-Robots-Tag": "noindex",
    "Cache-Control": "no-store",  # other people's mail stays in no cache; static files set their own
}


def security_headers(answer: Answer) -> Answer:
    """Middleware, outermost but for compression: a fresh nonce as `request.nonce`, and the headers."""

    def with_headers(request: HttpRequest) -> HttpResponseBase:
        nonce = secrets.token_urlsafe(18)
        request.nonce = nonce  # type: ignore[attr-defined]
        response = answer(request)
        response.headers.setdefault("Content-Security-Policy", PAGE_POLICY.format(nonce=nonce))
        for name, value in FIXED.items():
            response.headers.setdefault(name, value)
        if request.is_secure():
            response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
            for cookie in response.cookies.values():
                cookie["secure"] = True
        return response

    return with_headers
