"""What lkdiag's own workers do, and what a worker's log says.

The probe is the worker that all trials share (`worker.…`, `job.…`). What a worker does that stands for somebody else's
(`staged.…`) is what lkdiag breaks on purpose: no check sees it.
"""

from __future__ import annotations

from typing import Annotated

from lkdiag.journal.row import (
    AgentName,
    DispatchId,
    Error,
    Identity,
    JobId,
    JobType,
    Lane,
    LogNs,
    RoomName,
    RoomSid,
    Row,
    Seconds,
    ServerTold,
    WorkerId,
)

# -- jobs --------------------------------------------------------------------------------------------------------------


class JobRow(Row, lane=Lane.WORKER):
    """What becomes of a job."""

    job_id: JobId
    dispatch_id: DispatchId | None = None
    room: RoomName | None = None
    worker_id: WorkerId | None = None


class Offered(JobRow, kinds=("job.offered", "staged.offered")):
    """The server offers a job."""

    agent_name: AgentName
    job_type: JobType
    room_sid: RoomSid

    def words(self) -> str:
        return f"the probe is offered job {self.job_id} ({self.job_type})"


class Accepted(JobRow, kinds=("job.accepted", "staged.accepted")):
    """The worker takes it."""

    identity: Annotated[str, "under which its agent will join"]

    def words(self) -> str:
        return f"the probe accepts job {self.job_id} as {self.identity!r}"


class Rejected(JobRow, kinds=("job.rejected", "staged.rejected")):
    """The worker declines it."""

    def words(self) -> str:
        return f"the probe declines job {self.job_id}"


class AnswerLost(JobRow, kinds=("job.answer_lost", "staged.answer_lost")):
    """The worker's answer could not be sent."""

    identity: Identity | None = None

    def words(self) -> str:
        return f"the probe's answer to job {self.job_id} could not be sent"


class Assigned(JobRow, kinds=("job.assigned", "staged.assigned")):
    """The server gives the job to the worker."""

    def words(self) -> str:
        return f"the probe is assigned job {self.job_id}"


class Terminated(JobRow, kinds=("job.terminated", "staged.terminated")):
    """The server ends the job."""

    def words(self) -> str:
        return f"the server ends job {self.job_id}"


class Declined(JobRow, kinds=("job.declined", "staged.declined")):
    """The worker declines a job that is none of this run's trials'."""

    reason: str


class JobAssignedLate(Row, kind="job.assigned_late"):
    """The server gives the probe a job of a trial that is over."""

    job_id: JobId


JobOffered, JobAccepted = Offered.for_who("job"), Accepted.for_who("job")
JobRejected, JobAnswerLost = Rejected.for_who("job"), AnswerLost.for_who("job")
JobAssigned, JobTerminated = Assigned.for_who("job"), Terminated.for_who("job")
StagedAccepted = Accepted.for_who("staged")

# -- the worker itself -------------------------------------------------------------------------------------------------


class WorkerRow(Row, lane=Lane.WORKER):
    """What becomes of a worker's registration."""


class Registered(WorkerRow, ServerTold, kinds=("worker.registered", "staged.registered")):
    """The worker is registered."""

    worker_id: WorkerId
    agent_name: AgentName
    job_type: JobType


class SocketLost(WorkerRow, kinds=("worker.disconnected", "staged.disconnected")):
    """The worker's websocket is lost. `staged.disconnected` is also what its agent says that is out of the room."""

    agent_name: AgentName | None = None
    job_id: JobId | None = None
    dispatch_id: DispatchId | None = None
    room: RoomName | None = None
    worker_id: WorkerId | None = None
    reason: str


class ReconnectFailed(WorkerRow, kinds=("worker.reconnect_failed", "staged.reconnect_failed")):
    """It could not register again, and tries once more."""

    attempt: int
    error: Error


class MessageUnreadable(WorkerRow, kinds=("worker.message_unreadable", "staged.message_unreadable")):
    """The server's message could not be parsed."""

    size: Annotated[int, "bytes"]


class ProbeCrashed(Row, kind="probe.crashed"):
    """A fault of lkdiag's own in what its worker does with a job."""

    error: Error


WorkerRegistered, WorkerDisconnected = Registered.for_who("worker"), SocketLost.for_who("worker")

# -- workers that lkdiag plays -----------------------------------------------------------------------------------------


class StagedPlays(Row, kind="staged.plays"):
    """A worker of the scenario's has registered."""

    name: Annotated[str, "in the scenario"]
    worker_id: WorkerId


class StagedBehaving(Row, kind="staged.behaving"):
    """How it treats its jobs from here on."""

    behaviour: str
    worker_id: WorkerId


class StagedLoadReported(Row, kind="staged.load_reported"):
    """It reports a load that is not its own."""

    worker_id: WorkerId
    load: Annotated[float, "0 to 1"]
    available: bool


class StagedDropped(Row, kind="staged.dropped"):
    """It cuts its connection without a goodbye."""

    worker_id: WorkerId
    back_after_s: Annotated[Seconds, "missing where it does not come back"] | None = None


class StagedFroze(Row, kind="staged.froze"):
    """It reads and writes nothing more; the connection stays open."""

    worker_id: WorkerId


class StagedCrashed(Row, kind="staged.crashed"):
    """A fault of lkdiag's own in what it does with a job."""

    error: Error


class StagedClosed(Row, kind="staged.closed"):
    """It is gone, as the scenario wants it."""

    worker_id: WorkerId


# -- a worker's log ----------------------------------------------------------------------------------------------------


class WorkerLogRead(Row, kind="worker_log.read", lane=Lane.LOG):
    """The log of the user's worker was read."""

    file: Annotated[str, "its name"]
    lines: int
    first_at_ns: LogNs | None = None
    last_at_ns: LogNs | None = None
    worker_ids: list[WorkerId] | None = None
    sdks: Annotated[list[str], "which of LiveKit's SDKs wrote it: python, node"] | None = None
    versions: list[str] | None = None
    requests: Annotated[int, "job requests in it, of all rooms"] | None = None
    notes: Annotated[list[str], "what is wrong with the log"] | None = None


class WorkerLogLine(Row, kind="worker_log.line", lane=Lane.LOG):
    """A line of it that says something about a trial, or about the worker as a whole."""

    at_ns: LogNs | None = None
    level: str | None = None
    message: str
    what: Annotated[str, "what lkdiag takes it for; `other`: something else"] | None = None
    job_id: JobId | None = None
    dispatch_id: DispatchId | None = None
    room: RoomName | None = None
    room_sid: RoomSid | None = None
    agent_name: AgentName | None = None
    worker_id: WorkerId | None = None
    load: Annotated[float, "0 to 1"] | None = None
    threshold: Annotated[float, "0 to 1"] | None = None
    error: Error | None = None

    @property
    def written_ns(self) -> int:
        """When the line was written, by the log's own clock. Raises AttributeError where it does not say."""
        if self.at_ns is None:
            raise AttributeError("at_ns")
        return self.at_ns

    def words(self) -> str:
        about = [str(one) for one in (self.error, self.job_id, self.worker_id) if one is not None]
        if self.load is not None:
            about.insert(0, f"load {self.load:.2f}")
        return f"the worker's log: {self.message}" + (f" ({', '.join(about)})" if about else "")
