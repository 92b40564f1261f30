"""`--agent-name`: is it answered, by whom, and what is said when it is not."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

import pytest

from lkdiag.client.workers import SimulatedWorker
from lkdiag.journal.recorder import Recorder
from lkdiag.scenario.dispatch import JobType
from lkdiag.scenario.fault import BehaviourSpec
from lkdiag.settings import Credentials

from .conftest import rooms

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from lkdiag.journal.event import Event
    from lkdiag.server.private import PrivateServer

    from .conftest import Patient

pytestmark = pytest.mark.server


@contextlib.asynccontextmanager
async def working(server: PrivateServer, name: str, behaviour: str) -> AsyncIterator[list[Event]]:
    """A worker of that name, as somebody else's; what it does."""
    events: list[Event] = []
    recorder = Recorder(events.append, wall_ns=time.time_ns, mono_ns=time.monotonic_ns)
    credentials = Credentials(server.url, server.api_key, server.api_secret, "the test")
    worker = SimulatedWorker(credentials, recorder.for_trial(None), name, JobType.ROOM, BehaviourSpec(behaviour))
    await worker.open()
    try:
        yield events
    finally:
        await worker.close()


async def test_nobody_answers(owner: Patient, private_server: PrivateServer) -> None:
    examined = await owner.examine("--agent-name", "nobody", "--timeout", "2s")
    assert (examined.code, examined.changes) == (1, {"agent": "failed"})
    assert examined.seen("agent") == "no worker took a job of nobody within 6 s"
    assert "registers as nobody, in this very project" in examined.fix("agent")
    assert examined.lines["agent"]["details"]["dispatch"].startswith("AD_")
    assert await rooms(private_server) == []


async def test_answered(owner: Patient, private_server: PrivateServer) -> None:
    async with working(private_server, "greeter", "honest") as events:
        examined = await owner.examine("--agent-name", "greeter")
    assert (examined.code, examined.changes) == (0, {"agent": "ok"})
    (worker_id,) = {event.data["worker_id"] for event in events if event.kind == "staged.registered"}
    assert examined.seen("agent").startswith(f"{worker_id} answered for greeter in ")
    assert examined.lines["agent"]["details"]["job"].startswith("AJ_")
    assert sum(event.kind == "staged.offered" for event in events) == 1, "one room, and no other"
    assert await rooms(private_server) == []


async def test_job_is_taken_and_nobody_comes(owner: Patient, private_server: PrivateServer) -> None:
    async with working(private_server, "ghost", "ghost"):
        examined = await owner.examine("--agent-name", "ghost", "--timeout", "2s")
    assert (examined.code, examined.changes) == (1, {"agent": "failed"})
    assert examined.seen("agent").startswith("AW_")
    assert "its agent did not join" in examined.seen("agent")
    assert "AJ_" in examined.fix("agent")


async def test_workers_without_a_name_are_left_alone(owner: Patient, private_server: PrivateServer) -> None:
    async with working(private_server, "", "honest") as events:
        examined = await owner.examine()
    assert (examined.code, examined.changes) == (0, {})
    assert [event for event in events if event.kind == "staged.offered"] == []
