"""Jobs: queued in the transaction at hand, run in threads, resumed when their worker dies."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db import connection, connections, transaction
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from mailkeep.jobs import queue, upkeep, worker

pytestmark = pytest.mark.django_db(transaction=True)

# A worker in a process of its own, on the database of this test; it notes what its jobs do in a file.
WORKER = """
import sys, time, pathlib, django
from django.conf import settings
settings.DATABASES["default"]["NAME"] = sys.argv[1]
django.setup()
from mailkeep.jobs import queue, worker
notes = pathlib.Path(sys.argv[2])
def note(word):
    with notes.open("a") as file:
        file.write(word + "\\n")
@queue.job("patient", queue="test")
def patient(stopping, mark):
    note(f"begun {mark}")
    end = time.time() + 60
    while time.time() < end:
        if stopping():
            note(f"stopped {mark}")
            raise queue.Stopped
        time.sleep(0.02)
@queue.job("leased", queue="test", resumed=False)
def leased(stopping, mark):
    patient(stopping, mark)
@queue.job("stuck", queue="test")
def stuck(stopping):
    note("stuck")
    time.sleep(60)
note("up")
worker.GRACE_SECONDS, worker.LEAVE_SECONDS = 1.0, 2.0
worker.run_worker(4)
"""


class Worker:
    def __init__(self, notes: Path) -> None:
        self.notes = notes
        name = connection.settings_dict["NAME"]
        self.process = subprocess.Popen([sys.executable, "-W", "error", "-c", WORKER, name, str(notes)])
        self.wait_for("up")

    def lines(self) -> list[str]:
        return self.notes.read_text().split("\n") if self.notes.exists() else []

    def wait_for(self, line: str, count: int = 1) -> None:
        wait_until(lambda: self.lines().count(line) >= count)


@pytest.fixture
def start_worker(tmp_path: Path) -> Iterator[Callable[[], Worker]]:
    started: list[Worker] = []

    def start() -> Worker:
        started.append(Worker(tmp_path / "notes"))
        return started[-1]

    yield start
    for one in started:
        one.process.kill()
        one.process.wait()
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE procrastinate_jobs, procrastinate_workers CASCADE")


def wait_until(true: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def statuses() -> list[str]:
    return list(ProcrastinateJob.objects.order_by("id").values_list("status", flat=True))


def declare_dead(seconds: float = 60) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE procrastinate_workers SET last_heartbeat = last_heartbeat - %s * interval '1s'", [seconds]
        )


def test_a_job_is_rolled_back_with_its_transaction() -> None:
    with transaction.atomic():
        queue.put("patient", queue="test", mark="a")
        transaction.set_rollback(True)
    assert statuses() == []


def test_one_job_with_a_key_waits_and_the_transaction_at_hand_survives_the_second() -> None:
    with transaction.atomic():
        assert queue.put("patient", queue="test", key="k", mark="a")
        assert not queue.put("patient", queue="test", key="k", mark="b")
        assert queue.put("patient", queue="test", key="l", mark="c")
    assert statuses() == ["todo", "todo"]
    assert queue.waits("k")
    assert not queue.waits("m")


def test_a_finished_job_leaves_nothing_and_a_failed_one_neither(caplog: pytest.LogCaptureFixture) -> None:
    seen: list[tuple[str, str]] = []

    @queue.job("note-thread", queue="test")
    def note_thread(stopping: queue.Stopping, mark: str) -> None:
        seen.append((mark, threading.current_thread().name))
        if mark == "bad":
            raise ValueError("as it happens")
        connections.close_all()

    queue.put("note-thread", queue="test", mark="bad")
    queue.put("note-thread", queue="test", mark="good")
    worker.run_worker(2, queues=["test"], until=lambda: len(seen) == 2 and not statuses_in_thread())
    assert sorted(mark for mark, _ in seen) == ["bad", "good"]
    assert all(name.startswith("job") for _, name in seen)
    assert "as it happens" in caplog.text


def statuses_in_thread() -> list[str]:
    try:
        return statuses()
    finally:
        connections.close_all()


def test_sigterm_stops_running_jobs_and_puts_them_back(start_worker: Callable[[], Worker]) -> None:
    queue.put("patient", queue="test", mark="a")
    queue.put("leased", queue="test", mark="b")
    one = start_worker()
    one.wait_for("begun a")
    one.wait_for("begun b")
    assert queue.workers_alive() == 1
    began = time.monotonic()
    one.process.send_signal(signal.SIGTERM)
    assert one.process.wait(10) == 0
    assert time.monotonic() - began < 3
    assert {"stopped a", "stopped b"} <= set(one.lines())
    assert list(ProcrastinateJob.objects.values_list("task_name", "status")) == [("patient", "todo")]
    assert queue.workers_alive() == 0


def test_a_job_that_does_not_stop_does_not_keep_the_worker(start_worker: Callable[[], Worker]) -> None:
    queue.put("stuck", queue="test")
    one = start_worker()
    one.wait_for("stuck")
    one.process.send_signal(signal.SIGTERM)
    assert one.process.wait(10) == 1
    declare_dead()
    queue.job("stuck", queue="test")(lambda stopping: None) if "stuck" not in queue.DECLARED else None
    assert upkeep.resume_abandoned() == (1, 0)


def test_a_killed_worker_s_jobs_are_resumed_by_another_unless_the_dispatcher_sees_to_them(
    start_worker: Callable[[], Worker],
) -> None:
    queue.put("patient", queue="test", mark="a")
    queue.put("leased", queue="test", mark="b")
    one = start_worker()
    one.wait_for("begun a")
    one.wait_for("begun b")
    one.process.send_signal(signal.SIGKILL)
    one.process.wait()
    assert statuses() == ["doing", "doing"]
    declare_dead()
    two = start_worker()  # looks after abandoned jobs when it starts
    two.wait_for("begun a", 2)
    assert two.lines().count("begun b") == 1
    assert statuses() == ["doing"]


def test_a_job_that_kills_its_workers_is_dropped_in_the_end(caplog: pytest.LogCaptureFixture) -> None:
    if "stuck" not in queue.DECLARED:
        queue.job("stuck", queue="test")(lambda stopping: None)
    queue.put("stuck", queue="test")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_jobs SET status = 'doing', attempts = %s", [upkeep.ATTEMPTS_MAX])
    assert upkeep.resume_abandoned() == (0, 1)
    assert statuses() == []
    assert "dropped" in caplog.text


def test_the_living_keep_their_jobs() -> None:
    queue.put("stuck", queue="test")
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (%s) RETURNING id", [timezone.now()])
        row = cursor.fetchone()
        assert row
        cursor.execute("UPDATE procrastinate_jobs SET status = 'doing', worker_id = %s", row)
    assert upkeep.resume_abandoned() == (0, 0)
    assert statuses() == ["doing"]
