"""lkdiag under load, on an honest server: what it can't keep up with is never somebody else's fault."""

from __future__ import annotations

import asyncio
import signal
import time
from typing import TYPE_CHECKING

import pytest
from livekit import api

if TYPE_CHECKING:
    from lkdiag.server.private import PrivateServer

    from .user import User

pytestmark = [pytest.mark.server, pytest.mark.strained, pytest.mark.alone]

STOPS = {"job.offered": 1.2, "probe.joining": 2.5, "agent.joined": 0.7}
"""When lkdiag is stopped, and for how many seconds: the overload itself."""


@pytest.mark.usefixtures("own_binary")
async def test_an_overloaded_lkdiag_blames_nobody(user: User) -> None:
    """Agents with media join 30 at a time, and lkdiag stands still whenever it matters."""
    command = ("dispatch-trial", "--local", "-n", "30", "-c", "30", "--warmup", "0", "--settle", "1")
    async with user.running(*command, "--timeout", "8s", "--format", "json") as running:
        for kind, stopped_s in STOPS.items():
            await running.wait_event(kind)
            running.signal(signal.SIGSTOP)
            await asyncio.sleep(stopped_s)
            running.signal(signal.SIGCONT)
        done = await running.wait()
    outcomes = {name: count for name, count in done.report["summary"]["outcomes"].items() if count}
    assert set(outcomes) <= {"delivered", "inconclusive"}, outcomes
    assert sum(outcomes.values()) == 30
    assert [trial["mismatch"] for trial in done.report["trials"]] == [None] * 30
    assert done.report["leftover_rooms"] == []
    health = done.report["health"]
    assert health["stalled_ms"] > 0
    assert health["descriptors_max"] <= health["descriptors_limit"]
    assert health["server_percent"]["count"] > 0


async def test_ctrl_c_at_100_at_a_time(owner: User, private_server: PrivateServer) -> None:
    command = ("dispatch-trial", "-n", "100", "-c", "100", "--warmup", "0", "--fault", "silent", "--timeout", "1h")
    async with owner.running(*command, "--format", "json") as running:
        await running.wait_event("job.offered")
        running.signal(signal.SIGINT)
        began_s = time.monotonic()
        done = await running.wait()
    print(f"cleaned up in {time.monotonic() - began_s:.1f} s")  # noqa: T201
    assert done.code == 130, done.stderr
    assert done.report["leftover_rooms"] == []
    async with api.LiveKitAPI(private_server.url, private_server.api_key, private_server.api_secret) as client:
        assert [room.name for room in (await client.room.list_rooms(api.ListRoomsRequest())).rooms] == []
    kinds = [event["kind"] for event in owner.events()]
    assert kinds.count("room.created") == kinds.count("room.gone")


async def test_a_rate_for_a_time_tells_how_late_its_trials_began(owner: User) -> None:
    done = await owner.run(
        "dispatch-trial", "--rate", "4", "--duration", "2s", "--caller", "none", "--settle", "1", "--format", "json"
    )
    report = done.report
    lags = [trial["start_lag_ms"] for trial in report["trials"]]
    assert len(lags) == 8
    assert all(lag >= 0 for lag in lags)
    assert [trial["start_lag_ms"] for trial in report["warmup"]] == [None]
    assert report["summary"]["start_lag_ms"]["max"] == max(lags)
    assert report["not_begun"] == 0
    shown = await owner.run("report", "--last", "--format", "markdown")
    assert "start lag is how late a trial began" in shown.stdout
