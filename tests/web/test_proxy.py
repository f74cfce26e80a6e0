"""Behind a web server with a certificate (docs/installing.md): what its headers say is believed only where they are asked for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client, RequestFactory, override_settings

from mailkeep.catalog.models import AuditLine
from mailkeep.operations import people as operations
from mailkeep.web.access import client_address

SIGN_IN = {"name": "alice", "password": "alice's own password"}
TOLD = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.9, 198.51.100.7"}
ASKED = (
    "PROXY_HEADER",
    "SECURE_PROXY_SSL_HEADER",
    "SESSION_COOKIE_SECURE",
    "CSRF_COOKIE_SECURE",
    "CSRF_TRUSTED_ORIGINS",
)


def settings_under(tmp_path: Path, **environment: str) -> dict[str, object]:
    """The settings as a process with that environment reads them."""
    code = (
        "import json; from mailkeep.host import home; home.prepare(); from mailkeep import settings;"
        f"print(json.dumps({{name: getattr(settings, name, None) for name in {ASKED!r}}}))"
    )
    environment = {**os.environ, "MAILKEEP_HOME": str(tmp_path / "home"), **environment}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    return found


def behind_a_proxy() -> override_settings:
    return override_settings(
        PROXY_HEADER="X-Forwarded-Proto",
        SECURE_PROXY_SSL_HEADER=("HTTP_X_FORWARDED_PROTO", "https"),
        SESSION_COOKIE_SECURE=True,
        CSRF_COOKIE_SECURE=True,
        CSRF_TRUSTED_ORIGINS=["https://mail.example"],
        ALLOWED_HOSTS=["mail.example", "testserver"],
    )


def test_the_variables_are_read(tmp_path: Path) -> None:
    origins = "https://mail.example, https://archive.example"
    found = settings_under(tmp_path, MAILKEEP_PROXY_HEADER="X-Forwarded-Proto", MAILKEEP_ORIGINS=origins)
    assert found == {
        "PROXY_HEADER": "X-Forwarded-Proto",
        "SECURE_PROXY_SSL_HEADER": ["HTTP_X_FORWARDED_PROTO", "https"],
        "SESSION_COOKIE_SECURE": True,
        "CSRF_COOKIE_SECURE": True,
        "CSRF_TRUSTED_ORIGINS": ["https://mail.example", "https://archive.example"],
    }


def test_nothing_is_believed_by_default(tmp_path: Path, people: dict[str, User], client: Client) -> None:
    assert settings_under(tmp_path) == {**dict.fromkeys(ASKED), "PROXY_HEADER": "", "CSRF_TRUSTED_ORIGINS": []}
    answer = client.post("/sign-in/", SIGN_IN, headers=TOLD)
    assert "Strict-Transport-Security" not in answer.headers
    assert not answer.cookies["sessionid"]["secure"]
    assert AuditLine.objects.get(action=operations.SIGNED_IN).detail["address"] == "127.0.0.1"


def test_behind_a_proxy_the_request_is_secure_and_has_its_own_address(people: dict[str, User], client: Client) -> None:
    with behind_a_proxy():
        answer = client.post("/sign-in/", SIGN_IN, headers=TOLD)
    assert answer.status_code == 302
    assert answer.headers["Strict-Transport-Security"]
    assert answer.cookies["sessionid"]["secure"]
    assert AuditLine.objects.get(action=operations.SIGNED_IN).detail["address"] == "198.51.100.7"


def test_behind_a_proxy_a_form_is_taken_from_its_origin_only(people: dict[str, User]) -> None:
    strict = Client(enforce_csrf_checks=True)
    with behind_a_proxy():
        page = strict.get("/sign-in/", headers={**TOLD, "Host": "mail.example"})
        token = page.cookies["csrftoken"].value
        posted = {**SIGN_IN, "csrfmiddlewaretoken": token}
        for origin, status in (("https://evil.example", 403), ("https://mail.example", 302)):
            headers = {**TOLD, "Host": "mail.example", "Origin": origin}
            assert strict.post("/sign-in/", posted, headers=headers, secure=True).status_code == status


@pytest.mark.parametrize(
    ("told", "address"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("1.1.1.1, 2001:db8::7", "2001:db8::7"),
        ("198.51.100.7, <script>", "127.0.0.1"),
        ("", "127.0.0.1"),
    ],
)
def test_the_last_entry_is_the_proxys_own(told: str, address: str) -> None:
    with override_settings(PROXY_HEADER="X-Forwarded-Proto"):
        assert client_address(RequestFactory().get("/", headers={"X-Forwarded-For": told})) == address
