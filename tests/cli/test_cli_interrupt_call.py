"""Ctrl-C while calls are played: it ends soon, every room is closed, and no process is left."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import psutil
import pytest

from .user import wait_nobody_runs

if TYPE_CHECKING:
    from pathlib import Path

    from .user import User

pytestmark = pytest.mark.server

CALLS = ("transfer-teardown", "--local", "--format", "json")
MOMENTS: dict[str, tuple[tuple[str, ...], str, int]] = {
    "while the caller joins": ((), "caller.joining", 6),
    "while an agent's process starts": ((), "job.assigned", 6),
    "while the agent joins": (("--agent-exit", "session-closed"), "probe.joining", 6),
    "while the human joins": ((), "human.joining", 6),
    "while the human changes rooms": (("--agent-exit", "left-room"), "human.disconnected", 6),
    "after the merge": ((), "call.merged", 6),
    "while one side hangs up": ((), "call.hanging_up", 2),
    "while lost lines are listed": (("--hangup-style", "lost", "--agent-exit", "left-room"), "call.hung_up", 2),
    "between two calls": (("-c", "1"), "trial.finished", 1),
}
"""By name: the options, and the event of which trial is awaited. Six calls go on at a time."""
CONNECTION_GIVEN_UP_NS = 15_000_000_000
"""livekit.rtc (1.1.21) waits that long for a connection that does not come. A run that was interrupted must not: before
it did not, it took 15.8 s to end, and less than 3 s on the busiest machine since."""


@pytest.mark.parametrize(("words", "kind", "trial"), MOMENTS.values(), ids=MOMENTS)
async def test_ctrl_c(words: tuple[str, ...], kind: str, trial: int, user: User, own_binary: Path) -> None:
    async with user.running(*CALLS, *words) as running:
        await running.wait_event(kind, trial=trial)
        children = psutil.Process(running.process.pid).children(recursive=True)
        running.signal(signal.SIGINT)
        done = await running.wait()
    assert done.code == 130, done.stderr
    assert "Traceback" not in done.stderr
    assert done.report["run"]["interrupted"] is True
    assert not any(room["still_there"] for room in done.report["leftover_rooms"])
    events = user.events()
    created = {event["data"]["room"] for event in events if event["kind"] == "room.created"}
    gone = {event["data"]["room"] for event in events if event["kind"] == "room.gone"}
    assert created <= gone
    at_ns = {event["kind"]: event["mono_ns"] for event in events}
    assert at_ns["run.finished"] - at_ns["run.interrupted"] < CONNECTION_GIVEN_UP_NS
    assert [child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE] == []
    wait_nobody_runs(own_binary)
    user.assert_silent(done)
