"""What is measured, in order. Each function takes the bench and gives a chapter of the report."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from bench import data, measure
from bench.measure import Cost
from bench.ours import Mailkeep
from bench.peers import Borg, Mbsync, Restic
from bench.report import Chapter, Line, mebibytes, spread
from mailkeep.simulator.dovecot import Dovecot

MEMORY_GOAL_MIB = 512


@dataclass
class Bench:
    """One run's server, folders and measurements."""

    folder: Path
    server: Dovecot
    facts: dict[str, int]
    rounds: int
    quick: bool = False
    kept: dict[str, Any] = field(default_factory=dict)

    @property
    def ours(self) -> Mailkeep:
        return Mailkeep(self.folder / "mailkeep")

    @property
    def mbsync(self) -> Mbsync:
        return Mbsync(self.folder / "mbsync", fsync=True)

    @property
    def mbsync_hasty(self) -> Mbsync:
        return Mbsync(self.folder / "mbsync-hasty", fsync=False)


def first(bench: Bench) -> Chapter:
    """Everything for the first time, in turns, so that a change in the machine's mood meets all alike."""
    ours: list[Cost] = []
    inside: list[float] = []
    theirs: list[Cost] = []
    hasty: list[Cost] = []
    for _ in range(bench.rounds):
        bench.ours.fresh(bench.server, data.USER, data.PASSWORD)
        cost, row = bench.ours.sync()
        if row["fetched"] != bench.facts["messages"]:
            raise measure.Failed(f"fetched {row['fetched']} of {bench.facts['messages']} messages")
        ours.append(cost)
        inside.append(row["seconds"])
        for peer, costs in ((bench.mbsync, theirs), (bench.mbsync_hasty, hasty)):
            peer.fresh(bench.server, data.USER, data.PASSWORD)
            costs.append(peer.sync())
    shutil.rmtree(bench.mbsync_hasty.folder)
    bench.kept["peak"] = ours[-1].peak_mib
    wall, cpu = median(c.wall_seconds for c in ours), median(c.cpu_seconds for c in ours)
    peer_wall, peer_cpu = median(c.wall_seconds for c in theirs), median(c.cpu_seconds for c in theirs)
    hasty_wall = median(c.wall_seconds for c in hasty)
    messages, size = bench.facts["messages"], bench.facts["bytes"]
    rate = f"{messages / median(inside):,.0f} messages/s, {size / median(inside) / 1e6:,.0f} MB/s"
    lines = [
        Line(
            "wall, against mbsync", spread([c.wall_seconds for c in ours]), spread([c.wall_seconds for c in theirs]),
            f"{wall / peer_wall:.2f}", "a third", wall <= peer_wall / 3,
        ),
        Line("wall, against mbsync, FSync no", "", spread([c.wall_seconds for c in hasty]), f"{wall / hasty_wall:.2f}"),
        Line(
            "CPU, against mbsync", spread([c.cpu_seconds for c in ours]), spread([c.cpu_seconds for c in theirs]),
            f"{cpu / peer_cpu:.2f}",
        ),
        Line("the synchronisation itself, without starting and stopping", spread(inside), rate),
    ]  # fmt: skip
    intro = (
        "From nothing to everything: `mailkeep sync TASK --wait` on a new home, its PostgreSQL started before "
        "and stopped after, all of that counted, wall and CPU; `mbsync` into a new Maildir. Both over a plain "
        "line on loopback, onto the same disk. CPU is the program's and its children's; the mail server's is "
        "in neither. The rounds are interleaved; median (smallest to largest)."
    )
    return Chapter("First synchronisation", intro, lines)


def again(bench: Bench) -> Chapter:
    """Nothing changed, then a hundred new messages."""
    quiet, row = bench.ours.sync()
    peer_quiet = bench.mbsync.sync()
    trips = row["requests"] / bench.facts["folders"]
    data.deliver_new(bench.server, 100)
    fresh, new_row = bench.ours.sync()
    peer_fresh = bench.mbsync.sync()
    if new_row["fetched"] != 100:
        raise measure.Failed(f"fetched {new_row['fetched']} of 100 new messages")
    lines = [
        _against("nothing changed, wall", quiet, peer_quiet),
        Line("… the synchronisation itself", f"{row['seconds']:.3f} s"),
        Line(
            f"… round trips ({bench.facts['folders']} folders)", str(row["requests"]), "", f"{trips:.2f} per folder",
            "at most one per folder", trips <= 1,
        ),
        _against("100 new, wall", fresh, peer_fresh),
        Line("… the synchronisation itself", f"{new_row['seconds']:.3f} s"),
    ]  # fmt: skip
    intro = (
        "The wall time of the command includes starting and stopping PostgreSQL; with `mailkeep serve` "
        "running, which is the ordinary way, only *the synchronisation itself* remains. Its round trips count "
        "everything from the greeting to the sign-off."
    )
    return Chapter("Nothing changed, 100 new", intro, lines)


def _against(what: str, ours: Cost, theirs: Cost) -> Line:
    return Line(
        what,
        f"{ours.wall_seconds:.2f} s (CPU {ours.cpu_seconds:.2f} s)",
        f"mbsync {theirs.wall_seconds:.2f} s (CPU {theirs.cpu_seconds:.2f} s)",
        f"{ours.wall_seconds / theirs.wall_seconds:.2f}",
    )


def disk(bench: Bench) -> Chapter:
    """Bytes on disk for the same mail, and what making them cost the others."""
    maildir = measure.disk_bytes(bench.mbsync.maildir)
    archive = measure.disk_bytes(bench.ours.home / "archive")
    if not archive:
        raise measure.Failed("there is no archive: the first synchronisation has to run before")
    catalog = measure.disk_bytes(bench.ours.home / "postgres")
    bench.kept["maildir"] = maildir
    restic = Restic(bench.folder / "restic")
    made = [("restic (compression auto)", restic.backup(bench.mbsync.maildir), measure.disk_bytes(restic.folder))]
    _restic_readings(bench, restic)
    shutil.rmtree(restic.folder)
    for compression in ("lz4", "zstd,3"):
        borg = Borg(bench.folder / "borg", compression)
        made.append((f"borg ({compression})", borg.backup(bench.mbsync.maildir), measure.disk_bytes(borg.folder)))
        if compression == "lz4":
            _borg_readings(bench, borg)
        shutil.rmtree(borg.folder)
    lines = [
        Line(
            "archive, against the Maildir",
            mebibytes(archive),
            mebibytes(maildir),
            f"{archive / maildir:.2f}",
            "a third",
            archive <= maildir / 3,
        ),
        *(
            Line(
                f"archive, against {name}",
                mebibytes(archive),
                mebibytes(size),
                f"{archive / size:.2f}",
                "fewer",
                archive < size,
            )
            for name, _, size in made
        ),
        *(
            Line(f"what {name} took for it, from the Maildir", "", f"{c.wall_seconds:.1f} s, CPU {c.cpu_seconds:.1f} s")
            for name, c, _ in made
        ),
        Line(
            "the Maildir in disk blocks",
            mebibytes(measure.allocated_bytes(bench.ours.home / "archive")),
            mebibytes(measure.allocated_bytes(bench.mbsync.maildir)),
        ),
        Line("beside the archive: the catalog, which can be rebuilt", mebibytes(catalog)),
    ]
    intro = (
        "The sum of all file sizes. restic and borg back up the Maildir that mbsync made; all three encrypt. "
        "The archive includes its history."
    )
    return Chapter("Bytes on disk", intro, lines)


def _restic_readings(bench: Bench, restic: Restic) -> None:
    bench.kept["restic check"] = restic.check()
    bench.kept["restic restore"] = restic.restore(bench.folder / "restored")
    shutil.rmtree(bench.folder / "restored")


def _borg_readings(bench: Bench, borg: Borg) -> None:
    bench.kept["borg check"] = borg.check()
    bench.kept["borg extract"] = borg.extract(bench.folder / "restored")
    shutil.rmtree(bench.folder / "restored")


def reading(bench: Bench) -> Chapter:
    """Verify, export, rebuild."""
    size = bench.facts["bytes"]
    verify = bench.ours.measured("verify", "--json")
    target = bench.folder / "exported"
    shutil.rmtree(target, ignore_errors=True)
    export = bench.ours.measured(
        "export", data.USER, "--format", "maildir", "--out", str(target), "--reason", "benchmark"
    )
    shutil.rmtree(target)
    rebuild = bench.ours.measured("rebuild", "--json")
    bench.kept["peak rebuild"] = rebuild.peak_mib
    lines = [
        _speed("verify everything", verify, size, _kept(bench, "restic check"), "restic check --read-data"),
        _speed("verify everything", verify, size, _kept(bench, "borg check"), "borg check --verify-data"),
        _speed("export as Maildir", export, size, _kept(bench, "restic restore"), "restic restore"),
        _speed("export as Maildir", export, size, _kept(bench, "borg extract"), "borg extract"),
        Line(
            "rebuild the catalog",
            f"{rebuild.wall_seconds:.1f} s",
            "",
            f"{bench.facts['messages'] / rebuild.wall_seconds:,.0f} items/s",
        ),
    ]
    return Chapter(
        "Verify, export, rebuild",
        "Whole commands, PostgreSQL's start and stop included. MB/s are of the mail itself.",
        lines,
    )


def _kept(bench: Bench, name: str) -> Cost | None:
    return bench.kept.get(name)


def _speed(what: str, ours: Cost, size: int, theirs: Cost | None, name: str) -> Line:
    shown = f"{ours.wall_seconds:.1f} s, {size / ours.wall_seconds / 1e6:.0f} MB/s"
    if theirs is None:
        return Line(what, shown)
    return Line(what, shown, f"{name} {theirs.wall_seconds:.1f} s", f"{ours.wall_seconds / theirs.wall_seconds:.2f}")


def memory(bench: Bench) -> Chapter:
    """Peaks: the set, one huge message, a huge folder."""
    lines = [_peak(f"first synchronisation of {bench.facts['messages']:,} messages", bench.kept["peak"])]
    if "peak rebuild" in bench.kept:
        lines.append(_peak("rebuild", bench.kept["peak rebuild"]))
    lines.append(_peak("one message of 150 MB", _big(bench).peak_mib))
    items = 20_000 if bench.quick else 1_000_000
    program = [data.PYTHON, "-m", "bench.million", str(bench.folder / "million"), str(items)]
    cost = measure.run(program, folder=Path(__file__).resolve().parent.parent)
    seconds = "; ".join(cost.out.splitlines())
    lines.append(_peak(f"a folder of {items:,} items ({seconds})", cost.peak_mib))
    intro = (
        "The largest resident set (VmHWM) of any Python process of the command, sampled every 50 ms; beside "
        "it, PostgreSQL's largest process with its shared memory. The huge folder comes from a connector that "
        "makes its items up as they are asked for, so that no server's memory is counted; everything else is "
        "the real engine, archive and catalog."
    )
    return Chapter("Peak memory", intro, lines)


def _big(bench: Bench) -> Cost:
    data.prepare_big(bench.server)
    big = Mailkeep(bench.folder / "mailkeep-big")
    big.fresh(bench.server, data.BIG_USER, data.PASSWORD)
    cost, _ = big.sync()
    shutil.rmtree(big.folder)
    return cost


def _peak(what: str, peaks: Mapping[str, float]) -> Line:
    python, postgres = peaks.get("python", 0), peaks.get("postgres", 0)
    return Line(
        what,
        f"{python:.0f} MiB",
        f"PostgreSQL {postgres:.0f} MiB",
        "",
        f"under {MEMORY_GOAL_MIB} MiB",
        python < MEMORY_GOAL_MIB,
    )
