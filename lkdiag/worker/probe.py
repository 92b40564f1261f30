"""The probe: lkdiag's own worker. It meets each offer with the behaviour that its trial drew."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lkdiag import __version__
from lkdiag.participant.media import JoinError, MediaParticipant
from lkdiag.worker import protocol
from lkdiag.worker.connection import WorkerConnection

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from lkdiag.scenario.dispatch import JobType
    from lkdiag.settings import Credentials
    from lkdiag.timeline import Recorder, TrialRecorder
    from lkdiag.worker.behaviour.base import Behaviour


@dataclass
class Engagement:
    """A room in which the probe plays a part: how it behaves there, and whom it has put in."""

    recorder: TrialRecorder
    behaviour: Callable[[str], Behaviour]
    """From a job's metadata to the behaviour: the dispatch under test and the fallback may differ."""
    publish: bool
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    jobs: dict[str, Behaviour] = field(default_factory=dict)
    participants: list[MediaParticipant] = field(default_factory=list)
    closing: bool = False


class Probe:
    """A worker registered under `agent_name`; empty for automatic dispatch."""

    def __init__(self, credentials: Credentials, recorder: Recorder, agent_name: str, job_type: JobType) -> None:
        self.agent_name = agent_name
        self._credentials = credentials
        self._recorder = recorder
        self._rooms: dict[str, Engagement] = {}
        self._jobs: dict[str, Engagement] = {}
        self._stray: set[asyncio.Task[None]] = set()
        self._connection = WorkerConnection(credentials, recorder, agent_name, job_type, __version__, self._on_message)

    async def open(self) -> None:
        """Register. Raises ConnectionLostError."""
        await self._connection.open()

    async def wait_registered(self, timeout_s: float) -> bool:
        """Whether it is registered, now or within `timeout_s`."""
        return await self._connection.wait_registered(timeout_s)

    async def ping(self, timeout_s: float) -> bool:
        """Whether the server answers on the worker's socket, within `timeout_s`."""
        return await self._connection.ping(timeout_s)

    async def close(self) -> None:
        """Leave every room and the server."""
        for room in list(self._rooms):
            await self.disengage(room)
        await self._connection.close()
        await asyncio.gather(*self._stray, return_exceptions=True)

    def engage(
        self, room: str, recorder: TrialRecorder, behaviour: Callable[[str], Behaviour], *, publish: bool
    ) -> None:
        """Take offers for this room from now on; offers for any other room are declined."""
        self._rooms[room] = Engagement(recorder, behaviour, publish)

    async def wait_joined(self, room: str, timeout_s: float) -> None:
        """Wait until the agents that are on their way into this room are in, or could not get in."""
        engagement = self._rooms.get(room)
        if engagement is not None:
            await asyncio.gather(*(one.wait_connected(timeout_s) for one in engagement.participants))

    async def disengage(self, room: str) -> None:
        """Stop whatever it does for this room; its agents leave."""
        engagement = self._rooms.pop(room, None)
        if engagement is None:
            return
        engagement.closing = True
        for job_id in engagement.jobs:
            self._jobs.pop(job_id, None)
        for task in engagement.tasks:
            task.cancel()
        await asyncio.gather(*engagement.tasks, return_exceptions=True)
        await asyncio.gather(*(participant.leave() for participant in engagement.participants))

    def _on_message(self, message: protocol.Offered | protocol.Assigned | protocol.Terminated) -> None:
        match message:
            case protocol.Offered():
                self._on_offered(message)
            case protocol.Assigned():
                self._on_assigned(message)
            case protocol.Terminated():
                engagement = self._jobs.get(message.job_id)
                if engagement is not None:
                    engagement.recorder.record("job.terminated", job_id=message.job_id)

    def _on_offered(self, offered: protocol.Offered) -> None:
        engagement = self._rooms.get(offered.room)
        if engagement is None:
            # not ours, or a trial that is over: declined, so that the server asks the next worker at once
            self._recorder.record("job.declined", job_id=offered.job_id, reason="not a room of this run's trials")
            self._spawn(self._stray, self._connection.send(protocol.answer(offered.job_id, available=False)))
            return
        behaviour = engagement.behaviour(offered.metadata)
        engagement.jobs[offered.job_id] = behaviour
        self._jobs[offered.job_id] = engagement
        engagement.recorder.record(
            "job.offered",
            job_id=offered.job_id,
            dispatch_id=offered.dispatch_id,
            agent_name=offered.agent_name,
            job_type=offered.job_type,
            room_sid=offered.room_sid,
        )
        self._spawn(engagement.tasks, behaviour.on_offer(_Offer(self._connection, engagement, offered)))

    def _on_assigned(self, assigned: protocol.Assigned) -> None:
        engagement = self._jobs.get(assigned.job_id)
        if engagement is None:
            self._recorder.record("job.assigned_late", job_id=assigned.job_id)
            return
        engagement.recorder.record("job.assigned", job_id=assigned.job_id, dispatch_id=assigned.dispatch_id)
        # a server that names no address means its own (livekit-agents does the same)
        url = assigned.url or self._credentials.ws_url
        assignment = _Assignment(engagement, assigned, url)
        self._spawn(engagement.tasks, engagement.jobs[assigned.job_id].on_assignment(assignment))

    def _spawn(self, tasks: set[asyncio.Task[None]], work: Awaitable[object]) -> None:
        async def run() -> None:
            await work

        task = asyncio.create_task(run())
        tasks.add(task)
        task.add_done_callback(self._on_task_done)
        task.add_done_callback(tasks.discard)

    def _on_task_done(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None and not isinstance(error, JoinError):
            self._recorder.record("probe.crashed", error=f"{type(error).__name__}: {error}")


@dataclass
class _Offer:
    connection: WorkerConnection
    engagement: Engagement
    offered: protocol.Offered

    async def accept(self) -> None:
        identity = f"agent-{self.offered.job_id}"
        sent = await self.connection.send(protocol.answer(self.offered.job_id, available=True, identity=identity))
        self._record("job.accepted" if sent else "job.answer_lost", identity=identity)

    async def reject(self) -> None:
        sent = await self.connection.send(protocol.answer(self.offered.job_id, available=False))
        self._record("job.rejected" if sent else "job.answer_lost")

    def _record(self, kind: str, identity: str | None = None) -> None:
        self.engagement.recorder.record(
            kind, job_id=self.offered.job_id, dispatch_id=self.offered.dispatch_id, identity=identity
        )


@dataclass
class _Assignment:
    engagement: Engagement
    assigned: protocol.Assigned
    url: str

    @property
    def token(self) -> str:
        return self.assigned.token

    async def join(self) -> None:
        if self.engagement.closing:
            return
        participant = MediaParticipant(
            self.engagement.recorder, "probe", job_id=self.assigned.job_id, dispatch_id=self.assigned.dispatch_id
        )
        self.engagement.participants.append(participant)
        await participant.join(self.url, self.assigned.token)
        if self.engagement.publish:
            await participant.publish_audio()
