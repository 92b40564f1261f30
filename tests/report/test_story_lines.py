"""How the events of a scripted trial are told."""

from __future__ import annotations

from typing import Any

from lkdiag.journal.event import Event
from lkdiag.journal.timeline import Timeline
from lkdiag.report.narrative import story

BEGAN_MS = 1_800_000_000_000


def told(*events: tuple[float, str, dict[str, Any]]) -> list[str]:
    """Each line as `seconds lane text`; a trial that begins at 0."""
    start = (0.0, "trial.started", {"method": "token", "agent_name": "a"})
    made = [
        Event(seq, kind, int((BEGAN_MS + at) * 1e6), int(at * 1e6), 1, data)
        for seq, (at, kind, data) in enumerate((start, *events))
    ]
    return [f"{line.offset_ms / 1000:.1f} {line.lane} {line.text}" for line in story(Timeline(made), ())[1:]]


def test_steps_are_told_in_the_scenario_s_own_words() -> None:
    assert told(
        (100, "step.began", {"do": "create-room"}),
        (200, "step.began", {"do": "wait-for", "what": "agents", "count": 2, "within_s": 10.0}),
        (300, "step.began", {"do": "join", "who": "caller", "publish": False}),
        (400, "trial.paused", {"for_s": 2.5}),
        (500, "trial.prepared", {}),
    ) == [
        "0.1 lkdiag step create-room",
        "0.2 lkdiag step wait-for: what agents, count 2, within 10 s",
        "0.3 lkdiag step join: who caller",
        "0.4 lkdiag an idle gap of 2.5 s, on purpose",
        "0.5 lkdiag what is judged begins here",
    ]


def test_the_worker_s_log_stands_where_its_own_clock_puts_it() -> None:
    line = {
        "at_ns": int((BEGAN_MS + 150) * 1e6), "level": "info", "message": "received job request",
        "what": "received-request", "job_id": "AJ_1",
    }  # fmt: skip
    assert told(
        (100, "room.existed", {"sid": "RM_1", "creation_time_ms": 5}),
        (200, "retry.created", {"dispatch_id": "AD_2"}),
        (300, "client.looked", {"who": "caller", "sees": []}),
        (99_000, "worker_log.line", line),
    ) == [
        "0.1 room was there already: RM_1, creation_time_ms 5",
        "0.1 log the worker's log: received job request (AJ_1)",
        "0.2 dispatch retry: AD_2 created by createDispatch",
        "0.3 client the caller's client sees nobody",
    ]


def test_what_staged_workers_do_is_not_told() -> None:
    assert told((100, "staged.job.offered", {"job_id": "AJ_1"}), (200, "fault.drawn", {"behaviour": "ghost"})) == []
