"""The embedded database: who starts it, who shares it, and that nothing of it is left when they are killed."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from mailkeep.errors import GiveUp
from mailkeep.host import account, environment, postgres
from mailkeep.host import home as host_home
from tests.host.programs import HOLD, hold, let_go, mentioning, said, servers, wait_until

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root has an account to change to")


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []

    def one(how: str = "running", **popen: object) -> subprocess.Popen[str]:
        started.append(hold(how, **popen))
        return started[-1]

    yield one
    for process in started:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            assert pipe is not None
            pipe.close()


Start = Callable[..., subprocess.Popen[str]]


def test_the_first_starts_it_others_share_it_and_the_first_waits_for_them(home: Path, start: Start) -> None:
    first = start()
    assert said(first) == "owns 1"
    second = start()
    assert said(second) == "shares 2"
    let_go(first)
    third = start()  # comes while the first is leaving: it must not share what is about to stop
    with pytest.raises(subprocess.TimeoutExpired):
        first.wait(1)
    let_go(second)
    assert first.wait(10) == 0
    assert said(third) == "owns 3"
    let_go(third)
    assert third.wait(10) == 0
    assert servers(home) == []


def test_two_that_begin_at_once_on_a_fresh_home_share(home: Path, start: Start) -> None:
    both = [start(), start(), start()]
    words = sorted(said(one).split()[0] for one in both)
    assert words == ["owns", "shares", "shares"]
    for one in both:
        let_go(one)
    assert [one.wait(10) for one in both] == [0, 0, 0]
    assert servers(home) == []


def test_a_killed_owner_takes_the_database_with_it_and_the_next_command_starts_it(home: Path, start: Start) -> None:
    first = start()
    said(first)
    assert len(servers(home)) > 1
    first.send_signal(signal.SIGKILL)
    second = start()  # at once: while the old server is still ending
    assert said(second) == "owns 2"
    let_go(second)
    second.wait(10)
    wait_until(lambda: not servers(home), "no server is left")
    assert mentioning(str(home)) == []


def test_it_ends_with_an_owner_killed_while_it_makes_the_cluster(home: Path, start: Start) -> None:
    first = start()
    wait_until((home / "postgres/data.half").exists, "initdb is at work")
    first.send_signal(signal.SIGKILL)
    second = start()
    assert said(second) == "owns 1"
    let_go(second)
    second.wait(10)
    wait_until(lambda: not mentioning(str(home)), "nothing is left")


def test_serve_waits_for_a_command_and_a_second_one_is_refused(home: Path, start: Start) -> None:
    command = start()
    said(command)
    serve = start("serving")
    wait_until(lambda: (home / "locks/serve").exists() and (home / "locks/serve").read_text(), "serve has its lock")
    let_go(command)
    assert said(serve) == "owns 2"
    second = start("serving")
    word, code, sentence, hint = said(second).split("|")
    assert (word, code) == ("refused", "already_serving")
    assert str(serve.pid) in sentence
    assert "MAILKEEP_HOME" in hint
    assert said(start()) == "shares 3", "commands share the one that serves"


def test_nobody_but_us_gets_in(home: Path, start: Start) -> None:
    process = start()
    said(process)
    listening = Path("/proc/net/tcp").read_text() + Path("/proc/net/tcp6").read_text()
    ours = {
        str(Path(f"/proc/{pid}/fd/{fd}").readlink()) for pid in servers(home) for fd in os.listdir(f"/proc/{pid}/fd")
    }
    tcp = {f"socket:[{line.split()[9]}]" for line in listening.splitlines()[1:] if line.strip() and "sl" not in line}
    assert not ours & tcp, "it listens on a network"
    folder = environment.socket_folder(home)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(host=str(folder), user="postgres", dbname="postgres", password="guess")
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(host=str(folder), user="mailkeep", dbname="mailkeep")
    ours_too = host_home.Home(home)
    with postgres.sign_in(ours_too) as connection:
        assert connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone() == (False,)


@root_only
def test_as_root_the_database_has_an_account_that_cannot_read_the_keys(home: Path, start: Start) -> None:
    home.chmod(0o700)
    process = start()
    said(process)
    entry = pwd.getpwnam(account.NAME)
    for pid in servers(home):
        status = Path(f"/proc/{pid}/status").read_text()
        assert f"Uid:\t{entry.pw_uid}\t{entry.pw_uid}\t{entry.pw_uid}\t{entry.pw_uid}" in status
        assert "CapEff:\t0000000000000000" in status
        assert "Groups:\t \n" in status
    for name in ("postgres", "run"):
        found = (home / name).stat()
        assert (found.st_uid, stat.S_IMODE(found.st_mode)) == (entry.pw_uid, 0o700)
    for name in ("keys", "archive", "locks"):
        found = (home / name).stat()
        assert (found.st_uid, stat.S_IMODE(found.st_mode)) == (0, 0o700)
    for key in (home / "keys").iterdir():
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
    as_account = ["setpriv", "--reuid", account.NAME, "--regid", account.NAME, "--clear-groups"]
    denied = subprocess.run(
        [*as_account, "cat", home / "keys/postgres-password"], capture_output=True, text=True, check=False
    )
    assert "Permission denied" in denied.stderr


@root_only
def test_as_root_a_home_below_a_closed_folder_works_and_opens_nothing(
    home: Path, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = home / "closed" / "mailkeep"
    inside.parent.mkdir(mode=0o700)
    monkeypatch.setenv("MAILKEEP_HOME", str(inside))
    mounts = Path("/proc/self/mounts").read_text()
    process = start()
    assert said(process) == "owns 1"
    assert said(start()) == "shares 2"
    assert stat.S_IMODE(inside.parent.stat().st_mode) == 0o700
    assert Path("/proc/self/mounts").read_text() == mounts, "what the server sees is its own affair"
    process.send_signal(signal.SIGKILL)
    wait_until(lambda: not servers(inside), "no server is left")


@root_only
def test_where_a_mount_namespace_is_not_allowed_the_refusal_says_what_to_do(home: Path, start: Start) -> None:
    home.chmod(0o700)
    inside = home / "closed" / "mailkeep"
    inside.parent.mkdir(mode=0o700)
    command = ["setpriv", "--bounding-set", "-sys_admin", "env", f"MAILKEEP_HOME={inside}"]
    done = subprocess.run(
        [*command, *hold_command()], input="", capture_output=True, text=True, timeout=60, check=False
    )
    word, code, sentence, hint = done.stdout.strip().split("|")
    assert (word, code) == ("refused", "home_unreachable"), done.stderr
    assert str(inside) in sentence
    assert "/var/lib/mailkeep" in hint


def hold_command() -> list[str]:
    return [sys.executable, "-c", HOLD, "running"]


def test_a_long_home_has_its_socket_elsewhere_and_settings_agree(
    home: Path, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = home / ("long" * 20) / "mailkeep"
    home.chmod(0o755)
    inside.parent.mkdir(mode=0o755)
    monkeypatch.setenv("MAILKEEP_HOME", str(inside))
    folder = environment.socket_folder(inside)
    assert not folder.is_relative_to(inside)
    assert environment.database()["HOST"] == str(folder)
    process = start()
    assert said(process) == "owns 1"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert said(start()) == "shares 2"
    let_go(process)
    shutil.rmtree(folder, ignore_errors=True)


def test_a_stranger_s_socket_folder_is_refused(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs an account to be the stranger")
    stranger = Path(tempfile.mkdtemp())
    os.chown(stranger, 12345, 12345)
    monkeypatch.setattr(environment, "socket_folder", lambda _: stranger)
    cluster = postgres.Cluster(host_home.prepare(home), {"fsync": "off"})
    with pytest.raises(GiveUp) as caught:
        cluster.start()
    assert caught.value.code == "home_not_ours"
    stranger.rmdir()


def test_a_lost_password_file_is_made_anew(home: Path, start: Start) -> None:
    first = start()
    said(first)
    let_go(first)
    first.wait(10)
    (home / "keys/postgres-password").unlink()
    second = start()
    assert said(second) == "owns 2"


def test_what_does_not_start_says_why(home: Path, start: Start) -> None:
    first = start()
    said(first)
    let_go(first)
    first.wait(10)
    with (home / "postgres/data/postgresql.conf").open("a") as file:
        file.write("no_such_setting = 1\n")
    word, code, sentence, hint = said(start()).split("|")
    assert (word, code) == ("refused", "database_failed")
    assert "no_such_setting" in sentence
    assert "postgres.log" in hint


def test_a_socket_path_is_never_too_long() -> None:
    for length in range(1, 300):
        folder = environment.socket_folder(Path("/" + "x" * length))
        path = os.fsencode(folder / environment.SOCKET_NAME)
        assert len(path) < 100
        with socket.socket(socket.AF_UNIX) as probe, pytest.raises(FileNotFoundError):
            probe.connect(path)


@root_only
def test_without_root_it_runs_as_whoever_runs_mailkeep(home: Path) -> None:
    """In a mount namespace where the interpreter's own folder can be reached by everybody."""
    os.chown(home, 65534, 65534)
    interpreter = Path(sys.base_prefix)
    closed = Path("/") / interpreter.parts[1]
    script = f"""
        mount --bind {interpreter} /mnt && mount -t tmpfs -o mode=755 none {closed} && mkdir -p {interpreter} &&
        mount --bind /mnt {interpreter} &&
        exec setpriv --reuid 65534 --regid 65534 --clear-groups "$@"
    """
    reachable = 'exec setpriv --reuid 65534 --regid 65534 --clear-groups "$@"'
    closed_to_all = not closed.stat().st_mode & stat.S_IXOTH
    command = ["unshare", "-m", "sh", "-c", script if closed_to_all else reachable, "sh", *hold_command()]
    done = subprocess.run(command, input="", capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "owns 1\nover\n", done.stderr
    assert (home / "postgres/data").stat().st_uid == 65534
    assert stat.S_IMODE((home / "run").stat().st_mode) == 0o700
