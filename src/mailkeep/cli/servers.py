"""`mailkeep connection …`: server connections."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from mailkeep.cli.command import FAILED, actor, command
from mailkeep.cli.output import Output
from mailkeep.connectors.base import Endpoint
from mailkeep.errors import GiveUp
from mailkeep.operations import connections

app = typer.Typer(help="Server connections.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(metavar="NAME")]


@app.command()
@command
def add(  # one parameter per option of the machine interface
    out: Output,
    name: Name,
    kind: Annotated[str, typer.Option(help="imap, exchange or microsoft365.")],
    host: Annotated[str, typer.Option()],
    port: Annotated[int | None, typer.Option(min=1, max=65535)] = None,
    tls: Annotated[str, typer.Option(help="implicit or starttls; none only to this machine.")] = "implicit",
    ca: Annotated[
        Path | None, typer.Option(help="Certificates (PEM) to trust for this connection, instead of the system's.")
    ] = None,
    auth: Annotated[str, typer.Option(help="basic, ntlm or bearer.")] = "basic",
    user: Annotated[str, typer.Option(help="Who signs in; for Exchange the service account.")] = "",
    password_file: Annotated[
        Path | None, typer.Option(help="Its first line; with --auth bearer the token. - reads standard input.")
    ] = None,
    master_user: Annotated[str, typer.Option(help="Signs in for every mailbox.")] = "",
    master_password_file: Annotated[Path | None, typer.Option(help="Its first line; - reads standard input.")] = None,
    separator: Annotated[
        str, typer.Option(help="Dovecot's form mailbox*master; without it SASL PLAIN names both.")
    ] = "",
    logins: Annotated[
        Path | None, typer.Option(help="A login per mailbox: address TAB user TAB password per line.")
    ] = None,
    impersonate: Annotated[
        bool, typer.Option("--impersonate", help="Exchange: act as each mailbox's owner (ApplicationImpersonation).")
    ] = False,
    mailbox_check: Annotated[str, typer.Option(help="The mailbox that a connection test reads.")] = "",
) -> None:
    """Add a server connection. Test it next: mailkeep connection test NAME."""
    if impersonate and kind == "imap":
        raise GiveUp("bad_impersonate", "IMAP knows no impersonation", "use --master-user instead")
    endpoint = Endpoint(
        kind=kind,
        host=host,
        port=port,
        tls=tls,
        ca_pem=_text(ca) if ca else "",
        auth=auth,
        user=user,
        password=_secret(password_file),
        master_user=master_user,
        master_password=_secret(master_password_file),
        separator=separator,
        mailbox_check=mailbox_check,
        impersonate=impersonate,
    )
    if logins:
        endpoint = connections.with_logins(endpoint, _text(logins))
    row = connections.add(name, endpoint, actor())
    out.one(out.plain(row), f"Connection {row.name} added. Test it: mailkeep connection test {row.name!r}")


@app.command("list")
@command
def list_(out: Output) -> None:
    """All server connections."""
    out.rows((out.plain(row) for row in connections.listed()), ["name", "kind", "host", "port", "tls", "tasks"])


@app.command()
@command
def show(out: Output, name: Name) -> None:
    """One server connection, without its secrets."""
    out.one(out.plain(connections.show(name)))


@app.command()
@command
def test(out: Output, name: Name) -> None:
    """Try the connection step by step: name, line, certificate, sign-in, permission, the mailbox to check."""
    steps = []
    for step in connections.test(name):
        steps.append(step)
        if not out.json_wanted:
            out.line(f"{'ok  ' if step.ok else 'FAIL'} {step.name:<14}{step.milliseconds:8.0f} ms  {step.message}")
            if step.hint and not step.ok:
                out.line(f"     what to do: {step.hint}")
    ok = all(step.ok for step in steps)
    if out.json_wanted:
        out.one({"name": name, "ok": ok, "steps": [out.plain(step) for step in steps]})
    if not ok:
        sys.exit(FAILED)


@app.command()
@command
def remove(out: Output, name: Name) -> None:
    """Remove a connection that no task uses."""
    connections.remove(name, actor())
    out.one({"removed": name}, f"Connection {name} removed.")


def _text(path: Path) -> str:
    try:
        return sys.stdin.read() if str(path) == "-" else path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise GiveUp("bad_file", f"cannot read {path}: {error}", "check the path and who may read it") from error


def _secret(path: Path | None) -> str:
    """The first line of a file: secrets never come as arguments, which other users can see."""
    if path is None:
        return ""
    secret = _text(path).split("\n", 1)[0].rstrip("\r")
    if not secret:
        raise GiveUp("bad_file", f"the first line of {path} is empty", "put the password there")
    return secret
