"""Which lines become events, and of which trial."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from lkdiag.journal.event import Event
from lkdiag.journal.worker_kinds import WorkerLogLine, WorkerLogRead
from lkdiag.worker_log import LogLine, TrialKeys, What, WorkerLog, events_of, read_worker_log

LOGS = Path(__file__).with_name("logs")
ALLOWED = {
    "at_ns", "level", "message", "what", "job_id", "dispatch_id", "room", "room_sid", "agent_name", "worker_id",
    "load", "threshold", "error",
}  # fmt: skip


def line(number: int, what: What, **fields: Any) -> LogLine:
    return LogLine(number=number, at_ns=number, level="info", message=what.value, what=what, **fields)


def log_of(*lines: LogLine) -> WorkerLog:
    return WorkerLog(Path("worker.log"), lines, len(lines), 1, len(lines), (), ("python",))


def joined(log: WorkerLog, keys: TrialKeys, **limits: int) -> list[tuple[int | None, str]]:
    events = list(events_of(log, keys, **limits))
    assert [row.KIND for row, _ in events] == ["worker_log.read"] + ["worker_log.line"] * (len(events) - 1)
    return [(trial, vars(row)["what"]) for row, trial in events[1:]]


@pytest.mark.parametrize("path", sorted(set(LOGS.iterdir()) - {LOGS / "README.md"}), ids=lambda path: path.name)
def test_every_excerpt_gives_events_that_fit_a_journal(path: Path) -> None:
    events = list(events_of(read_worker_log(path), TrialKeys()))
    for row, trial in events:
        msgspec.json.encode(Event(0, row.KIND, 1, 1, trial, vars(row)))
        assert None not in vars(row).values()
    assert all(set(vars(row)) <= ALLOWED for row, _ in events[1:])
    (read, _), *_ = events
    assert isinstance(read, WorkerLogRead)
    assert (read.file, read.lines) == (path.name, len(path.read_text().splitlines()))


@pytest.mark.parametrize(
    "keys",
    [
        TrialKeys(jobs={"AJ_ZXAZN9BLkCXP": 3}),
        TrialKeys(dispatches={"AD_uxQFBwBcpX4K": 3}),
        TrialKeys(room_sids={"RM_CLYCctt3RcPu": 3}),
        TrialKeys(rooms={"desk-crash": 3}),
    ],
    ids=["job", "dispatch", "sid", "room"],
)
def test_a_trial_is_known_by_any_of_its_names(keys: TrialKeys) -> None:
    log = read_worker_log(LOGS / "python-1.8.9-crash.jsonl")
    assert joined(log, keys) == [
        (None, "starting"), (None, "registered"), (3, "received-request"), (3, "job-ended"), (3, "entrypoint-crashed"),
        (None, "draining"), (None, "shutting-down"),
    ]  # fmt: skip


def test_a_node_worker_is_joined_by_the_room_s_sid() -> None:
    log = read_worker_log(LOGS / "node-1.9.0-crash.jsonl")
    assert joined(log, TrialKeys(rooms={"desk-crash": 1})) == [(None, "starting"), (None, "registered")]
    by_sid = joined(log, TrialKeys(room_sids={"RM_7EQFzzNQQYAi": 1}))
    assert by_sid[2:] == [(1, "received-request"), (1, "entrypoint-crashed")]


def test_a_job_that_one_line_joins_brings_its_other_lines() -> None:
    log = log_of(line(1, What.RECEIVED_REQUEST, room="r", job_id="AJ_1"), line(2, What.ASSIGNMENT_LOST, job_id="AJ_1"))
    assert joined(log, TrialKeys(rooms={"r": 5})) == [(5, "received-request"), (5, "assignment-lost")]


def test_the_surest_name_decides() -> None:
    keys = TrialKeys(jobs={"AJ_1": 1}, dispatches={"AD_2": 2}, room_sids={"RM_3": 3}, rooms={"r": 4})
    request = What.RECEIVED_REQUEST
    log = log_of(
        line(1, request, job_id="AJ_1", dispatch_id="AD_2", room_sid="RM_3", room="r"),
        line(2, request, job_id="AJ_9", dispatch_id="AD_2", room_sid="RM_3", room="r"),
        line(3, request, job_id="AJ_8", room_sid="RM_3", room="r"),
        line(4, request, job_id="AJ_7", room_sid="RM_9", room="r"),
    )
    assert [trial for trial, _ in joined(log, keys)] == [1, 2, 3, 4]


def test_other_rooms_are_nobody_s_business() -> None:
    log = log_of(
        line(1, What.REGISTERED, worker_id="AW_1"),
        line(2, What.RECEIVED_REQUEST, job_id="AJ_customer", room="a-customer"),
        line(3, What.ENTRYPOINT_CRASHED, job_id="AJ_customer"),
        line(4, What.PROCESS_STARTED),
        line(5, What.OTHER, job_id="AJ_customer"),
    )
    assert joined(log, TrialKeys(rooms={"r": 1})) == [(None, "registered")]


def test_a_failure_that_names_no_job_is_that_of_the_only_open_request() -> None:
    log = read_worker_log(LOGS / "python-1.8.9-noanswer.jsonl")
    assert joined(log, TrialKeys(rooms={"desk-noanswer": 1}))[2:4] == [(1, "received-request"), (1, "rejected")]
    log = read_worker_log(LOGS / "python-1.8.9-requestcrash.jsonl")
    assert joined(log, TrialKeys(rooms={"desk-requestcrash": 1}))[2:5] == [
        (1, "received-request"), (1, "request-failed"), (1, "rejected"),
    ]  # fmt: skip


def test_the_same_warning_is_given_once_a_trial() -> None:
    log = log_of(
        *(line(number, What.OTHER, room="r") for number in (1, 2)),
        line(3, What.OTHER, room="s"),
        *(line(number, What.JOIN_FAILED, room="r") for number in (4, 5)),
    )
    keys = TrialKeys(rooms={"r": 1, "s": 2})
    assert joined(log, keys) == [(1, "other"), (2, "other"), (1, "join-failed"), (1, "join-failed")]


def test_of_the_time_before_only_the_state_in_force_is_given() -> None:
    log = log_of(
        line(1, What.REGISTERED, worker_id="AW_old"),
        line(2, What.FULL, worker_id="AW_old"),
        line(3, What.DISCONNECTED, worker_id="AW_old"),
        line(4, What.REGISTERED, worker_id="AW_1"),
        line(5, What.FULL, worker_id="AW_1"),
        line(6, What.AVAILABLE_AGAIN, worker_id="AW_1"),
        line(7, What.FULL, worker_id="AW_1"),
        line(8, What.REJECTED),
        line(10, What.AVAILABLE_AGAIN, worker_id="AW_1"),
        line(11, What.RECEIVED_REQUEST, room="r"),
        line(21, What.SHUTTING_DOWN, worker_id="AW_1"),
        line(22, What.JOB_ENDED, room="r"),
    )
    events = list(events_of(log, TrialKeys(rooms={"r": 1}), from_ns=10, until_ns=20))
    assert [row.at_ns for row, _ in events[1:] if isinstance(row, WorkerLogLine)] == [4, 7, 10, 11, 22]


def test_a_state_from_before_is_given_though_nothing_follows() -> None:
    log = log_of(line(1, What.REGISTERED, worker_id="AW_1"), line(2, What.FULL, worker_id="AW_1"))
    assert joined(log, TrialKeys(), from_ns=10, until_ns=20) == [(None, "registered"), (None, "full")]


def test_the_summary_tells_the_time_that_the_log_covers() -> None:
    path = LOGS / "node-1.9.0-full.jsonl"
    row, trial = next(iter(events_of(read_worker_log(path), TrialKeys())))
    assert trial is None
    assert vars(row) == {
        "file": "node-1.9.0-full.jsonl",
        "lines": 4,
        "first_at_ns": 1795242176384 * 10**6,
        "last_at_ns": 1795242183915 * 10**6,
        "worker_ids": ["AW_kzyMTaMW2hy9"],
        "sdks": ["node"],
        "versions": ["@livekit/agents 1.9.0"],
        "requests": 0,
    }


def test_the_summary_counts_the_requests_of_all_rooms() -> None:
    log = log_of(*(line(number, What.RECEIVED_REQUEST, job_id=f"AJ_{number}") for number in (1, 2)))
    assert vars(next(row for row, _ in events_of(log, TrialKeys())))["requests"] == 2
