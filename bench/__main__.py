"""`make bench`: measure everything in one run, print the table, write docs/performance.md.

    python -m bench [--messages 20000] [--rounds 3] [--only first,again,disk,reading,memory,exchange] [--no-write]

A run with other numbers than the defaults is a trial: it writes nothing.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from bench import data, exchange, measure, report, rounds

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache" / "bench"
CHAPTERS = {
    "first": rounds.first,
    "again": rounds.again,
    "disk": rounds.disk,
    "reading": rounds.reading,
    "memory": rounds.memory,
    "exchange": exchange.of,
}
MESSAGES, ROUNDS = 20_000, 3


def main() -> int:
    wanted = arguments()
    CACHE.mkdir(parents=True, exist_ok=True)
    server = data.server(CACHE / "server")
    trial = wanted.messages != MESSAGES or wanted.rounds != ROUNDS or wanted.only != list(CHAPTERS)
    load = os.getloadavg()[0]
    say(f"{wanted.messages:,} messages, {wanted.rounds} rounds; load {load:.1f} before the start")
    facts = data.prepare(server, wanted.messages)
    chapters, failures = [], []
    with server:
        bench = rounds.Bench(CACHE, server, facts, wanted.rounds, quick=trial)
        for name in wanted.only:
            say(f"{name} …")
            try:
                chapters.append(CHAPTERS[name](bench))
            except measure.Failed as error:
                failures.append(f"{name}: {error}")
                say(f"{name} FAILED: {error}")
    sys.stdout.write(report.table(chapters))
    if not (trial or wanted.no_write or failures):
        (ROOT / "docs/performance.md").write_text(report.markdown(head(facts, wanted.rounds, load), chapters))
        say("docs/performance.md is written.")
    return 1 if failures else 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--messages", type=int, default=MESSAGES)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--only", type=lambda text: text.split(","), default=list(CHAPTERS))
    parser.add_argument("--no-write", action="store_true")
    return parser.parse_args()


def say(text: str) -> None:
    sys.stderr.write(f"{datetime.now(UTC):%H:%M:%S} {text}\n")


def head(facts: dict[str, int], count: int, load: float) -> str:
    versions = "; ".join(
        [
            f"Python {platform.python_version()}",
            f"Dovecot {first_line('dovecot', '--version')}",
            first_line("mbsync", "--version"),
            first_line("restic", "version"),
            first_line("borg", "--version"),
        ]
    )
    return f"""# Performance

Written by `make bench` on {datetime.now(UTC):%Y-%m-%d}, in one run. Compare ratios; seconds belong to the machine.

- **Messages**: {facts["messages"]:,} in one mailbox of {facts["folders"]} folders, {facts["bytes"] / 1e6:,.0f} MB; \
{facts["smallest"]:,} to {facts["largest"]:,} bytes each, {facts["bytes"] / facts["messages"]:,.0f} on average. \
What is written in them is real (mailing lists and inboxes of the test corpus); \
headers, HTML, threads and attachments are made (`bench/mailset.py`, seeded).
- **Machine**: {machine()}; fdatasync of 4 KiB {measure.fdatasync_milliseconds(CACHE):.2f} ms (median); \
load {load:.1f} before the start. The mail server runs on the same machine.
- **Programs**: {versions}. {count} rounds where rounds are named.
"""


def machine() -> str:
    model = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    memory = re.search(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text())
    cpu = model[1] if model else platform.processor() or platform.machine()
    gibibytes = int(memory[1]) / 2**20 if memory else 0
    return f"{os.cpu_count()} cores of {cpu}, {gibibytes:.0f} GiB, Linux {platform.release()}"


def first_line(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return (done.stdout or done.stderr).splitlines()[0].split(" compiled")[0]


if __name__ == "__main__":
    sys.exit(main())
