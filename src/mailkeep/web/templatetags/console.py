"""What the templates need beyond Django's own: icons, sizes, spans of time, results as bars."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import template
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy, ngettext

from mailkeep.mail.items import Kind, Role
from mailkeep.operations.reading import FolderLine
from mailkeep.tasks.status import Status

register = template.Library()

SPRITE = "vendor/tabler-icons-3.51.0.svg"
BAR_WIDTH = 96

KIND_ICONS = {
    Kind.MAIL: ("mail", gettext_lazy("Mail")),
    Kind.EVENT: ("calendar", gettext_lazy("Calendars")),
    Kind.CONTACT: ("address-book", gettext_lazy("Contacts")),
    Kind.TASK: ("checkbox", gettext_lazy("Tasks")),
    Kind.NOTE: ("note", gettext_lazy("Notes")),
}
KIND_WORDS = {  # of one item, and what its own time is
    Kind.MAIL: (gettext_lazy("Message"), gettext_lazy("Time")),
    Kind.EVENT: (gettext_lazy("Appointment"), gettext_lazy("Starts")),
    Kind.CONTACT: (gettext_lazy("Contact"), gettext_lazy("Changed")),
    Kind.TASK: (gettext_lazy("Task"), gettext_lazy("Changed")),
    Kind.NOTE: (gettext_lazy("Note"), gettext_lazy("Changed")),
}
STATUS_LOOKS = {
    Status.DISABLED: ("disabled", "ban", gettext_lazy("Disabled")),
    Status.FAILED: ("failed", "circle-x", gettext_lazy("Failed")),
    Status.ERRORS: ("errors", "alert-circle", gettext_lazy("Enabled With Errors")),
    Status.WARNING: ("warning", "alert-triangle", gettext_lazy("Enabled With Warning")),
    Status.ENABLED: ("enabled", "check", gettext_lazy("Enabled")),
}
RESULT_LOOKS = {
    "ok": ("check", gettext_lazy("Success")),
    "warning": ("alert-triangle", gettext_lazy("Warning")),
    "error": ("alert-circle", gettext_lazy("Error")),
    "": ("hourglass", gettext_lazy("No result yet")),
}
REASONS = {
    "class": gettext_lazy("message class"),
    "sensitive": gettext_lazy("sensitive"),
    "excluded": gettext_lazy("excluded by time"),
    "kind": gettext_lazy("kind is switched off"),
    "item_too_large": gettext_lazy("too large"),
    "unreadable": gettext_lazy("unreadable"),
}
FOLDER_ICONS = {
    Role.INBOX: "inbox",
    Role.SENT: "send",
    Role.DRAFTS: "file-pencil",
    Role.TRASH: "trash",
    Role.JUNK: "alert-octagon",
    Role.ARCHIVE: "archive",
    Role.CALENDAR: "calendar",
    Role.CONTACTS: "address-book",
    Role.TASKS: "checkbox",
    Role.NOTES: "note",
}


@register.simple_tag
def icon(name: str, label: str = "") -> SafeString:
    """An icon of the sprite: decoration, or with a label an image of its own."""
    if label:
        return format_html(
            '<svg class="icon" role="img" aria-label="{}"><title>{}</title><use href="{}#{}"/></svg>',
            label,
            label,
            static(SPRITE),
            name,
        )
    return format_html('<svg class="icon" aria-hidden="true"><use href="{}#{}"/></svg>', static(SPRITE), name)


@register.simple_tag
def kind_icon(kind: str) -> SafeString:
    name, label = KIND_ICONS[Kind(kind)]
    return icon(name, str(label))


@register.filter
def kind_name(kind: str) -> str:
    return str(KIND_ICONS[Kind(kind)][1])


@register.filter
def kind_symbol(kind: str) -> str:
    """The icon's name alone, for decoration beside a word."""
    return KIND_ICONS[Kind(kind)][0]


@register.filter
def kind_word(kind: str) -> str:
    """One item of that kind."""
    return str(KIND_WORDS[Kind(kind)][0])


@register.filter
def time_word(kind: str) -> str:
    """What an item's own time is (SPEC A10)."""
    return str(KIND_WORDS[Kind(kind)][1])


@register.filter
def folder_icon(folder: FolderLine) -> str:
    """By its purpose, else by what it holds."""
    if folder.role:
        return FOLDER_ICONS.get(Role(folder.role), "folder")
    return "folder" if folder.kind is Kind.MAIL else KIND_ICONS[folder.kind][0]


@register.filter
def status_slug(status: Status) -> str:
    return STATUS_LOOKS[status][0]


@register.filter
def status_icon(status: Status) -> str:
    return STATUS_LOOKS[status][1]


@register.filter
def status_name(status: Status) -> str:
    return str(STATUS_LOOKS[status][2])


@register.filter
def result_icon(result: str) -> str:
    return RESULT_LOOKS[result][0]


@register.filter
def result_name(result: str) -> str:
    return str(RESULT_LOOKS[result][1])


@register.filter
def reason_name(reason: str) -> str:
    """Why an item was left out; a reason we have no words for stands as it is."""
    return str(REASONS.get(reason, reason))


@register.filter
def ago(moment: datetime | None) -> str:
    """The largest unit only, short: "7 min ago", "3 h ago", "96 days ago"."""
    if moment is None:
        return gettext("Never")
    seconds = (timezone.now() - moment).total_seconds()
    if seconds < 60:
        return gettext("Just now")
    if seconds < 3600:
        return gettext("%(n)d min ago") % {"n": seconds // 60}
    if seconds < 48 * 3600:
        return gettext("%(n)d h ago") % {"n": seconds // 3600}
    return gettext("%(n)d days ago") % {"n": seconds // 86400}


@register.filter
def size(count: int) -> str:
    """Bytes in binary units, three digits."""
    amount = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < 1024:
            return f"{amount:.0f} {unit}" if amount >= 100 or unit == "B" else f"{amount:.3g} {unit}"
        amount /= 1024
    return f"{amount:.3g} TiB"


@register.filter
def iso(moment: datetime) -> str:
    return moment.isoformat()


@register.filter
def typed_moment(moment: datetime) -> str:
    """As `<input type=datetime-local>` wants it, in the person's zone."""
    return timezone.localtime(moment).strftime("%Y-%m-%dT%H:%M:%S")


@register.filter
def minutes(seconds: float) -> str:
    """A short span: "40 s", "6 min", "2 h 10 min"."""
    whole = max(1, round(seconds))
    if whole < 60:
        return gettext("%(n)d\N{NO-BREAK SPACE}s") % {"n": whole}
    if whole < 5400:
        return gettext("%(n)d\N{NO-BREAK SPACE}min") % {"n": round(whole / 60)}
    hours, rest = divmod(round(whole / 60), 60)
    return gettext("%(h)d\N{NO-BREAK SPACE}h %(m)d\N{NO-BREAK SPACE}min") % {"h": hours, "m": rest}


@register.filter
def span(low_high: tuple[float, float]) -> str:
    """A range of seconds, its unit named once where it is the same: "3–6 min"."""
    low, high = (minutes(seconds) for seconds in low_high)
    if low == high:
        return high
    number, _, unit = low.partition("\N{NO-BREAK SPACE}")
    return f"{number}–{high}" if high.endswith(f"\N{NO-BREAK SPACE}{unit}") and number.isdigit() else f"{low}–{high}"


@register.inclusion_tag("web/parts/stack.html")
def stack(ok: int, warnings: int, errors: int, waiting: int) -> Mapping[str, Any]:
    """Results as one stacked bar. Whoever is there gets at least a pixel and a half, so that one error of a thousand shows."""
    parts = [("ok", ok), ("warning", warnings), ("error", errors), ("none", waiting)]
    total = sum(count for _, count in parts)
    widths = [(name, max(count / total * BAR_WIDTH, 1.5) if count else 0.0) for name, count in parts if total]
    scale = BAR_WIDTH / sum(width for _, width in widths) if total else 1.0
    rects, at = [], 0.0
    for name, width in widths:
        if width:
            rects.append({"name": name, "x": f"{at:.2f}", "width": f"{width * scale:.2f}"})
            at += width * scale
    return {"rects": rects, "said": _said(ok, warnings, errors, waiting), "width": BAR_WIDTH}


def _said(ok: int, warnings: int, errors: int, waiting: int) -> str:
    said = [gettext("%(n)d up to date") % {"n": ok}]
    if warnings:
        said.append(ngettext("%(n)d with a warning", "%(n)d with warnings", warnings) % {"n": warnings})
    if errors:
        said.append(ngettext("%(n)d with an error", "%(n)d with errors", errors) % {"n": errors})
    if waiting:
        said.append(gettext("%(n)d waiting") % {"n": waiting})
    return ", ".join(said)
