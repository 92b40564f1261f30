"""Each behaviour on a real livekit-server: what the server shows of its job in the end."""

from __future__ import annotations

import asyncio
import re
import time
from typing import TYPE_CHECKING

import pytest
from livekit import api, rtc

from lkdiag.client.behaviours import BEHAVIOURS, CrashAfterAccept
from lkdiag.client.workers import Probe
from lkdiag.journal.event import Event
from lkdiag.journal.recorder import Recorder
from lkdiag.scenario.dispatch import JobType
from lkdiag.scenario.fault import HONEST
from lkdiag.settings import Credentials
from tests.deadline import DEADLINE_S

from .conftest import wait_kind

if TYPE_CHECKING:
    from .conftest import Project, ServingWorker

pytestmark = pytest.mark.server

SERVED = (
    "honest",
    "stale",
    "slow:1s",
    "slow:500ms:join",
    "slow:1s:answer",
    "slow:1s:offer",
    "slow:1s:accept",
    "hidden",
)
RUNNING_AND_EMPTY = ("ghost", "crash-after-accept", "join-then-leave:300ms")
TIMED_OUT = "request timed out|context deadline exceeded"
NO_JOB = {
    "silent": (TIMED_OUT, ["offered"]),
    "slow:4s:answer": (TIMED_OUT, ["offered"]),
    "reject": ("no workers with sufficient capacity", ["offered", "rejected"]),
    "reject-then-accept": ("no workers with sufficient capacity", ["offered", "rejected"]),
    "reconnecting:100ms": ("no workers available", ["offered", "dropped", "disconnected", "behaving", "registered"]),
    "overloaded": ("no servers available", []),
    "half-open": (TIMED_OUT, []),
}
"""Why the server gives the dispatch up, and what the worker saw of it."""


def name_of(behaviour: str) -> str:
    return f"test-{behaviour.replace(':', '-')}"


async def served(project: Project, worker: ServingWorker, room: str, behaviour: str) -> None:
    shown = await project.wait_served(room, worker)
    assert shown.hidden == [behaviour == "hidden"]


async def running_and_empty(project: Project, worker: ServingWorker, room: str, behaviour: str) -> None:
    if behaviour.startswith("join"):
        await wait_kind(worker, "disconnected")
    running = [("JS_RUNNING", worker.worker_id)]
    shown = await project.wait_shown(room, lambda shown: shown.jobs == running and not shown.agents)
    assert not shown.agents
    assert ("joined" in worker.kinds()) == behaviour.startswith("join")
    if behaviour == "crash-after-accept":
        await worker.wait_gone()
        assert worker.kinds().count("registered") == 1


async def no_job(project: Project, worker: ServingWorker, room: str, behaviour: str) -> None:
    reason, happened = NO_JOB[behaviour]
    assert re.search(reason, await project.wait_given_up(name_of(behaviour)))
    if behaviour.startswith("reconnecting"):
        first, second = await wait_kind(worker, "registered", times=2)
        assert first["worker_id"] != second["worker_id"] == worker.worker_id
    assert await project.show(room) == ([], [], [])
    seen = [kind for kind in worker.kinds() if kind not in ("load_reported", "froze")]
    assert sorted(seen) == sorted(["registered", "behaving", *happened])


async def test_what_the_server_shows_of_each_behaviour(project: Project) -> None:
    """All at a time, each under a name of its own; what the server shows is the behaviour's alone."""
    proofs = dict.fromkeys(SERVED, served) | dict.fromkeys(RUNNING_AND_EMPTY, running_and_empty)
    proofs |= dict.fromkeys(NO_JOB, no_job)
    assert {behaviour.partition(":")[0] for behaviour in proofs} == set(BEHAVIOURS)
    workers = {behaviour: await project.register(name_of(behaviour), behaviour) for behaviour in proofs}

    async def prove(behaviour: str) -> None:
        room = f"room-{name_of(behaviour)}"
        await project.create_room(room, name_of(behaviour))
        await proofs[behaviour](project, workers[behaviour], room, behaviour)

    await asyncio.gather(*(prove(behaviour) for behaviour in proofs))
    kinds = {event.kind for worker in workers.values() for event in worker.events}
    assert all(kind.startswith("staged.") for kind in kinds), kinds


async def test_one_that_declines_leaves_the_job_to_the_next(project: Project) -> None:
    """Declining, losing the socket, not being one's room: the server asks the other worker of the name."""

    async def prove(behaviour: str, rooms: str) -> None:
        name = f"pair-{behaviour}-{rooms}"
        good = await project.register(name)
        await project.register(name, behaviour, rooms=lambda room: room == rooms or rooms == "any")
        names = [f"{name}-{number}" for number in range(6)]
        await asyncio.gather(*(project.create_room(room, name) for room in names))
        await asyncio.gather(*(project.wait_served(room, good) for room in names))

    await asyncio.gather(
        prove("reject", "any"), prove("reconnecting:50ms", "any"), prove("overloaded", "any"), prove("ghost", "none")
    )


async def test_a_second_dispatch_gets_what_the_first_did_not(project: Project) -> None:
    worker = await project.register("second", "reject-then-accept")
    for number, room in enumerate(("one", "two"), start=1):
        await project.create_room(room, "second")
        await project.wait_given_up("second", times=number)
        await project.dispatch(room, "second")
        await project.wait_served(room, worker)


async def test_a_changed_worker_serves_again(project: Project) -> None:
    """From whatever state: full, hanging, hidden, dead, mute."""

    async def prove(behaviour: str) -> None:
        name = f"changed-{behaviour}"
        worker = await project.register(name, behaviour)
        first = worker.worker_id
        await project.create_room(f"{name}-before", name)
        if behaviour == "crash-after-accept":
            await worker.wait_gone()
        elif behaviour == "hidden":
            await project.wait_served(f"{name}-before", worker)
        else:
            await project.wait_given_up(name)
        await worker.change(HONEST)
        anew = behaviour in ("half-open", "hidden", "crash-after-accept")
        assert (worker.worker_id != first) == anew
        await project.create_room(f"{name}-after", name)
        shown = await project.wait_served(f"{name}-after", worker)
        assert shown.hidden == [False]

    for behaviour in ("overloaded", "half-open", "hidden", "crash-after-accept", "silent"):
        await prove(behaviour)


async def test_a_hidden_agent_is_seen_by_no_client(project: Project) -> None:
    server = project.server
    hidden, plain = await project.register("hidden", "hidden"), await project.register("plain")
    await project.create_room("room", "hidden")
    token = api.AccessToken(server.api_key, server.api_secret).with_identity("client")
    room = rtc.Room()
    await room.connect(server.url, token.with_grants(api.VideoGrants(room_join=True, room="room")).to_jwt())
    try:
        await project.wait_served("room", hidden)
        await project.dispatch("room", "plain")
        await wait_kind(plain, "joined")
        async with asyncio.timeout(DEADLINE_S):
            while not room.remote_participants:  # noqa: ASYNC110 - its event may be over
                await asyncio.sleep(0.05)
        assert len((await project.show("room")).agents) == 2
        (seen,) = room.remote_participants
        assert seen == (await wait_kind(plain, "joined"))[0]["identity"]
    finally:
        await room.disconnect()


async def test_a_closed_worker_leaves_nothing(project: Project) -> None:
    """Agents gone from the rooms, the worker from the server, and its tasks from the loop; however it behaved."""
    before = asyncio.all_tasks()
    behaviours = ("honest", "slow:60s", "half-open", "reconnecting:60s", "crash-after-accept", "join-then-leave:60s")
    workers = {behaviour: await project.register(name_of(behaviour), behaviour) for behaviour in behaviours}
    await asyncio.gather(*(project.create_room(behaviour, name_of(behaviour)) for behaviour in behaviours))
    await asyncio.gather(
        wait_kind(workers["honest"], "joining"),
        wait_kind(workers["slow:60s"], "assigned"),
        wait_kind(workers["reconnecting:60s"], "disconnected"),
        workers["crash-after-accept"].wait_gone(),
        wait_kind(workers["join-then-leave:60s"], "joined"),
    )
    await asyncio.gather(*(worker.close() for worker in workers.values()))
    await asyncio.gather(*(worker.close() for worker in workers.values()))  # twice is as good as once
    for behaviour in behaviours:
        await project.wait_shown(behaviour, lambda shown: not shown.agents)
        await project.dispatch(behaviour, name_of(behaviour))
        assert "offered" not in workers[behaviour].kinds()[workers[behaviour].kinds().index("closed") :]
    log = project.server.log_path.read_text()
    for behaviour in behaviours:
        deregistered = [line for line in log.splitlines() if '"last worker deregistered"' in line]
        assert any(f'"agentName":"{name_of(behaviour)}"' in line for line in deregistered), behaviour
    assert asyncio.all_tasks() <= before


async def test_the_shared_probe_has_no_line_to_break(project: Project) -> None:
    """A behaviour that strikes the worker as a whole would strike every other trial: on the probe it can't."""
    server, events = project.server, list[Event]()
    recorder = Recorder(events.append, wall_ns=time.time_ns, mono_ns=time.monotonic_ns)
    credentials = Credentials(server.url, server.api_key, server.api_secret, "the tests")
    probe = Probe(credentials, recorder, "probe", JobType.ROOM)
    await probe.open()
    try:
        probe.engage("room", recorder.for_trial(0), lambda _metadata: CrashAfterAccept(), publish=False)
        await project.create_room("room", "probe")
        async with asyncio.timeout(DEADLINE_S):
            while not any(event.kind == "probe.crashed" for event in events):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert await probe.ping(10)
    finally:
        await probe.close()
