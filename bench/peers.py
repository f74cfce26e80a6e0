"""The programs we measure against: mbsync into a Maildir; restic and borg on that Maildir."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from bench import measure
from bench.measure import Cost
from mailkeep.simulator.dovecot import Dovecot

SECRET = "bench"  # noqa: S105 - of repositories that live for minutes


@dataclass(frozen=True, slots=True)
class Mbsync:
    """One mbsync with its configuration and its Maildir below `folder`. `fsync`: its default is yes."""

    folder: Path
    fsync: bool

    @property
    def maildir(self) -> Path:
        return self.folder / "maildir"

    def fresh(self, server: Dovecot, user: str, password: str) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        self.maildir.mkdir(parents=True)
        lines = [
            *([] if self.fsync else ["FSync no"]),
            *["IMAPAccount server", "Host 127.0.0.1", f"Port {server.port}", f"User {user}", f"Pass {password}"],
            *["SSLType None", "IMAPStore remote", "Account server"],
            *["MaildirStore local", "SubFolders Verbatim", f"Path {self.maildir}/", f"Inbox {self.maildir}/INBOX"],
            *["Channel all", "Far :remote:", "Near :local:", "Patterns *", "Create Near", "Sync Pull"],
            *["SyncState *", "CopyArrivalDate yes"],
        ]
        sections = {"IMAPStore remote", "MaildirStore local", "Channel all"}
        text = "".join(f"\n{line}\n" if line in sections else f"{line}\n" for line in lines)
        (self.folder / "mbsyncrc").write_text(text)

    def sync(self) -> Cost:
        return measure.run(["mbsync", "-q", "-c", str(self.folder / "mbsyncrc"), "all"])


@dataclass(frozen=True, slots=True)
class Restic:
    folder: Path

    def backup(self, source: Path) -> Cost:
        shutil.rmtree(self.folder, ignore_errors=True)
        measure.run(["restic", "init", "-q", "-r", str(self.folder)], self._environment())
        return measure.run(
            ["restic", "backup", "-q", "--no-cache", "-r", str(self.folder), "."], self._environment(), source
        )

    def check(self) -> Cost:
        return measure.run(
            ["restic", "check", "-q", "--no-cache", "--read-data", "-r", str(self.folder)], self._environment()
        )

    def restore(self, target: Path) -> Cost:
        shutil.rmtree(target, ignore_errors=True)
        command = ["restic", "restore", "-q", "--no-cache", "-r", str(self.folder), "latest", "--target", str(target)]
        return measure.run(command, self._environment())

    def _environment(self) -> dict[str, str]:
        return {"RESTIC_PASSWORD": SECRET}


@dataclass(frozen=True, slots=True)
class Borg:
    """`compression`: borg's own default is lz4."""

    folder: Path
    compression: str

    def backup(self, source: Path) -> Cost:
        shutil.rmtree(self.folder, ignore_errors=True)
        measure.run(["borg", "init", "--encryption", "repokey-blake2", str(self.folder)], self._environment())
        command = ["borg", "create", "--compression", self.compression, f"{self.folder}::bench", "."]
        return measure.run(command, self._environment(), source)

    def check(self) -> Cost:
        return measure.run(["borg", "check", "--verify-data", str(self.folder)], self._environment())

    def extract(self, target: Path) -> Cost:
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        return measure.run(["borg", "extract", f"{self.folder}::bench"], self._environment(), target)

    def _environment(self) -> dict[str, str]:
        base = str(self.folder.parent / "borg-own")
        return {"BORG_PASSPHRASE": SECRET, "BORG_BASE_DIR": base, "BORG_RELOCATED_REPO_ACCESS_IS_OK": "yes"}
