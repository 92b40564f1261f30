"""Somebody else's worker, which can treat jobs in many ways. It shares no code with lkdiag, and none of its mistakes.

It speaks the worker protocol at the server directly, and remembers what it did: that is ground truth.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import os
import socket as sockets
import sys
import time
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Self

import aiohttp
from livekit import api
from livekit.protocol import agent as pb
from livekit.protocol import models
from livekit.protocol.rtc import JoinResponse, LeaveRequest, Ping, SignalRequest, SignalResponse

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from types import TracebackType
    from typing import Any

    from .truth import Site

BEAT_S = 5.0
BACK_AFTER_S = 0.3
ANSWER_WITHIN_S = 10.0
LATE_S = 4.0
STAYS_LATE_S = 3.0
MEDIA_AGENT = Path(__file__).with_name("media_agent.py")


class Treatment(StrEnum):
    """What the worker does with a job."""

    HONEST = "honest"
    """It joins and stays."""
    STAY_50MS = "stays 0.05 s"
    STAY_100MS = "stays 0.1 s"
    STAY_200MS = "stays 0.2 s"
    STAY_400MS = "stays 0.4 s"
    KILLED = "killed"
    """It joins, and its sockets break at once without a word."""
    GHOST = "ghost"
    """It accepts, and never joins."""
    SILENT = "silent"
    """It never answers the offer."""
    REJECTS = "rejects"
    LATE = "late"
    """It joins 4 s late."""
    TWICE = "twice"
    """It joins, and joins again under the same identity."""
    LEAVES_LATE = "leaves late"
    """It joins, and leaves after 3 s."""
    MEDIA = "media"
    """It joins with media, in a process of its own, and stays."""
    MEDIA_KILLED = "media, killed"
    """The same, and the process is killed as soon as it has joined."""


STAYS_S = {
    Treatment.STAY_50MS: 0.05,
    Treatment.STAY_100MS: 0.1,
    Treatment.STAY_200MS: 0.2,
    Treatment.STAY_400MS: 0.4,
    Treatment.LEAVES_LATE: STAYS_LATE_S,
}


@dataclass(frozen=True)
class Join:
    """The server's own answer to a join."""

    room_sid: str
    """A token names no room but by its name: whoever joins late may make it anew."""
    at_ms: int


@dataclass
class Job:
    """What the server offered, and what became of it."""

    job_id: str
    dispatch_id: str
    agent_name: str
    room: str
    room_sid: str
    treatment: Treatment
    offered_ms: int
    """This machine's clock, which is the server's."""
    assigned_ms: int | None = None
    joins: dict[str, Join] = field(default_factory=dict)
    """By the SID of its participant."""
    left_ms: int | None = None
    failure: str = ""
    """Why it could not join: the room was gone, say."""


class ForeignWorker:
    """`async with ForeignWorker(site, "name", treatments) as worker:` registers directly with the server.

    `treatments` says for each job how it is treated. The worker registers again when it lost the server.
    """

    def __init__(self, site: Site, agent_name: str, treatments: Callable[[pb.Job], Treatment]) -> None:
        self._site = site
        self.agent_name = agent_name
        self.treatments = treatments
        self.jobs: dict[str, Job] = {}
        """By id, in the order of their offers."""
        self._registered = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._children: list[asyncio.subprocess.Process] = []

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        self._spawn(self._keep())
        await self.wait_registered()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for child in self._children:
            if child.returncode is None:
                child.kill()
            await child.wait()
        await self._session.close()

    async def wait_registered(self) -> None:
        """Wait until the server has answered the registration, and a ping after it. Raises TimeoutError."""
        async with asyncio.timeout(ANSWER_WITHIN_S):
            await self._registered.wait()

    # -- the worker's socket -------------------------------------------------------------------------------------

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _keep(self) -> None:
        while True:
            with contextlib.suppress(aiohttp.ClientError, OSError, TypeError):
                await self._serve()
            self._registered.clear()
            await asyncio.sleep(BACK_AFTER_S)

    async def _serve(self) -> None:
        key = self._site.key
        token = api.AccessToken(key.key, key.secret).with_grants(api.VideoGrants(agent=True)).to_jwt()
        async with self._session.ws_connect(
            f"{self._site.url}/agent", params={"protocol": "1"}, headers={"Authorization": f"Bearer {token}"}
        ) as socket:
            allowed = models.ParticipantPermission(
                can_subscribe=True, can_publish=True, can_publish_data=True, can_update_metadata=True, agent=True
            )
            register = pb.RegisterWorkerRequest(
                type=pb.JT_ROOM, agent_name=self.agent_name, version="1.0.0", allowed_permissions=allowed
            )
            await socket.send_bytes(pb.WorkerMessage(register=register).SerializeToString())
            beat = asyncio.create_task(_beat(socket))
            try:
                while True:
                    message = pb.ServerMessage.FromString(await socket.receive_bytes())
                    match message.WhichOneof("message"):
                        case "pong":
                            self._registered.set()  # the registration was answered before, and is in effect
                        case "availability":
                            self._spawn(self._answer(socket, message.availability.job))
                        case "assignment":
                            self._spawn(self._take(message.assignment))
            finally:
                beat.cancel()

    async def _answer(self, socket: aiohttp.ClientWebSocketResponse, offered: pb.Job) -> None:
        job = self.jobs.get(offered.id)
        if job is None:
            job = self.jobs[offered.id] = Job(
                offered.id, offered.dispatch_id, offered.agent_name, offered.room.name, offered.room.sid,
                self.treatments(offered), _now_ms(),
            )  # fmt: skip
        if job.treatment is Treatment.SILENT:
            return
        answer = pb.AvailabilityResponse(
            job_id=offered.id,
            available=job.treatment is not Treatment.REJECTS,
            participant_identity=f"agent-{offered.id}",
        )
        await socket.send_bytes(pb.WorkerMessage(availability=answer).SerializeToString())

    # -- its agents ----------------------------------------------------------------------------------------------

    async def _take(self, assignment: pb.JobAssignment) -> None:
        job = self.jobs[assignment.job.id]
        job.assigned_ms = _now_ms()
        if job.treatment is Treatment.GHOST:
            return
        if job.treatment is Treatment.LATE:
            await asyncio.sleep(LATE_S)
        try:
            if job.treatment in (Treatment.MEDIA, Treatment.MEDIA_KILLED):
                await self._join_with_media(job, assignment.token)
            else:
                await self._join(job, assignment.token)
        except (aiohttp.ClientError, OSError, TypeError, TimeoutError) as error:
            job.failure = str(error) or type(error).__name__

    async def _join(self, job: Job, token: str) -> None:
        async with self._session.ws_connect(
            f"{self._site.url}/rtc",
            params={"protocol": "16", "auto_subscribe": "0", "sdk": "python"},
            headers={"Authorization": f"Bearer {token}"},
        ) as socket:
            await self._enter(job, socket)
            if job.treatment is Treatment.KILLED:
                connection = socket.get_extra_info("socket")
                with contextlib.suppress(OSError):
                    connection.shutdown(sockets.SHUT_RDWR)
                job.left_ms = _now_ms()
                return
            if job.treatment is Treatment.TWICE:
                async with self._session.ws_connect(
                    f"{self._site.url}/rtc",
                    params={"protocol": "16", "auto_subscribe": "0", "sdk": "python"},
                    headers={"Authorization": f"Bearer {token}"},
                ) as again:
                    await self._enter(job, again)
                    await _stay(again, None)
            else:
                await _stay(socket, STAYS_S.get(job.treatment))
            job.left_ms = _now_ms()

    async def _enter(self, job: Job, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Wait for the server's answer to the join. Raises TypeError where it closes the socket instead."""
        while True:
            response = SignalResponse.FromString(await socket.receive_bytes(timeout=ANSWER_WITHIN_S))
            if response.HasField("join"):
                joined: JoinResponse = response.join
                # older servers name seconds alone
                at_ms = joined.participant.joined_at_ms or joined.participant.joined_at * 1000
                job.joins[joined.participant.sid] = Join(joined.room.sid, at_ms)
                return

    async def _join_with_media(self, job: Job, token: str) -> None:
        """By a process of its own: when it joined, the server's webhook tells."""
        child = await asyncio.create_subprocess_exec(
            sys.executable, str(MEDIA_AGENT),
            env={**os.environ, "AGENT_URL": self._site.url, "AGENT_TOKEN": token},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        self._children.append(child)
        assert child.stdout is not None
        await child.stdout.readline()
        if job.treatment is Treatment.MEDIA_KILLED and child.returncode is None:
            child.kill()
        await child.wait()
        job.left_ms = _now_ms()


async def _beat(socket: aiohttp.ClientWebSocketResponse) -> None:
    while True:
        ping = pb.WorkerPing(timestamp=_now_ms())
        await socket.send_bytes(pb.WorkerMessage(ping=ping).SerializeToString())
        status = pb.UpdateWorkerStatus(status=pb.WS_AVAILABLE, load=0.0)
        await socket.send_bytes(pb.WorkerMessage(update_worker=status).SerializeToString())
        await asyncio.sleep(BEAT_S)


async def _stay(socket: aiohttp.ClientWebSocketResponse, stay_s: float | None) -> None:
    """Be in the room for that long, or until the server ends it; leave with a word."""
    try:
        async with asyncio.timeout(stay_s):
            while True:
                try:
                    frame = await socket.receive(timeout=BEAT_S)
                except TimeoutError:
                    await socket.send_bytes(SignalRequest(ping_req=Ping(timestamp=_now_ms())).SerializeToString())
                    continue
                if frame.type is not aiohttp.WSMsgType.BINARY:
                    return
    except TimeoutError:
        bye = LeaveRequest(reason=models.DisconnectReason.CLIENT_INITIATED, action=LeaveRequest.Action.DISCONNECT)
        with contextlib.suppress(aiohttp.ClientError, OSError):
            await socket.send_bytes(SignalRequest(leave=bye).SerializeToString())


def _now_ms() -> int:
    return int(time.time() * 1000)


async def warm_up(site: Site, worker: ForeignWorker) -> None:
    """Wait until listDispatch shows this worker's jobs at once.

    After workers have changed the server lists the first job 5 s late (pkg/agent/client.go, CheckEnabledTimeout).
    """
    name = f"warm-up-{datetime.datetime.now().timestamp()}"
    agents = [api.RoomAgentDispatch(agent_name=worker.agent_name)] if worker.agent_name else []
    async with site.client() as client, asyncio.timeout(ANSWER_WITHIN_S * 2):
        await client.room.create_room(api.CreateRoomRequest(name=name, empty_timeout=30, agents=agents))
        # the server has no event for it
        while not any(d.state.jobs for d in await client.agent_dispatch.list_dispatch(name)):  # noqa: ASYNC110
            await asyncio.sleep(0.1)
        await client.room.delete_room(api.DeleteRoomRequest(room=name))
