"""The jobs that one of lkdiag's workers takes: each is offered, assigned and joined as its behaviour wants it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lkdiag.participant.joining import JoinError, MediaJoiner
from lkdiag.worker import protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from lkdiag.participant.joining import Joiner, Participant
    from lkdiag.timeline import TrialRecorder
    from lkdiag.worker.behaviour.base import JobTreatment, Line
    from lkdiag.worker.connection import WorkerConnection


@dataclass
class _Job:
    offered: protocol.Offered
    treatment: JobTreatment
    about: dict[str, str]
    """Stands in each of its events."""
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    participants: list[Participant] = field(default_factory=list)


class Engagement:
    """Jobs that begin and end together: one room's on the probe, all of a staged worker's.

    `url` is where agents join when the server names no address; livekit-agents takes its own then as well. `on_failed`
    is told what a treatment raised. `joiner` makes its agents, `on_joined` is told of each that is in.
    """

    def __init__(
        self,
        recorder: TrialRecorder,
        connection: WorkerConnection,
        url: str,
        on_failed: Callable[[BaseException], None],
        *,
        publish: bool,
        staged: bool = False,
        joiner: Joiner | None = None,
        on_joined: Callable[[], None] | None = None,
    ) -> None:
        self.recorder = recorder
        self.connection = connection
        self.url = url
        self.joiner = joiner or MediaJoiner()
        self.publish = publish and self.joiner.has_media
        self.on_joined = on_joined
        self.staged = staged
        self.closing = False
        self._on_failed = on_failed
        self._jobs: dict[str, _Job] = {}
        self._leaving: set[asyncio.Task[None]] = set()

    def has(self, job_id: str) -> bool:
        """Whether it is one of its jobs."""
        return job_id in self._jobs

    def offer(self, offered: protocol.Offered, treatment: JobTreatment) -> None:
        """The server offers a job, which is to be met like that."""
        about = {"job_id": offered.job_id, "dispatch_id": offered.dispatch_id}
        if self.staged:
            about |= {"room": offered.room, "worker_id": self.connection.worker_id}
        job = self._jobs[offered.job_id] = _Job(offered, treatment, about)
        self.record(job, "offered", agent_name=offered.agent_name, job_type=offered.job_type, room_sid=offered.room_sid)
        self._spawn(job, lambda: treatment.on_offer(_Offer(self, job)))

    def assign(self, assigned: protocol.Assigned) -> None:
        """The server gives it a job that was offered before."""
        job = self._jobs[assigned.job_id]
        self.record(job, "assigned")
        assignment = _Assignment(self, job, assigned.url or self.url, assigned.token)
        self._spawn(job, lambda: job.treatment.on_assignment(assignment))

    def dismiss(self, job_id: str) -> None:
        """The job is over: its agent leaves, and nothing is kept of it."""
        job = self._jobs.pop(job_id)
        self.record(job, "terminated")
        task = asyncio.create_task(_end([job]))
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)

    async def wait_joined(self, timeout_s: float) -> None:
        """Wait until the agents that are on their way are in, or could not get in."""
        participants = [one for job in self._jobs.values() for one in job.participants]
        await asyncio.gather(*(one.wait_connected(timeout_s) for one in participants))

    async def end(self) -> None:
        """Stop whatever it does; its agents leave."""
        self.closing = True
        jobs = list(self._jobs.values())
        self._jobs.clear()
        await _end(jobs)
        await asyncio.gather(*self._leaving, return_exceptions=True)

    def record(self, job: _Job, what: str, **data: str | None) -> None:
        """Record what became of a job."""
        self.recorder.record(f"staged.{what}" if self.staged else f"job.{what}", **job.about, **data)

    def _spawn(self, job: _Job, work: Callable[[], Awaitable[object]]) -> None:
        async def run() -> None:
            await work()  # begun here: a trial may end before it is its turn

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
    if not engagement.staged:
        raise RuntimeError("the probe is shared by all trials: a behaviour that strikes its line needs its own worker")
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
        await self._answer("accepted", available=True, identity=identity)

    async def reject(self) -> None:
        await self._answer("rejected", available=False)

    async def _answer(self, what: str, *, available: bool, identity: str = "") -> None:
        payload = protocol.answer(self.job.offered.job_id, available=available, identity=identity)
        sent = await self.engagement.connection.send(payload)
        self.engagement.record(self.job, what if sent else "answer_lost", identity=identity or None)


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
        who = "staged" if engagement.staged else "probe"
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
