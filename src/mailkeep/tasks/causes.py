"""One general sentence for each result code of SPEC C7: what to say of many mailboxes whose own messages differ."""

from __future__ import annotations

_SENTENCES = {
    "mailbox_not_found": "the server has no such mailbox",
    "account_disabled": "the account is disabled",
    "access_denied": "the server denies access to the mailbox",
    "impersonation_denied": "the service account may not impersonate the mailbox",
    "auth_failed": "the server refused the sign-in",
    "autodiscover_failed": "autodiscover found no server for the mailbox",
    "tls_untrusted": "the server's certificate is not trusted",
    "forms_login_page": "a sign-in page stands in front of the server",
    "unreachable": "the server cannot be reached",
    "store_offline": "a store is offline: the server's mailbox database or the archive's own, as each message says",
    "owned_by_other_task": "another task synchronises the mailbox",
    "throttled": "the server asks us to slow down",
    "partial": "some items could not be archived yet",
    "item_too_large": "an item is larger than the server gives out",
    "mailbox_moving": "the mailbox is being moved to another server",
    "shrunk": "the mailbox is suddenly far smaller; nothing is recorded as deleted until a person confirms",
}


def general_sentence(code: str) -> str:
    """The code's sentence, or "" for a code that is none of C7's."""
    return _SENTENCES.get(code, "")
