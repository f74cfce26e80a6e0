"""The text of a `dovecot.conf`: pure. Every path lies in the server's own folder, every port on loopback."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Settings:
    """`account`: whom Dovecot believes to run as. `masters`: some may sign in as others."""

    folder: Path
    run: Path
    account: str
    port: int
    tls_port: int
    special_use: Mapping[str, str]
    capability: str
    connections_max: int
    masters: bool


def render(settings: Settings) -> str:
    """The configuration. Folders lie as directories with UTF-8 names, so that a name may hold a dot."""
    folder = settings.folder
    parts = [
        f"""
protocols = imap
listen = 127.0.0.1
base_dir = {settings.run}
state_dir = {settings.run}
log_path = {folder}/dovecot.log
default_internal_user = {settings.account}
default_internal_group =
default_login_user = {settings.account}
default_vsz_limit = 1 G
first_valid_uid = 1
mail_location = maildir:%h:LAYOUT=fs:UTF-8
mail_fsync = never
mail_max_userip_connections = {settings.connections_max}
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_failure_delay = 0
auth_username_chars =
ssl = yes
ssl_cert = <{folder}/server.pem
ssl_key = <{folder}/server.key
ssl_dh =
""",
        *_services(settings),
        _masters(settings) if settings.masters else "",
        f"""
passdb {{
  driver = passwd-file
  args = username_format=%u {folder}/users.d/%u
}}
userdb {{
  driver = passwd-file
  args = username_format=%u {folder}/users.d/%u
}}
""",
        _namespace(settings),
        f"imap_capability = {settings.capability}\n" if settings.capability else "",
    ]
    return "".join(parts)


def _services(settings: Settings) -> list[str]:
    ports = f"""
  inet_listener imap {{
    port = {settings.port}
  }}
  inet_listener imaps {{
    port = {settings.tls_port}
    ssl = yes
  }}"""
    patient = "\n  unix_listener anvil-auth-penalty {\n    mode = 0\n  }"  # no waiting after a wrong password
    plain = {"imap-login": ports, "anvil": patient, "stats": "", "imap-urlauth-login": ""}
    return [f"service {name} {{\n  chroot ={extra}\n}}\n" for name, extra in plain.items()]


def _masters(settings: Settings) -> str:
    """A master user signs in as another, by SASL PLAIN's authorisation identity or as `user*master`."""
    return f"""
auth_master_user_separator = *
passdb {{
  driver = passwd-file
  master = yes
  args = username_format=%u {settings.folder}/masters.d/%u
  result_success = continue
}}
"""


def _namespace(settings: Settings) -> str:
    boxes = "".join(
        f'  mailbox "{name}" {{\n    special_use = {use}\n    auto = subscribe\n  }}\n'
        for name, use in settings.special_use.items()
    )
    return f"namespace inbox {{\n  inbox = yes\n  separator = /\n{boxes}}}\n"
