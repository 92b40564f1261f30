"""lkdiag's workers: the probe, which is under test, and a simulated worker, which stands for somebody else's."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lkdiag import __version__
from lkdiag.client import worker_socket
from lkdiag.client.behaviours import make_behaviour
from lkdiag.client.joiner import MediaJoiner
from lkdiag.client.participant import JoinError
from lkdiag.client.worker_socket import PING_TIMEOUT_S, WorkerConnection
from lkdiag.journal.worker_kinds import (
    Accepted,
    AnswerLost,
    Assigned,
    Declined,
    JobAssignedLate,
    JobRow,
    JobTerminated,
    Offered,
    ProbeCrashed,
    Rejected,
    StagedBehaving,
    StagedClosed,
    StagedCrashed,
    Terminated,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from lkdiag.client.behaviours import Behaviour, JobTreatment, Line
    from lkdiag.client.participant import Joiner, Participant
    from lkdiag.journal.recorder import Recorder, TrialRecorder
    from lkdiag.scenario.dispatch import JobType
    from lkdiag.scenario.fault import BehaviourSpec
    from lkdiag.settings import Credentials


@dataclass
class _Job:
    offered: worker_socket.AvailabilityRequest
    treatment: JobTreatment
    about: dict[str, str]
    """Fields of each of its events."""
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    participants: list[Participant] = field(default_factory=list)


class Engagement:
    """Jobs that begin and end together: one room's jobs on the probe, or all jobs of a simulated worker.

    `url` is where agents join if the server names no address, as livekit-agents does too. `on_failed` gets what a
    treatment raised. `joiner` makes the agents; `on_joined` is called after each has joined.
    """

    def __init__(
        self,
        recorder: TrialRecorder,
        connection: WorkerConnection,
        url: str,
        on_failed: Callable[[BaseException], None],
        *,
        publish: bool,
        simulated: bool = False,
        joiner: Joiner | None = None,
        on_joined: Callable[[], None] | None = None,
    ) -> None:
        self.recorder = recorder
        self.connection = connection
        self.url = url
        self.joiner = joiner or MediaJoiner()
        self.publish = publish and self.joiner.has_media
        self.on_joined = on_joined
        self.simulated = simulated
        self.closing = False
        self._on_failed = on_failed
        self._jobs: dict[str, _Job] = {}
        self._leaving: set[asyncio.Task[None]] = set()

    def has(self, job_id: str) -> bool:
        """Whether this is one of its jobs."""
        return job_id in self._jobs

    def offer(self, offered: worker_socket.AvailabilityRequest, treatment: JobTreatment) -> None:
        """The server offers a job, which gets this treatment."""
        about = {"job_id": offered.job_id, "dispatch_id": offered.dispatch_id}
        if self.simulated:
            about |= {"room": offered.room, "worker_id": self.connection.worker_id}
        job = self._jobs[offered.job_id] = _Job(offered, treatment, about)
        self.record(job, Offered, agent_name=offered.agent_name, job_type=offered.job_type, room_sid=offered.room_sid)
        self._spawn(job, lambda: treatment.on_offer(_Offer(self, job)))

    def assign(self, assigned: worker_socket.JobAssignment) -> None:
        """The server assigns a job that it offered before."""
        job = self._jobs[assigned.job_id]
        self.record(job, Assigned)
        assignment = _Assignment(self, job, assigned.url or self.url, assigned.token)
        self._spawn(job, lambda: job.treatment.on_assignment(assignment))

    def dismiss(self, job_id: str) -> None:
        """The job has ended: its agent leaves, and the job is forgotten."""
        job = self._jobs.pop(job_id)
        self.record(job, Terminated)
        task = asyncio.create_task(_end([job]))
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)

    async def wait_joined(self, timeout_s: float) -> None:
        """Wait until joins in progress have succeeded or failed."""
        participants = [one for job in self._jobs.values() for one in job.participants]
        await asyncio.gather(*(one.wait_connected(timeout_s) for one in participants))

    async def end(self) -> None:
        """Stop all work; the agents leave."""
        self.closing = True
        jobs = list(self._jobs.values())
        self._jobs.clear()
        await _end(jobs)
        await asyncio.gather(*self._leaving, return_exceptions=True)

    def record(self, job: _Job, what: type[JobRow], **data: Any) -> None:
        """Record an event of a job."""
        self.recorder.record(what.for_who("staged" if self.simulated else "job")(**job.about, **data))

    def _spawn(self, job: _Job, work: Callable[[], Awaitable[object]]) -> None:
        async def run() -> None:
            await work()  # begun here: the trial may end before this task runs

        task = asyncio.create_task(run())
        job.tasks.add(task)
        task.add_done_callback(self._on_task_done)
        task.add_done_callback(job.tasks.discard)

    def _on_task_done(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None and not isinstance(error, JoinError):
            self._on_failed(error)


async def _end(jobs: list[_Job]) -> None:
    tasks = [task for job in jobs for task in job.tasks]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.gather(*(participant.leave() for job in jobs for participant in job.participants))


def _line(engagement: Engagement) -> Line:
    if not engagement.simulated:
        raise RuntimeError("all trials share the probe: a behaviour that breaks its connection needs its own worker")
    return engagement.connection


@dataclass
class _Offer:
    engagement: Engagement
    job: _Job

    @property
    def room(self) -> str:
        return self.job.offered.room

    @property
    def line(self) -> Line:
        return _line(self.engagement)

    async def accept(self) -> None:
        identity = f"agent-{self.job.offered.job_id}"
        await self._answer(Accepted, available=True, identity=identity)

    async def reject(self) -> None:
        await self._answer(Rejected, available=False)

    async def _answer(self, what: type[JobRow], *, available: bool, identity: str = "") -> None:
        payload = worker_socket.answer(self.job.offered.job_id, available=available, identity=identity)
        sent = await self.engagement.connection.send(payload)
        self.engagement.record(self.job, what if sent else AnswerLost, identity=identity or None)


@dataclass
class _Assignment:
    engagement: Engagement
    job: _Job
    url: str
    token: str = field(repr=False)

    @property
    def line(self) -> Line:
        return _line(self.engagement)

    async def join(self) -> None:
        engagement = self.engagement
        if engagement.closing:
            return
        who = "staged" if engagement.simulated else "probe"
        participant = engagement.joiner.participant(engagement.recorder, who, **self.job.about)
        self.job.participants.append(participant)
        await participant.join(self.url, self.token)
        if engagement.on_joined is not None:
            engagement.on_joined()
        if engagement.publish:
            await participant.publish_audio()

    async def leave(self) -> None:
        while self.job.participants:
            await self.job.participants[-1].leave()
            self.job.participants.pop()


@dataclass
class _Room:
    engagement: Engagement
    behaviour: Callable[[str], JobTreatment]


class Probe:
    """lkdiag's own worker, registered under `agent_name` (empty: for automatic dispatch).

    Each offer gets the behaviour that its trial drew.
    """

    def __init__(self, credentials: Credentials, recorder: Recorder, agent_name: str, job_type: JobType) -> None:
        self.agent_name = agent_name
        self._credentials = credentials
        self._recorder = recorder
        self._rooms: dict[str, _Room] = {}
        self._stray: set[asyncio.Task[bool]] = set()
        registration = worker_socket.Registration(agent_name, job_type, __version__)
        self._connection = WorkerConnection(credentials, recorder.for_trial(None), registration, self._on_message)

    async def open(self) -> None:
        """Register. Raises ConnectionLostError."""
        await self._connection.open()

    async def wait_registered(self, timeout_s: float) -> bool:
        """Whether it is registered, now or within `timeout_s`, and the server can find it."""
        if await self._connection.wait_registered(0):
            return True
        if not await self._connection.wait_registered(timeout_s):
            return False
        await self._connection.ping(PING_TIMEOUT_S)
        return True

    async def ping(self, timeout_s: float = PING_TIMEOUT_S) -> bool:
        """Whether the server answers on the worker's socket, within `timeout_s`."""
        return await self._connection.ping(timeout_s)

    async def close(self) -> None:
        """Leave every room and the server."""
        for room in list(self._rooms):
            await self.disengage(room)
        await self._connection.close()
        await asyncio.gather(*self._stray, return_exceptions=True)

    def engage(
        self,
        room: str,
        recorder: TrialRecorder,
        behaviour: Callable[[str], JobTreatment],
        *,
        publish: bool,
        joiner: Joiner | None = None,
        on_joined: Callable[[], None] | None = None,
    ) -> None:
        """Take offers for this room from now on; offers for any other room are declined.

        `behaviour` maps a job's metadata to its treatment: the dispatch under test and the fallback may differ.
        `joiner` makes the agents (None: with media); `on_joined` is called after each has joined.
        """
        engagement = Engagement(
            recorder, self._connection, self._credentials.ws_url, self._on_failed, publish=publish, joiner=joiner,
            on_joined=on_joined,
        )  # fmt: skip
        self._rooms[room] = _Room(engagement, behaviour)

    async def wait_joined(self, room: str, timeout_s: float) -> None:
        """Wait until joins of this room that are in progress have succeeded or failed."""
        engaged = self._rooms.get(room)
        if engaged is not None:
            await engaged.engagement.wait_joined(timeout_s)

    async def disengage(self, room: str) -> None:
        """Stop all work for this room; its agents leave."""
        engaged = self._rooms.pop(room, None)
        if engaged is not None:
            await engaged.engagement.end()

    def _on_message(
        self, message: worker_socket.AvailabilityRequest | worker_socket.JobAssignment | worker_socket.JobTermination
    ) -> None:
        if isinstance(message, worker_socket.AvailabilityRequest):
            self._on_offered(message)
            return
        job_id = message.job_id
        engagement = next((room.engagement for room in self._rooms.values() if room.engagement.has(job_id)), None)
        if isinstance(message, worker_socket.JobAssignment):
            if engagement is None:
                self._recorder.record(JobAssignedLate(job_id=job_id))
            else:
                engagement.assign(message)
        elif engagement is not None:
            engagement.recorder.record(JobTerminated(job_id=job_id))

    def _on_offered(self, offered: worker_socket.AvailabilityRequest) -> None:
        engaged = self._rooms.get(offered.room)
        if engaged is not None:
            engaged.engagement.offer(offered, engaged.behaviour(offered.metadata))
            return
        # not lkdiag's, or the trial has ended: declined, so that the server asks the next worker at once
        self._recorder.record(Declined.for_who("job")(job_id=offered.job_id, reason="not a room of this run's trials"))
        declining = asyncio.create_task(self._connection.send(worker_socket.answer(offered.job_id, available=False)))
        self._stray.add(declining)
        declining.add_done_callback(self._stray.discard)

    def _on_failed(self, error: BaseException) -> None:
        self._recorder.record(ProbeCrashed(error=f"{type(error).__name__}: {error}"))


def any_room(_room: str) -> bool:
    """Every room of the project."""
    return True


class SimulatedWorker:
    """A worker that stands for somebody else's, registered under `agent_name` (empty: for automatic dispatch).

    It has its own connection. Its events are ground truth: no check reads them. It takes offers of rooms for whose name
    `rooms` is true, and declines the others, so that the server asks the next worker. With `publish` its agents publish
    a quiet tone; `joiner` makes them (None: with media). Raises UsageError for an unknown behaviour.
    """

    def __init__(
        self,
        credentials: Credentials,
        recorder: TrialRecorder,
        agent_name: str,
        job_type: JobType,
        behaviour: BehaviourSpec,
        *,
        rooms: Callable[[str], bool] = any_room,
        publish: bool = False,
        joiner: Joiner | None = None,
    ) -> None:
        self._recorder = recorder
        self._rooms = rooms
        self._spec = behaviour
        self._behaviour: Behaviour = make_behaviour(behaviour)
        self._declining: set[asyncio.Task[bool]] = set()
        self._connection = WorkerConnection(
            credentials,
            recorder,
            worker_socket.Registration(agent_name, job_type, __version__, self._behaviour.hidden),
            self._on_message,
            simulated=True,
            on_registered=self._on_registered,
        )
        self._engagement = Engagement(
            recorder,
            self._connection,
            credentials.ws_url,
            self._on_failed,
            publish=publish,
            simulated=True,
            joiner=joiner,
        )

    @property
    def worker_id(self) -> str:
        """The id that the server gave it: a new one with each registration; empty before the first."""
        return self._connection.worker_id

    async def open(self) -> None:
        """Register. Raises ConnectionLostError."""
        await self._connection.open()

    async def change(self, behaviour: BehaviourSpec) -> None:
        """Behave differently from the next offer on; earlier jobs keep their treatment.

        It registers again if it is frozen or gone, or if whether its agents are hidden changes. Raises UsageError for
        an unknown behaviour, ConnectionLostError if it could not register again.
        """
        self._behaviour = make_behaviour(behaviour)
        self._spec = behaviour
        await self._connection.become(hidden=self._behaviour.hidden)

    async def ping(self, timeout_s: float = PING_TIMEOUT_S) -> bool:
        """Whether the server answers on its socket within `timeout_s`; False at once if it is frozen."""
        return await self._connection.ping(timeout_s)

    async def wait_registered(self, timeout_s: float) -> bool:
        """Whether it is registered, now or within `timeout_s`."""
        return await self._connection.wait_registered(timeout_s)

    async def wait_joined(self, timeout_s: float) -> None:
        """Wait until joins in progress have succeeded or failed."""
        await self._engagement.wait_joined(timeout_s)

    async def wait_gone(self) -> None:
        """Wait until its behaviour has ended it for good (crash-after-accept), which may never happen."""
        await self._connection.gone.wait()

    async def close(self) -> None:
        """Let its agents leave their rooms, and leave the server."""
        await self._engagement.end()
        await self._connection.close()
        await asyncio.gather(*self._declining, return_exceptions=True)
        if self.worker_id:
            self._recorder.record(StagedClosed(worker_id=self.worker_id))

    async def _on_registered(self) -> None:
        self._recorder.record(StagedBehaving(behaviour=str(self._spec), worker_id=self.worker_id))
        await self._behaviour.on_registered(self._connection)

    def _on_message(
        self, message: worker_socket.AvailabilityRequest | worker_socket.JobAssignment | worker_socket.JobTermination
    ) -> None:
        if isinstance(message, worker_socket.AvailabilityRequest):
            if self._engagement.closing or not self._rooms(message.room):
                self._decline(message)
            else:
                self._engagement.offer(message, self._behaviour)
        elif not self._engagement.has(message.job_id):
            return  # offered to it before it closed
        elif isinstance(message, worker_socket.JobAssignment):
            self._engagement.assign(message)
        else:
            self._engagement.dismiss(message.job_id)

    def _decline(self, offered: worker_socket.AvailabilityRequest) -> None:
        about = {"job_id": offered.job_id, "room": offered.room, "worker_id": self.worker_id}
        self._recorder.record(Declined.for_who("staged")(**about, reason="not one of its rooms"))
        task = asyncio.create_task(self._connection.send(worker_socket.answer(offered.job_id, available=False)))
        self._declining.add(task)
        task.add_done_callback(self._declining.discard)

    def _on_failed(self, error: BaseException) -> None:
        self._recorder.record(StagedCrashed(error=f"{type(error).__name__}: {error}"))
