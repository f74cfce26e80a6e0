"""The Exchange chapter: a mailbox of 20,000 mixed items on the simulated Exchange, against an exchangelib loop."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

from bench import measure
from bench.measure import Cost
from bench.report import Chapter, Line, mebibytes, spread
from bench.rounds import Bench
from mailkeep.simulator.crowd import MIX, crowd
from mailkeep.simulator.exchange.organisation import Organisation
from mailkeep.simulator.inhabit_exchange import add
from mailkeep.simulator.process import ExchangeProcess

ADDRESS = "office@bench.example"
SERVICE, PASSWORD = "BENCH\\svc", "bench"
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
ITEMS = 20_000
WITH_ITEMS = [folder for folder, _ in MIX]


@dataclass(frozen=True, slots=True)
class Ours:
    cost: Cost
    runs: list[dict[str, Any]]


def of(bench: Bench) -> Chapter:
    """The chapter of `make bench`: one round, since the peer takes minutes."""
    return chapter(bench.folder / "exchange", 1, 1_000 if bench.quick else ITEMS)


def prepare(folder: Path, items: int) -> int:
    """The server's mailbox, made once. The bytes of its file."""
    done = folder / f"items-{items}"
    if not done.exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        with Organisation(folder / "organisation.sqlite", domain="bench.example") as organisation:
            mailbox = organisation.add_mailbox(ADDRESS, "Office")
            with organisation.writing():
                for name, bundle in crowd(1, items, NOW):
                    add(mailbox, mailbox.well_known(name), bundle)
        done.touch()
    return (folder / "organisation.sqlite").stat().st_size


def chapter(folder: Path, rounds: int, items: int) -> Chapter:
    """Ours and the peer's in turns, then twice without any change."""
    size = prepare(folder / "server", items)
    description = {"accounts": [{"user": SERVICE, "password": PASSWORD, "impersonates": True}]}
    ours: list[Ours] = []
    theirs: list[tuple[Cost, int, int]] = []
    with ExchangeProcess(folder / "server", description) as server:
        for _ in range(rounds):
            shutil.rmtree(folder / "home", ignore_errors=True)
            ours.append(_ours(folder / "home", server, 1))
            if ours[-1].runs[0]["fetched"] != items:
                raise measure.Failed(f"fetched {ours[-1].runs[0]['fetched']} of {items} items")
            theirs.append(_theirs(folder / "saved", server))
            if theirs[-1][1] != items:
                raise measure.Failed(f"the peer saved {theirs[-1][1]} of {items} items")
        archive = measure.disk_bytes(folder / "home" / "archive")
        time.sleep(4)  # marks that are told in whole seconds prove nothing about a change of a moment ago
        quiet = _ours(folder / "home", server, 2).runs[-1]
        folders = server.control(do="record")["counts"]
    return _chapter(ours, theirs, quiet, archive, size, items, folders)


def _ours(home: Path, server: ExchangeProcess, runs: int) -> Ours:
    where = urlsplit(server.url)
    endpoint = {
        "kind": "exchange", "host": where.hostname, "port": where.port, "tls": "implicit",
        "ca_pem": server.authority.read_text(), "user": SERVICE, "password": PASSWORD, "impersonate": True,
        "mailbox_check": ADDRESS,
    }  # fmt: skip
    command = [sys.executable, "-m", "bench.exchange_ours", str(home), ADDRESS, str(runs)]
    cost = measure.run(command, folder=Path(__file__).resolve().parent.parent, given=json.dumps(endpoint))
    return Ours(cost, [json.loads(line) for line in cost.out.splitlines()])


def _theirs(out: Path, server: ExchangeProcess) -> tuple[Cost, int, int]:
    shutil.rmtree(out, ignore_errors=True)
    command = [sys.executable, "-m", "bench.exchange_peer", server.url, SERVICE, PASSWORD, ADDRESS, str(out)]
    environment = {"REQUESTS_CA_BUNDLE": str(server.authority)}
    cost = measure.run(command, environment, folder=Path(__file__).resolve().parent.parent)
    items, size = map(int, cost.out.split())
    shutil.rmtree(out)
    return cost, items, size


def _chapter(
    ours: list[Ours],
    theirs: list[tuple[Cost, int, int]],
    quiet: dict[str, Any],
    archive: int,
    size: int,
    items: int,
    counts: dict[str, int],
) -> Chapter:
    inside = [one.runs[0]["seconds"] for one in ours]
    peer = [cost.wall_seconds for cost, _, _ in theirs]
    rate, peer_rate = items / median(inside), items / median(peer)
    peak = max(one.cost.peak_mib["python"] for one in ours)
    peer_peak = max(cost.peak_mib["python"] for cost, _, _ in theirs)
    cpu = median(one.cost.cpu_seconds for one in ours)
    peer_cpu = median(cost.cpu_seconds for cost, _, _ in theirs)
    run = ours[-1].runs[0]
    lines = [
        Line(
            "rate, the synchronisation itself", f"{rate:,.0f} items/s", f"exchangelib {peer_rate:,.0f} items/s",
            f"{rate / peer_rate:.2f}", "five times", rate >= 5 * peer_rate,
        ),
        Line("seconds", spread(inside), spread(peer), f"{median(inside) / median(peer):.2f}"),
        Line("bytes received", mebibytes(run["received"]), mebibytes(theirs[-1][2]) + " saved"),
        Line("requests", f"{run['requests']:,}"),
        Line("CPU, PostgreSQL included", f"{cpu:.1f} s", f"{peer_cpu:.1f} s", f"{cpu / peer_cpu:.2f}"),
        Line(
            "peak memory", f"{peak:.0f} MiB", f"{peer_peak:.0f} MiB", f"{peak / peer_peak:.2f}", "a tenth",
            peak <= peer_peak / 10,
        ),
        Line(
            "share of the time that each of its two lines waits for the server",
            f"{run['waiting'] / 2 / run['seconds']:.0%}",
        ),
        Line("the archive, against the server's file", mebibytes(archive), mebibytes(size), f"{archive / size:.2f}"),
        Line(
            "nothing changed: requests", str(quiet["requests"]), "", "", "one, and at most two per folder",
            quiet["requests"] <= 1 + 2 * len(WITH_ITEMS),
        ),
        Line("nothing changed: seconds", f"{quiet['seconds']:.2f} s"),
    ]  # fmt: skip
    asked = ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items()))
    intro = (
        f"{items:,} items in one mailbox of the simulated Exchange (a process of its own, over TLS, on the same two cores): "
        "78 % mail of 1 KB to 256 KB and one in 400 of 5 MB, the rest events, contacts, tasks and notes. "
        "Ours keeps content, properties, export stream and attachments, sealed, in the archive; the peer is a "
        "straightforward exchangelib loop over all folders that writes each item's MIME and attachments into a file "
        f"(`bench/exchange_peer.py`). The server counted: {asked}."
    )
    return Chapter("Exchange: first synchronisation of a mixed mailbox", intro, lines)


def main() -> int:
    """`python -m bench.exchange [ITEMS] [ROUNDS]`: this chapter alone, as a trial."""
    items, rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 2_000, int(sys.argv[2]) if len(sys.argv) > 2 else 1
    cache = Path(__file__).resolve().parent.parent / ".cache" / "bench" / "exchange-trial"
    made = chapter(cache, rounds, items)
    for line in made.lines:
        sys.stdout.write(f"{line.what:70} {line.ours:24} {line.others:28} {line.ratio:6} {line.goal} {line.met}\n")
    sys.stdout.write(made.intro + "\n")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except subprocess.SubprocessError as error:
        sys.exit(str(error))
