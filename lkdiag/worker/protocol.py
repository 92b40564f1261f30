"""LiveKit's worker protocol as messages: what a worker says, and what it is told. No I/O.

Source: livekit/protocol protobufs/livekit_agent.proto; the server's side in livekit-server pkg/agent/worker.go
(v1.13.5).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from livekit.protocol import agent as pb
from livekit.protocol import models

from lkdiag.enum_name import enum_name

if TYPE_CHECKING:
    from lkdiag.scenario.dispatch import JobType

_JOB_TYPES = {"room": pb.JT_ROOM, "participant": pb.JT_PARTICIPANT, "publisher": pb.JT_PUBLISHER}


@dataclass(frozen=True)
class Registration:
    """As what a worker registers."""

    agent_name: str
    job_type: JobType
    version: str
    hidden: bool = False
    """Its agents join hidden: clients don't see them."""


@dataclass(frozen=True)
class Registered:
    """The server took the worker; its id, and what the server says of itself."""

    worker_id: str
    version: str
    edition: str
    region: str
    node_id: str


@dataclass(frozen=True)
class Offered:
    """The server asks whether the worker takes this job (an availability request)."""

    job_id: str
    dispatch_id: str
    job_type: str
    agent_name: str
    room: str
    room_sid: str
    metadata: str


@dataclass(frozen=True)
class Assigned:
    """The job is the worker's; `token` is what its agent joins the room with."""

    job_id: str
    dispatch_id: str
    room: str
    url: str
    token: str = field(repr=False)


@dataclass(frozen=True)
class Terminated:
    """The job is over for the server."""

    job_id: str


@dataclass(frozen=True)
class Pong:
    """Answer to a ping: our own timestamp back, and the server's clock (both Unix milliseconds)."""

    sent_ms: int
    server_ms: int


Message = Registered | Offered | Assigned | Terminated | Pong


def parse(payload: bytes) -> Message | None:
    """A ServerMessage; None for kinds that lkdiag has no use for. Raises DecodeError for what is not one."""
    message = pb.ServerMessage.FromString(payload)
    match message.WhichOneof("message"):
        case "register":
            info = message.register.server_info
            return Registered(
                message.register.worker_id,
                info.version,
                enum_name(models.ServerInfo.Edition, info.edition).lower(),
                info.region,
                info.node_id,
            )
        case "availability":
            job = message.availability.job
            return Offered(
                job.id,
                job.dispatch_id,
                enum_name(pb.JobType, job.type),
                job.agent_name,
                job.room.name,
                job.room.sid,
                job.metadata,
            )
        case "assignment":
            job = message.assignment.job
            return Assigned(job.id, job.dispatch_id, job.room.name, message.assignment.url, message.assignment.token)
        case "termination":
            return Terminated(message.termination.job_id)
        case "pong":
            return Pong(message.pong.last_timestamp, message.pong.timestamp)
    return None


def register(registration: Registration) -> bytes:
    """The first message of a worker."""
    request = pb.RegisterWorkerRequest(
        type=_JOB_TYPES[registration.job_type],
        agent_name=registration.agent_name,
        version=registration.version,
        allowed_permissions=models.ParticipantPermission(
            can_subscribe=True,
            can_publish=True,
            can_publish_data=True,
            can_update_metadata=True,
            agent=True,
            hidden=registration.hidden,
        ),
    )
    return pb.WorkerMessage(register=request).SerializeToString()


def answer(job_id: str, *, available: bool, identity: str = "") -> bytes:
    """The answer to an offer; with `identity` the agent's participant will join under it."""
    response = pb.AvailabilityResponse(job_id=job_id, available=available, participant_identity=identity)
    return pb.WorkerMessage(availability=response).SerializeToString()


def load(value: float, *, available: bool = True) -> bytes:
    """The worker's load, from 0 (idle) to 1; the server passes over workers that are full."""
    status = pb.WorkerStatus.WS_AVAILABLE if available else pb.WorkerStatus.WS_FULL
    return pb.WorkerMessage(update_worker=pb.UpdateWorkerStatus(status=status, load=value)).SerializeToString()


def ping(at_ms: int) -> bytes:
    """A ping that carries this machine's wall clock in Unix milliseconds."""
    return pb.WorkerMessage(ping=pb.WorkerPing(timestamp=at_ms)).SerializeToString()
