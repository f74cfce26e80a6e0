"""DavMail, a gateway from EWS to IMAP and CalDAV, in front of a simulated Exchange. From apt; it needs Java, no screen."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.servers.exchange import World

JAR = Path("/usr/share/davmail/davmail.jar")
_START_SECONDS_MAX = 60


@dataclass(frozen=True, slots=True)
class DavMail:
    """Where it listens on loopback, in plain text."""

    imap_port: int
    caldav_port: int
    folder: Path

    def log(self) -> str:
        path = self.folder / "davmail.log"
        return path.read_text(errors="replace") if path.exists() else ""


@contextmanager
def davmail(world: World, folder: Path) -> Iterator[DavMail]:
    """Start it and wait until it answers; it trusts the server's certificate by its fingerprint."""
    assert JAR.exists(), "DavMail is not installed: scripts/install-servers.sh test"
    java = shutil.which("java")
    assert java is not None
    made = DavMail(_free_port(), _free_port(), folder)
    settings = folder / "davmail.properties"
    settings.write_text("".join(f"{name}={value}\n" for name, value in _settings(world, made).items()))
    libraries = ":".join(str(path) for path in (JAR, *Path("/usr/share/java").glob("*.jar")))
    command = [java, "-Djava.awt.headless=true", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-cp", libraries]
    with (folder / "davmail.out").open("ab") as out:
        process = subprocess.Popen(
            [*command, "davmail.DavGateway", str(settings)],
            stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True,
        )  # fmt: skip
    try:
        _wait_until_it_answers(process, made)
        yield made
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _settings(world: World, made: DavMail) -> dict[str, object]:
    fingerprint = hashlib.sha1(world.server.authenticator.certificate_der, usedforsecurity=False).hexdigest().upper()
    return {
        "davmail.mode": "EWS",
        "davmail.enableEws": "true",
        "davmail.url": world.server.url,
        "davmail.server": "true",
        "davmail.allowRemote": "false",
        "davmail.bindAddress": "127.0.0.1",
        "davmail.imapPort": made.imap_port,
        "davmail.caldavPort": made.caldav_port,
        "davmail.popPort": "",
        "davmail.smtpPort": "",
        "davmail.ldapPort": "",
        "davmail.disableUpdateCheck": "true",
        "davmail.enableProxy": "false",
        "davmail.logFilePath": made.folder / "davmail.log",
        "davmail.server.certificate.hash": ":".join(fingerprint[at : at + 2] for at in range(0, 40, 2)),
        "log4j.rootLogger": "WARN",
        "log4j.logger.davmail": "DEBUG",
        "log4j.logger.httpclient.wire": "WARN",
        "log4j.logger.org.apache.http.wire": "WARN",
    }


def _wait_until_it_answers(process: subprocess.Popen[bytes], made: DavMail) -> None:
    deadline = time.monotonic() + _START_SECONDS_MAX
    while time.monotonic() < deadline:
        assert process.poll() is None, (made.folder / "davmail.out").read_text()[-2000:]
        try:
            with socket.create_connection(("127.0.0.1", made.imap_port), 1) as line:
                line.settimeout(5)
                if line.recv(4) == b"* OK":
                    return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"DavMail did not answer: {made.log()[-2000:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
