"""Every command in one place: the machine interface."""

from __future__ import annotations

import typer

from mailkeep.cli import engine, groups, mailboxes, recovery, servers, tasks, upkeep

app = typer.Typer(
    name="mailkeep",
    help="Archives an organisation's mailboxes, proves that nothing is missing, and recovers them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # an unknown error keeps its traceback
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(engine.serve)
app.command()(engine.worker)
app.command()(engine.demo)
app.add_typer(servers.app, name="connection")
app.add_typer(groups.app, name="group")
app.add_typer(tasks.app, name="task")
app.command()(engine.sync)
app.add_typer(mailboxes.app, name="mailboxes")
app.command()(mailboxes.folders)
app.command()(mailboxes.items)
app.command()(mailboxes.item)
app.command("left-out")(mailboxes.left_out)
app.command()(mailboxes.ledger)
app.command()(recovery.export)
app.command()(recovery.restore)
app.command()(recovery.undo)
app.command()(upkeep.verify)
app.command()(upkeep.rebuild)
app.command()(upkeep.audit)
