"""The console's addresses. Ids are 32 hex digits; an item is its mailbox's id and a number."""

from __future__ import annotations

from django.urls import path, re_path
from django.views.generic import RedirectView

from mailkeep.web.access import TASK_READ, needs
from mailkeep.web.views import mailboxes, reading, signing, tasks

SERVICE = "administration/services/sync-recover/"
UID = "(?P<uid>[0-9a-f]{32})"
ITEM = "(?P<item_id>[0-9a-f]{32}-[0-9]{1,18})"

urlpatterns = [
    path("", needs(TASK_READ)(RedirectView.as_view(pattern_name="tasks")), name="home"),
    path("sign-in/", signing.sign_in, name="sign-in"),
    path("sign-out/", signing.sign_out, name="sign-out"),
    path(SERVICE, tasks.task_list, name="tasks"),
    path(f"{SERVICE}new/", tasks.new, name="task-new"),
    path(f"{SERVICE}mailboxes/", mailboxes.mailbox_list, name="mailboxes"),
    re_path(f"^{SERVICE}tasks/{UID}/$", tasks.task, name="task"),
    re_path(f"^{SERVICE}tasks/{UID}/edit/$", tasks.edit, name="task-edit"),
    re_path(f"^{SERVICE}tasks/{UID}/start/$", tasks.start, name="task-start"),
    re_path(f"^{SERVICE}tasks/{UID}/stop/$", tasks.stop, name="task-stop"),
    re_path(f"^{SERVICE}tasks/{UID}/delete/$", tasks.delete, name="task-delete"),
    re_path(f"^{SERVICE}tasks/{UID}/synchronise/$", tasks.synchronise_now, name="task-synchronise"),
    re_path(
        f"^{SERVICE}tasks/{UID}/synchronise/(?P<mailbox>[0-9a-f]{{32}})/$",
        tasks.synchronise_now,
        name="mailbox-synchronise",
    ),
    re_path(f"^mailboxes/{UID}/$", mailboxes.mailbox, name="mailbox"),
    re_path(f"^mailboxes/{UID}/reason/$", mailboxes.give_reason, name="mailbox-reason"),
    re_path(f"^mailboxes/{UID}/left-out/$", mailboxes.left_out, name="mailbox-left-out"),
    re_path(f"^mailboxes/{UID}/activity/$", mailboxes.activity, name="mailbox-activity"),
    re_path(f"^mailboxes/{UID}/confirm-shrink/$", mailboxes.confirm_shrink, name="mailbox-confirm-shrink"),
    re_path(f"^items/{ITEM}/$", reading.item, name="item"),
    re_path(f"^items/{ITEM}/body/$", reading.body, name="item-body"),
    re_path(f"^items/{ITEM}/headers/$", reading.headers, name="item-headers"),
    re_path(f"^items/{ITEM}/original/$", reading.original, name="item-raw"),
    re_path(f"^items/{ITEM}/attachments/(?P<number>[0-9]{{1,6}})/$", reading.attachment, name="attachment"),
]
