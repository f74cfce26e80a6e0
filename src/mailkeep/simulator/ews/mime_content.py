"""What GetItem's MimeContent holds, by kind of item.

    Message, PostItem, reports       the message as it came (in regenerate mode made anew), or composed from its properties
    MeetingRequest, -Response …      the same, with the meeting as text/calendar beside its body
    CalendarItem                     iCalendar alone, METHOD:PUBLISH
    Contact                          vCard 3.0
    Task, sticky note, list          a message with the subject, the body and the attachments: nothing else is in it

Sources: Exchange 2007 gave MIME for messages, posts and appointments alone (ErrorUnsupportedMimeConversion, response codes of
Microsoft's reference); 2010 and later give contacts as vCard (EWS Managed API issue 25) and make a message of the rest, which
is no documented form: whoever wants a task whole asks for its properties.
"""

from __future__ import annotations

from datetime import datetime

from mailkeep.simulator.ews.composing import compose_message
from mailkeep.simulator.ews.ical import calendar_text
from mailkeep.simulator.ews.regenerating import regenerated
from mailkeep.simulator.ews.vcard import vcard_text
from mailkeep.simulator.ews.view import View, has_mime
from mailkeep.simulator.exchange.series import Instance

_MEETINGS = frozenset({"MeetingRequest", "MeetingResponse", "MeetingCancellation"})


def mime_of(view: View) -> bytes:
    """The item's MimeContent."""
    item = view.item
    if item.element == "CalendarItem":
        return calendar_text(item, *_exceptions(view))
    if item.element == "Contact":
        return vcard_text(item, view.attachments)
    if has_mime(item):
        content = item.mime
        return regenerated(content, item.search_key) if view.call.face.regenerate_mime else content
    meeting = calendar_text(item) if item.element in _MEETINGS and item.properties.get("Start") else b""
    return compose_message(item, view.attachments, meeting)


def _exceptions(view: View) -> tuple[list[Instance], list[datetime]]:
    """The changed occurrences in their places, and the starts of the deleted ones."""
    if view.item.occurrence is not None or not view.item.properties.get("Recurrence"):
        return [], []
    changed, deleted = view.occurrences
    missing = {each.original_start for each in changed}
    found: list[Instance] = []
    for instance in view.mailbox.instances(view.item) if missing else ():
        if instance.changed is not None:
            found.append(instance)
            missing.discard(instance.original_start)
        if not missing:
            break
    return found, deleted
