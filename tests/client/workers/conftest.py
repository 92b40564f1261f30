"""A server with staged workers on it, and what the server itself shows of their jobs."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from livekit import api

from lkdiag.client.workers import SimulatedWorker, any_room
from lkdiag.journal.recorder import Recorder
from lkdiag.scenario.dispatch import JobType
from lkdiag.scenario.fault import parse_behaviour
from lkdiag.settings import Credentials
from tests.deadline import DEADLINE_S

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from lkdiag.journal.event import Event
    from lkdiag.server.private import PrivateServer

GIVEN_UP = "failed to send job request"
"""What the server's log says when a dispatch brought no job (pkg/agent/client.go, LaunchJob)."""


class Shown(NamedTuple):
    """A room, as listDispatch and listParticipants show it."""

    jobs: list[tuple[str, str]]
    """Status and worker id of each job."""
    agents: list[str]
    hidden: list[bool]
    """Of each agent."""


class ServingWorker(SimulatedWorker):
    """A staged worker that keeps what it recorded."""

    def __init__(
        self, server: PrivateServer, agent_name: str, behaviour: str, rooms: Callable[[str], bool] = any_room
    ) -> None:
        self.events: list[Event] = []
        credentials = Credentials(server.url, server.api_key, server.api_secret, "the tests")
        recorder = Recorder(self.events.append, wall_ns=time.time_ns, mono_ns=time.monotonic_ns).for_trial(7)
        super().__init__(credentials, recorder, agent_name, JobType.ROOM, parse_behaviour(behaviour), rooms=rooms)

    def kinds(self) -> list[str]:
        """What happened to it."""
        return [event.kind.removeprefix("staged.") for event in self.events]


class Project:
    """The server as its owner sees it."""

    def __init__(self, server: PrivateServer, client: api.LiveKitAPI) -> None:
        self.server = server
        self.client = client
        self._workers: list[ServingWorker] = []

    async def register(
        self, agent_name: str, behaviour: str = "honest", rooms: Callable[[str], bool] = any_room
    ) -> ServingWorker:
        """A worker that has registered; it is closed at the test's end."""
        worker = ServingWorker(self.server, agent_name, behaviour, rooms)
        self._workers.append(worker)
        await worker.open()
        return worker

    async def close(self) -> None:
        """Close the workers."""
        await asyncio.gather(*(worker.close() for worker in self._workers))

    async def create_room(self, room: str, agent_name: str) -> None:
        """A room with a dispatch."""
        agents = [api.RoomAgentDispatch(agent_name=agent_name)]
        await self.client.room.create_room(api.CreateRoomRequest(name=room, agents=agents))

    async def dispatch(self, room: str, agent_name: str) -> None:
        """Another dispatch, for a room that is there."""
        request = api.CreateAgentDispatchRequest(room=room, agent_name=agent_name)
        await self.client.agent_dispatch.create_dispatch(request)

    async def show(self, room: str) -> Shown:
        """How it is now."""
        dispatches = await self.client.agent_dispatch.list_dispatch(room)
        jobs = [job for dispatch in dispatches for job in dispatch.state.jobs]
        listed = await self.client.room.list_participants(api.ListParticipantsRequest(room=room))
        agents = [one for one in listed.participants if one.kind == api.ParticipantInfo.Kind.AGENT]
        return Shown(
            [(api.JobStatus.Name(job.state.status), job.state.worker_id) for job in jobs],
            [one.identity for one in agents],
            [one.permission.hidden for one in agents],
        )

    async def wait_shown(self, room: str, fits: Callable[[Shown], bool]) -> Shown:
        """Wait until the room is like that."""
        shown = await self.show(room)
        try:
            async with asyncio.timeout(DEADLINE_S):
                while not fits(shown):
                    await asyncio.sleep(0.1)
                    shown = await self.show(room)
        except TimeoutError:
            pytest.fail(f"room {room} stays {shown}")
        return shown

    async def wait_served(self, room: str, worker: ServingWorker, count: int = 1) -> Shown:
        """Wait until that many agents are there, for jobs that this worker has."""
        return await self.wait_shown(
            room, lambda shown: len(shown.agents) == count and shown.jobs == [("JS_RUNNING", worker.worker_id)] * count
        )

    async def wait_given_up(self, agent_name: str, times: int = 1) -> str:
        """Wait until the server has given up that many dispatches for this name; why the last one."""

        def reasons() -> list[str]:
            written = self.server.log_path.read_text().rpartition("\n")[0]
            lines = [json.loads(line) for line in written.splitlines() if GIVEN_UP in line]
            given_up = [line for line in lines if line["agentName"] == agent_name]
            return [line["error"] for line in given_up]

        async with asyncio.timeout(DEADLINE_S):
            while len(found := reasons()) < times:  # noqa: ASYNC110 - no event tells
                await asyncio.sleep(0.1)
        return found[-1]


async def wait_kind(worker: ServingWorker, kind: str, times: int = 1) -> list[dict[str, Any]]:
    """Wait until that has happened to a worker so often; the events' data."""

    def found() -> list[dict[str, Any]]:
        return [event.data for event in worker.events if event.kind == f"staged.{kind}"]

    try:
        async with asyncio.timeout(DEADLINE_S):
            while len(found()) < times:  # noqa: ASYNC110 - the worker has no event for it
                await asyncio.sleep(0.01)
    except TimeoutError:
        pytest.fail(f"{times} × {kind} never came, only {worker.kinds()}")
    return found()


@pytest.fixture
async def project(private_server: PrivateServer) -> AsyncIterator[Project]:
    """A private server and its owner."""
    async with api.LiveKitAPI(private_server.url, private_server.api_key, private_server.api_secret) as client:
        project = Project(private_server, client)
        try:
            yield project
        finally:
            await project.close()
