"""Which parts of a message are its body, and which are attachments.

The body is read from the tree by these rules; what no rule takes is an attachment.

    multipart/alternative   the last HTML, and the first plain text, of its children
    multipart/related       its root's body; the others are inline resources, which the HTML names by `cid:`
    multipart/signed        its first child; the signature is an attachment
    any other multipart     its children's bodies one after the other
    text/plain, text/html   body, unless it is marked an attachment, or has a name beside others
    anything else           attachment; message/rfc822 too, to be opened as a message of its own
"""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape

from mailkeep.mail.charsets import decode_text
from mailkeep.mail.parts import Part

TEXT_MAX = 4 << 20  # bytes of one text part that a view shows


@dataclass(slots=True)
class Body:
    """Plain and HTML texts in order; a plain one beside an HTML one (a list's footer) is in both."""

    plain: list[str] = field(default_factory=list)
    html: list[str] = field(default_factory=list)
    has_html: bool = False
    used: list[Part] = field(default_factory=list)
    related: list[Part] = field(default_factory=list)  # inline resources of the HTML
    cut: bool = False  # a text was longer than TEXT_MAX


def body_of(part: Part, whole: bool = True) -> Body:
    """The body of a message (`whole`) or of a part in it."""
    if not part.children:
        return _leaf(part, whole)
    bodies = [(child, body_of(child, whole=False)) for child in part.children]
    if part.content_type == "multipart/alternative":
        return _alternative([body for _, body in bodies])
    if part.content_type == "multipart/related":
        return _related(part, bodies)
    if part.content_type == "multipart/signed":
        return bodies[0][1]
    return _joined([body for _, body in bodies])


def _leaf(part: Part, whole: bool) -> Body:
    attached = part.disposition == "attachment" or (part.filename and not whole)
    if part.content_type not in ("text/plain", "text/html") or attached:
        return Body()
    content = part.load()
    text = decode_text(content[:TEXT_MAX], part.charset)
    body = Body(used=[part], cut=len(content) > TEXT_MAX)
    if part.content_type == "text/html":
        body.html, body.has_html = [text], True
    else:
        body.plain, body.html = [text], [f"<pre>{escape(text)}</pre>"]
    return body


def _alternative(bodies: list[Body]) -> Body:
    """What was not chosen counts as used: it says the same in other words."""
    shown = next((body for body in reversed(bodies) if body.has_html), None) or _first_used(bodies)
    plain = next((body for body in bodies if body.plain and not body.has_html), shown)
    used = [part for body in bodies for part in body.used]
    related = [part for body in bodies for part in body.related]
    return Body(plain.plain, shown.html, shown.has_html, used, related, any(body.cut for body in bodies))


def _first_used(bodies: list[Body]) -> Body:
    return next((body for body in reversed(bodies) if body.used), Body())


def _related(part: Part, bodies: list[tuple[Part, Body]]) -> Body:
    root = next((body for child, body in bodies if part.start and child.content_id == part.start), bodies[0][1])
    resources = [child for child, body in bodies if body is not root and not child.children and not child.is_message]
    related = root.related + [resource for resource in resources if resource.content_id]
    return Body(root.plain, root.html, root.has_html, root.used, related, root.cut)


def _joined(bodies: list[Body]) -> Body:
    return Body(
        [text for body in bodies for text in body.plain],
        [text for body in bodies for text in body.html],
        any(body.has_html for body in bodies),
        [part for body in bodies for part in body.used],
        [part for body in bodies for part in body.related],
        any(body.cut for body in bodies),
    )
