"""Every excerpt of a real worker's log gives the lines that it holds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from lkdiag.worker_log import LogLine, What, WorkerLog, read_worker_log

LOGS = Path(__file__).with_name("logs")

START = [What.STARTING, What.REGISTERED]
STOP = [What.DRAINING, What.SHUTTING_DOWN]

EXPECTED = {
    "python-1.8.9-normal.jsonl": [*START, What.RECEIVED_REQUEST, What.JOB_ENDED, *STOP],
    "python-1.8.9-debug.jsonl": [*START, What.RECEIVED_REQUEST, What.ACCEPTED, What.JOB_ENDED, *STOP],
    "python-1.8.9-dev.log": [*START, What.RECEIVED_REQUEST, What.ACCEPTED, What.JOB_ENDED, What.SHUTTING_DOWN],
    "python-1.8.9-full.jsonl": [*START, What.FULL, What.AVAILABLE_AGAIN, *STOP],
    # the job's process sent its line later than the worker's own
    "python-1.8.9-crash.jsonl": [*START, What.RECEIVED_REQUEST, What.JOB_ENDED, What.ENTRYPOINT_CRASHED, *STOP],
    "python-1.8.9-ghost.jsonl": [*START, What.RECEIVED_REQUEST, What.NOT_CONNECTED, What.DRAINING],
    "python-1.8.9-noanswer.jsonl": [*START, What.RECEIVED_REQUEST, What.REJECTED, *STOP],
    "python-1.8.9-requestcrash.jsonl": [*START, What.RECEIVED_REQUEST, What.REQUEST_FAILED, What.REJECTED, *STOP],
    "python-1.8.9-gone.jsonl": [*START, What.DISCONNECTED, What.DISCONNECTED, *STOP],
    "python-0.12.20.from-source.jsonl": [*START, What.RECEIVED_REQUEST, What.FULL],
    "python-0.8.0.from-source.jsonl": [*START, What.RECEIVED_REQUEST, What.ASSIGNMENT_LOST, What.DISCONNECTED],
    # a Node worker says nothing of its end unless it logs "debug"
    "node-1.9.0-normal.jsonl": [*START, What.RECEIVED_REQUEST],
    "node-1.9.0-debug.jsonl": [*START, What.RECEIVED_REQUEST, What.JOB_STARTED, What.JOB_ENDED, *STOP],
    "node-1.9.0-dev.log": [*START, What.RECEIVED_REQUEST, What.JOB_STARTED, What.SHUTTING_DOWN, What.JOB_ENDED],
    "node-1.9.0-full.jsonl": [*START, What.FULL, What.AVAILABLE_AGAIN],
    "node-1.9.0-crash.jsonl": [*START, What.RECEIVED_REQUEST, What.ENTRYPOINT_CRASHED],
    "node-1.9.0-ghost.jsonl": [*START, What.RECEIVED_REQUEST, What.NOT_CONNECTED, What.OTHER],
    "node-1.9.0-noanswer.jsonl": [*START, What.RECEIVED_REQUEST, What.UNANSWERED],
    "node-1.9.0-requestcrash.jsonl": [*START, What.RECEIVED_REQUEST, What.REJECTED],
    "node-1.9.0-gone.jsonl": [*START, What.DISCONNECTED, What.DISCONNECTED],
    "node-0.7.9.from-source.jsonl": [*START, What.RECEIVED_REQUEST, *STOP],
}
PROCESSES = {What.PROCESS_STARTED, What.PROCESS_INITIALIZED}


def read(name: str) -> WorkerLog:
    return read_worker_log(LOGS / name, zone=UTC)


def the(log: WorkerLog, what: What) -> LogLine:
    return next(line for line in log.lines if line.what is what)


def test_every_excerpt_is_expected_to_say_something() -> None:
    assert {path.name for path in LOGS.iterdir()} - {"README.md"} == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_lines_of(name: str) -> None:
    log = read(name)
    assert [line.what for line in log.lines if line.what not in PROCESSES] == EXPECTED[name]
    assert [line.number for line in log.lines] == sorted({line.number for line in log.lines})
    assert log.sdks == (name.partition("-")[0],)
    assert log.worker_ids == (the(log, What.REGISTERED).worker_id,)
    assert log.notes == ()


@pytest.mark.parametrize("name", [name for name in EXPECTED if What.RECEIVED_REQUEST in EXPECTED[name]])
def test_request_names_its_job_and_its_room(name: str) -> None:
    request = the(read(name), What.RECEIVED_REQUEST)
    assert (request.job_id or "").startswith("AJ_")
    assert request.worker_id
    assert request.level == (None if "0.8.0" in name else "info")
    if name.startswith("python"):
        assert (request.room or "").startswith("desk-")
    if "1.9.0" in name:
        assert request.room is None, "Node names no room"
    if "0.12.20" not in name:
        assert (request.room_sid or "").startswith("RM_")


@pytest.mark.parametrize("name", ["python-1.8.9-full.jsonl", "node-1.9.0-full.jsonl"])
def test_capacity_has_load_and_threshold(name: str) -> None:
    log = read(name)
    full, again = the(log, What.FULL), the(log, What.AVAILABLE_AGAIN)
    assert (full.load, full.threshold) == (0.93, 0.7)
    assert (again.load, again.threshold) == (0.1, 0.7)
    assert full.worker_id == again.worker_id == log.worker_ids[0]
    assert all("desk-full" not in line.message for line in log.lines)


def test_an_infinite_threshold_is_none() -> None:
    full = the(read("python-0.12.20.from-source.jsonl"), What.FULL)
    assert (full.load, full.threshold) == (0.81, None)


def test_errors_are_told_in_one_line() -> None:
    assert the(read("python-1.8.9-crash.jsonl"), What.ENTRYPOINT_CRASHED).error == (
        "RuntimeError: no voice for language xx"
    )
    assert the(read("node-1.9.0-crash.jsonl"), What.ENTRYPOINT_CRASHED).error == "Error: no voice for language xx"
    assert the(read("node-1.9.0-gone.jsonl"), What.DISCONNECTED).error == (
        "APIStatusError: worker connection closed unexpectedly"
    )
    failed = the(read("python-1.8.9-requestcrash.jsonl"), What.REQUEST_FAILED)
    assert failed.error == "RuntimeError: request function broke"


def test_a_crash_belongs_to_the_worker_that_was_asked_for_the_job() -> None:
    for name in ("python-1.8.9-crash.jsonl", "node-1.9.0-crash.jsonl"):
        log = read(name)
        assert the(log, What.ENTRYPOINT_CRASHED).worker_id == log.worker_ids[0]


def test_old_python_has_the_job_as_text() -> None:
    log = read("python-0.8.0.from-source.jsonl")
    request, lost = the(log, What.RECEIVED_REQUEST), the(log, What.ASSIGNMENT_LOST)
    assert (request.job_id, request.room, request.room_sid) == ("AJ_b8tVq2Lh6bYn", "desk-old", "RM_h3pL9sKq2Zxa")
    assert lost.job_id == request.job_id


def test_node_has_the_job_as_json_where_no_answer_was_given() -> None:
    unanswered = the(read("node-1.9.0-noanswer.jsonl"), What.UNANSWERED)
    assert (unanswered.job_id, unanswered.dispatch_id) == ("AJ_r3TTWeF9GFAo", "AD_ofSfKH8vjqrG")
    assert (unanswered.room, unanswered.room_sid) == ("desk-noanswer", "RM_DhUh6uK5XAqB")


def test_nothing_else_of_a_line_is_kept() -> None:
    secret = "the-password-of-the-turn-server"
    having = [name for name in EXPECTED if secret in (LOGS / name).read_text()]
    assert {name.partition("-")[0] for name in having} == {"node", "python"}
    assert not any(secret in repr(read(name)) for name in having)


def test_times() -> None:
    log = read("python-1.8.9-full.jsonl")
    first = datetime(2026, 11, 21, 6, 20, 43, 431960, tzinfo=UTC)
    assert log.first_at_ns == log.lines[0].at_ns == int(first.timestamp()) * 10**9 + 431960_000
    assert log.last_at_ns == log.lines[-1].at_ns
    assert log.first_at_ns is not None
    assert log.last_at_ns is not None
    assert log.covers(log.first_at_ns, log.last_at_ns)
    assert not log.covers(log.first_at_ns - 1, log.last_at_ns)
    assert not log.covers(log.first_at_ns, log.last_at_ns + 1)
    node = read("node-1.9.0-full.jsonl")
    assert (node.first_at_ns, node.last_at_ns) == (1795242176384 * 10**6, 1795242183915 * 10**6)


def test_local_times_need_a_zone() -> None:
    path = LOGS / "python-1.8.9-dev.log"
    assert read_worker_log(path).first_at_ns is None
    assert not read_worker_log(path).covers(0, 1)
    in_utc, east = read(path.name), read_worker_log(path, zone=timezone(timedelta(hours=2)))
    assert in_utc.first_at_ns is not None
    assert east.first_at_ns == in_utc.first_at_ns - 2 * 3600 * 10**9


@pytest.mark.parametrize(
    ("name", "versions"),
    [
        ("python-1.8.9-normal.jsonl", ("livekit-agents 1.8.9", "livekit 1.1.21")),
        ("python-1.8.9-dev.log", ("livekit-agents 1.8.9", "livekit 1.1.21")),
        ("python-0.8.0.from-source.jsonl", ("livekit-agents 0.8.0",)),
        ("node-1.9.0-normal.jsonl", ("@livekit/agents 1.9.0",)),
        ("node-1.9.0-dev.log", ("@livekit/agents 1.9.0",)),
    ],
)
def test_the_sdks_versions_as_the_worker_names_them(name: str, versions: tuple[str, ...]) -> None:
    assert read_worker_log(LOGS / name).versions == versions


def test_a_long_file_is_told_while_it_is_read(tmp_path: Path) -> None:
    lines = (LOGS / "python-1.8.9-normal.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    noise = '{"message": "a frame", "level": "DEBUG", "name": "my.app", "timestamp": "2026-11-21T06:20:54+00:00"}\n'
    path = tmp_path / "long.jsonl"
    path.write_text(lines[0] + noise * 45_000 + "".join(lines[1:]), encoding="utf-8")
    told: list[tuple[int, int]] = []
    log = read_worker_log(path, progress=lambda read, size: told.append((read, size)))
    short = read_worker_log(LOGS / "python-1.8.9-normal.jsonl")
    assert [line.what for line in log.lines] == [line.what for line in short.lines]
    assert log.total == len(lines) + 45_000
    assert len(told) == 2
    assert all(0 < read <= size == path.stat().st_size for read, size in told)
