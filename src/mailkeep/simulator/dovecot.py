"""A real Dovecot 2.3 in a folder of its own, for tests, the demo and the benchmarks.

    with Dovecot(folder, users={"anna@firma.example": "secret"}) as server:
        server.deliver("anna@firma.example", "INBOX", b"Subject: hello\\r\\n\\r\\nhello\\r\\n", flags={"seen"})
        server.port, server.tls_port, server.ca_path          # loopback, plain and TLS
        server.doveadm("expunge", "-u", "anna@firma.example", "mailbox", "INBOX", "all")

Everything lies below `folder` and is there again at the next start:

    dovecot.conf  dovecot.log  users.d/  masters.d/  ca.pem  server.pem  server.key  run/  mail/<user>/…

**As whom.** Dovecot refuses mail to uid 0. Root therefore starts it in a user namespace in which root is called
`nobody`: it then sees exactly the files root sees, in any folder, and may do nothing else. Where there are no
namespaces, it runs as the system's `nobody`, who must be able to reach the folder. An ordinary user starts it as is.

**Dying with us.** `dovecot -F` is our child and gets SIGTERM when the *thread* that started it ends (PR_SET_PDEATHSIG):
start it from a thread that lives as long as the server is wanted.
"""

from __future__ import annotations

import base64
import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import TracebackType

from mailkeep.errors import GiveUp, RetryLater
from mailkeep.simulator.certificates import issue
from mailkeep.simulator.dovecot_config import Settings, render

SPECIAL_USE = {"Drafts": "\\Drafts", "Sent": "\\Sent", "Junk": "\\Junk", "Trash": "\\Trash", "Archive": "\\Archive"}

_LETTERS = {"draft": "D", "flagged": "F", "answered": "R", "seen": "S", "deleted": "T"}
_SOCKET_PATH_BYTES_MAX = 60  # base_dir; the longest socket name below it takes 40 more, the kernel's limit is 107


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message to put into a folder: bytes, lower-case flags and keywords, internal date (None: now)."""

    content: bytes
    flags: frozenset[str] = field(default_factory=frozenset)
    received: datetime | None = None


class Dovecot:
    """One server. `capability` replaces what it advertises (see `without`), to try what a poorer server would do."""

    def __init__(
        self,
        folder: Path,
        *,
        users: Mapping[str, str] | None = None,
        masters: Mapping[str, str] | None = None,
        port: int | None = None,
        tls_port: int | None = None,
        special_use: Mapping[str, str] = SPECIAL_USE,
        capability: str = "",
        connections_max: int = 100,
    ) -> None:
        self.folder = folder.absolute()
        self.port = port or 0
        self.tls_port = tls_port or 0
        self.ca_path = self.folder / "ca.pem"
        self._users = dict(users or {})
        self._masters = dict(masters or {})
        self._special_use = dict(special_use)
        self._capability = capability
        self._connections_max = connections_max
        self._process: subprocess.Popen[bytes] | None = None
        self._run = self.folder / "run"
        self._delivered = 0
        self._as, self._owner = _launcher()
        self._account = pwd.getpwuid(os.getuid() or pwd.getpwnam("nobody").pw_uid)  # as Dovecot sees itself

    # --- running ---------------------------------------------------------------------------------------------------

    def start(self) -> Dovecot:
        """Start and wait until it answers. `GiveUp("dovecot_missing")` where it is not installed."""
        program = _program("dovecot")
        self._prepare()
        self.port, self.tls_port = self.port or _free_port(), self.tls_port or _free_port()
        self._write("dovecot.conf", render(self._settings()))
        command = ["setpriv", "--pdeathsig", "TERM", "--", *self._as, program, "-F", "-c", str(self._conf)]
        with (self.folder / "dovecot.out").open("ab") as out:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
            )
        try:
            self._wait_until_it_answers()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Stop it and wait for its end; harmless when it does not run."""
        process, self._process = self._process, None
        if process is not None:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            with contextlib.suppress(ProcessLookupError):  # a child that has not yet noticed that its master ended
                os.killpg(process.pid, signal.SIGKILL)
        if self._run.parent != self.folder:
            shutil.rmtree(self._run, ignore_errors=True)

    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def __enter__(self) -> Dovecot:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # --- people ----------------------------------------------------------------------------------------------------

    def add_user(self, user: str, password: str) -> None:
        """A further user, or a new password; works while running."""
        self._users[user] = password
        self._write_person("users.d", user, password)

    def remove_user(self, user: str) -> None:
        """The user is unknown from now on; the mail stays on disk."""
        self._users.pop(user, None)
        (self.folder / "users.d" / user).unlink(missing_ok=True)

    # --- mail ------------------------------------------------------------------------------------------------------

    def deliver(
        self, user: str, folder: str, content: bytes, flags: Iterable[str] = (), received: datetime | None = None
    ) -> None:
        """Put one message into the folder ("Work/Reports"), which is made where it is missing."""
        self.deliver_many(user, folder, [Delivery(content, frozenset(flags), received)])

    def deliver_many(self, user: str, folder: str, deliveries: Iterable[Delivery]) -> int:
        """Write messages straight into the Maildir (20,000 in two seconds); UIDs follow their order. Returns how many.

        The bytes are kept; IMAP shows a bare LF as CRLF, so give CRLF to get the same bytes back.
        """
        place = self._maildir(user, folder)
        keywords = _Keywords(place)
        count = 0
        for delivery in deliveries:
            self._write_message(place, delivery, keywords)
            count += 1
        keywords.save()
        self._own(place, *place.iterdir())
        return count

    def create_folder(self, user: str, folder: str) -> None:
        self._maildir(user, folder)

    def doveadm(self, *arguments: str, given: bytes = b"") -> str:
        """Run doveadm against this server and return its output; what it complains of is the error."""
        command = [*self._as, _program("doveadm"), "-c", str(self._conf), *arguments]
        done = subprocess.run(command, input=given, capture_output=True, check=False, timeout=300)
        if done.returncode != 0:
            complaint = done.stderr.decode(errors="replace").strip()
            raise GiveUp("doveadm_failed", f"doveadm {' '.join(arguments)} ended with {done.returncode}: {complaint}")
        return done.stdout.decode(errors="replace")

    def capability(self) -> str:
        """What it advertises after sign-in, by default."""
        value = "IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE SORT SORT=DISPLAY THREAD=REFERENCES THREAD=REFS"
        value += (
            " THREAD=ORDEREDSUBJECT MULTIAPPEND URL-PARTIAL CATENATE UNSELECT CHILDREN NAMESPACE UIDPLUS LIST-EXTENDED"
        )
        value += " I18NLEVEL=1 CONDSTORE QRESYNC ESEARCH ESORT SEARCHRES WITHIN CONTEXT=SEARCH LIST-STATUS BINARY MOVE"
        return (
            self._capability
            or value + " SNIPPET=FUZZY PREVIEW=FUZZY PREVIEW STATUS=SIZE SAVEDATE LITERAL+ NOTIFY SPECIAL-USE"
        )

    def without(self, *capabilities: str) -> str:
        """The advertised capabilities less these: the value to give another server as its `capability`."""
        return " ".join(word for word in self.capability().split() if word not in capabilities)

    def log(self) -> str:
        """What it wrote into its log so far."""
        path = self.folder / "dovecot.log"
        return path.read_text(errors="replace") if path.exists() else ""

    # --- inside ----------------------------------------------------------------------------------------------------

    @property
    def _conf(self) -> Path:
        return self.folder / "dovecot.conf"

    def _settings(self) -> Settings:
        return Settings(
            folder=self.folder,
            run=self._run,
            account=self._account.pw_name,
            port=self.port,
            tls_port=self.tls_port,
            special_use=self._special_use,
            capability=self._capability,
            connections_max=self._connections_max,
            masters=bool(self._masters),
        )

    def _prepare(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        if len(os.fsencode(self._run)) > _SOCKET_PATH_BYTES_MAX:
            self._run = Path(tempfile.mkdtemp(prefix="mailkeep-dovecot-"))
        self._run.mkdir(mode=0o700, exist_ok=True)
        (self.folder / "mail").mkdir(mode=0o700, exist_ok=True)
        self._write_people()
        if not self.ca_path.exists():
            issued = issue("localhost", "127.0.0.1")
            self._write("server.key", issued.key)
            self._write("server.pem", issued.certificate)
            self._write("ca.pem", issued.authority)
        self._own(self.folder, self._run, self.folder / "mail", *self.folder.glob("*.*"))

    def _write_people(self) -> None:
        """A file each: Dovecot looks at a file that it knows once a second only, at a new one at once."""
        for place, passwords in (("users.d", self._users), ("masters.d", self._masters)):
            shutil.rmtree(self.folder / place, ignore_errors=True)
            (self.folder / place).mkdir(mode=0o700)
            self._own(self.folder / place)
            for user, password in passwords.items():
                self._write_person(place, user, password)

    def _write_person(self, place: str, user: str, password: str) -> None:
        """A passwd-file of one line. Base64, so that a password may hold any character."""
        coded = base64.b64encode(password.encode()).decode()
        home = self.folder / "mail" / user
        line = f"{user}:{{PLAIN.b64}}{coded}:{self._account.pw_uid}:{self._account.pw_gid}::{home}::\n"
        self._write(f"{place}/{user}", line)

    def _write(self, name: str, text: str) -> None:
        path = self.folder / name
        temporary = path.with_suffix(".writing")
        temporary.touch(mode=0o600)
        temporary.write_text(text)
        self._own(temporary)
        temporary.replace(path)

    def _own(self, *paths: Path) -> None:
        if self._owner is not None:
            for path in paths:
                os.chown(path, self._owner, pwd.getpwuid(self._owner).pw_gid)

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            if not self.running():
                said = (self.folder / "dovecot.out").read_text(errors="replace") + self.log()
                raise GiveUp(
                    "dovecot_failed", f"Dovecot ended at once: {said[-800:].strip()}", f"see {self.folder}/dovecot.log"
                )
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 2) as line:
                if line.recv(4) == b"* OK":
                    return
            time.sleep(0.01)
        raise RetryLater("unreachable", "Dovecot did not answer within 20 seconds", f"see {self.folder}/dovecot.log")

    def _maildir(self, user: str, folder: str) -> Path:
        root = self.folder / "mail" / user
        place = root if folder.upper() == "INBOX" else root / folder
        if not (place / "cur").is_dir():
            self._make_maildirs(root, place)
        return place

    def _make_maildirs(self, root: Path, place: Path) -> None:
        """The folder with its parents: each a Maildir of its own, as Dovecot makes them, and subscribed."""
        levels = [
            root,
            *(
                root.joinpath(*place.relative_to(root).parts[: n + 1])
                for n in range(len(place.relative_to(root).parts))
            ),
        ]
        for level in levels:
            for part in (level, level / "tmp", level / "new", level / "cur"):
                part.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._own(part)
            if level != root:
                with (root / "subscriptions").open("a") as subscriptions:
                    subscriptions.write(f"{level.relative_to(root).as_posix()}\n")
        if (root / "subscriptions").exists():
            self._own(root / "subscriptions")

    def _write_message(self, place: Path, delivery: Delivery, keywords: _Keywords) -> None:
        self._delivered += 1
        letters = sorted(_LETTERS[flag] for flag in delivery.flags if flag in _LETTERS)
        letters += sorted(keywords.letter(flag) for flag in delivery.flags if flag not in _LETTERS)
        content = delivery.content
        size_crlf = len(content) + content.count(b"\n") - content.count(b"\r\n")
        stamp = time.time_ns()
        unique = f"{stamp // 10**9}.M{stamp // 1000 % 10**6:06d}Q{self._delivered:09d}.mailkeep"
        name = f"{unique},S={len(content)},W={size_crlf}"
        draft = place / "tmp" / name
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(handle, "wb", buffering=0) as file:
            file.write(content)
        if delivery.received is not None:
            os.utime(draft, (delivery.received.timestamp(),) * 2)
        self._own(draft)
        draft.rename(place / "cur" / f"{name}:2,{''.join(letters)}")


class _Keywords:
    """A Maildir's `dovecot-keywords`: which letter in a file's name stands for which keyword."""

    def __init__(self, place: Path) -> None:
        self._path = place / "dovecot-keywords"
        lines = self._path.read_text().splitlines() if self._path.exists() else []
        self._words = [line.split(" ", 1)[1] for line in lines]
        self._changed = False

    def letter(self, word: str) -> str:
        if word not in self._words:
            if len(self._words) == 26:
                raise GiveUp("too_many_keywords", f"a Maildir holds 26 keywords, {word} is one too many")
            self._words.append(word)
            self._changed = True
        return chr(ord("a") + self._words.index(word))

    def save(self) -> None:
        if self._changed:
            self._path.write_text("".join(f"{number} {word}\n" for number, word in enumerate(self._words)))


def _launcher() -> tuple[list[str], int | None]:
    """What goes before a command so that it runs as somebody Dovecot accepts; the uid of its files (None: ours)."""
    if os.getuid() != 0:
        return [], None
    nobody = pwd.getpwnam("nobody")
    namespace = ["unshare", "--user", f"--map-user={nobody.pw_uid}", f"--map-group={nobody.pw_gid}", "--"]
    if subprocess.run([*namespace, "true"], capture_output=True, check=False).returncode == 0:
        return namespace, None
    return ["setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups", "--"], nobody.pw_uid


def _program(name: str) -> str:
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    if path is None:
        raise GiveUp("dovecot_missing", f"{name} is not installed", "install it: apt-get install dovecot-imapd")
    return path


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
