"""A worker's websocket: the messages of the worker protocol, registration, pings, and reconnecting.

Source: livekit/protocol protobufs/livekit_agent.proto; the server's side in livekit-server pkg/agent/worker.go
(v1.13.5)."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import socket as sockets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import aiohttp
from google.protobuf.message import DecodeError
from livekit import api
from livekit.protocol import agent as pb
from livekit.protocol import models

from lkdiag.errors import ConnectionLostError
from lkdiag.journal import worker_kinds
from lkdiag.journal.run_kinds import ClockSampled
from lkdiag.journal.worker_kinds import (
    MessageUnreadable,
    ReconnectFailed,
    SocketLost,
    StagedDropped,
    StagedFroze,
    StagedLoadReported,
    WorkerRow,
)
from lkdiag.privacy.secrets import scrub
from lkdiag.text import enum_name

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from lkdiag.journal.recorder import TrialRecorder
    from lkdiag.scenario.dispatch import JobType
    from lkdiag.settings import Credentials


_JOB_TYPES = {"room": pb.JT_ROOM, "participant": pb.JT_PARTICIPANT, "publisher": pb.JT_PUBLISHER}


@dataclass(frozen=True)
class Registration:
    """What a worker registers with."""

    agent_name: str
    job_type: JobType
    version: str
    hidden: bool = False
    """Whether its agents join hidden: clients don't see them."""


@dataclass(frozen=True)
class RegisterResponse:
    """The server accepted the worker: the worker's id, and the server's description of itself."""

    worker_id: str
    version: str
    edition: str
    region: str
    node_id: str


@dataclass(frozen=True)
class AvailabilityRequest:
    """The server offers this job to the worker."""

    job_id: str
    dispatch_id: str
    job_type: str
    agent_name: str
    room: str
    room_sid: str
    metadata: str


@dataclass(frozen=True)
class JobAssignment:
    """The server assigns the job to the worker, whose agent joins the room with `token`."""

    job_id: str
    dispatch_id: str
    room: str
    url: str
    token: str = field(repr=False)


@dataclass(frozen=True)
class JobTermination:
    """The server has ended the job."""

    job_id: str


@dataclass(frozen=True)
class Pong:
    """The answer to a ping: its timestamp, and the server's clock (both Unix milliseconds)."""

    sent_ms: int
    server_ms: int


Message = RegisterResponse | AvailabilityRequest | JobAssignment | JobTermination | Pong


def parse(payload: bytes) -> Message | None:
    """Parse a ServerMessage; None for kinds that lkdiag does not use. Raises DecodeError if it is not one."""
    message = pb.ServerMessage.FromString(payload)
    match message.WhichOneof("message"):
        case "register":
            info = message.register.server_info
            return RegisterResponse(
                message.register.worker_id,
                info.version,
                enum_name(models.ServerInfo.Edition, info.edition).lower(),
                info.region,
                info.node_id,
            )
        case "availability":
            job = message.availability.job
            return AvailabilityRequest(
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
            return JobAssignment(
                job.id, job.dispatch_id, job.room.name, message.assignment.url, message.assignment.token
            )
        case "termination":
            return JobTermination(message.termination.job_id)
        case "pong":
            return Pong(message.pong.last_timestamp, message.pong.timestamp)
    return None


def register_message(registration: Registration) -> bytes:
    """A worker's first message."""
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
    """The answer to an offer; the agent will join as `identity`."""
    response = pb.AvailabilityResponse(job_id=job_id, available=available, participant_identity=identity)
    return pb.WorkerMessage(availability=response).SerializeToString()


def load(value: float, *, available: bool = True) -> bytes:
    """A report of the worker's load, from 0 (idle) to 1. The server passes over full workers."""
    status = pb.WorkerStatus.WS_AVAILABLE if available else pb.WorkerStatus.WS_FULL
    return pb.WorkerMessage(update_worker=pb.UpdateWorkerStatus(status=status, load=value)).SerializeToString()


def ping(at_ms: int) -> bytes:
    """A ping with this machine's wall clock in Unix milliseconds."""
    return pb.WorkerMessage(ping=pb.WorkerPing(timestamp=at_ms)).SerializeToString()


REGISTER_TIMEOUT_S = 10.0
"""The server's own limit (livekit-server pkg/agent/worker.go, RegisterTimeout)."""


async def register(
    session: aiohttp.ClientSession, credentials: Credentials, registration: Registration
) -> tuple[aiohttp.ClientWebSocketResponse, RegisterResponse]:
    """Connect and register; return the socket and the server's answer. Raises ConnectionLostError."""
    token = api.AccessToken(credentials.api_key, credentials.api_secret).with_grants(api.VideoGrants(agent=True))
    jwt = token.to_jwt()
    try:
        async with asyncio.timeout(REGISTER_TIMEOUT_S):
            socket = await session.ws_connect(
                f"{credentials.ws_url}/agent",
                params={"protocol": "1"},
                headers={"Authorization": f"Bearer {jwt}"},
                max_msg_size=0,
            )
            await socket.send_bytes(register_message(registration))
            while True:
                message = parse(await socket.receive_bytes())
                if isinstance(message, RegisterResponse):
                    return socket, message
    except (TimeoutError, aiohttp.ClientError, OSError, TypeError, DecodeError) as error:
        # TypeError: aiohttp's receive_bytes, when the server closed the socket instead of answering
        reason = scrub(str(error) or type(error).__name__, [credentials.api_secret, jwt])
        raise ConnectionLostError(
            f"lkdiag's worker could not register with {credentials.host}: {reason}",
            "is the websocket path /agent let through by what stands before the server?",
        ) from None


class Pulse:
    """A worker's pings: they prove that its socket is alive. `samples_clock`: answers are recorded as clock samples."""

    def __init__(
        self, recorder: TrialRecorder, send: Callable[[bytes], Awaitable[bool]], *, samples_clock: bool
    ) -> None:
        self._recorder = recorder
        self._send = send
        self._samples_clock = samples_clock
        self._sent: dict[int, int] = {}
        self._answered = asyncio.Event()

    async def check(self, timeout_s: float) -> bool:
        """Send a ping; whether it is answered within `timeout_s`."""
        self._answered.clear()
        if not await self.beat():
            return False
        try:
            async with asyncio.timeout(timeout_s):
                await self._answered.wait()
        except TimeoutError:
            return False
        return True

    async def beat(self) -> bool:
        """Send a ping; whether it went out."""
        sent_ns = self._recorder.run.now_wall_ns()
        self._sent[sent_ns // 1_000_000] = sent_ns
        return await self._send(ping(sent_ns // 1_000_000))

    def note(self, pong: Pong) -> None:
        """Note an answer."""
        self._answered.set()
        sent_ns = self._sent.pop(pong.sent_ms, None)
        if sent_ns is not None and self._samples_clock:
            self._recorder.record(
                ClockSampled(
                    before_ns=sent_ns,
                    after_ns=self._recorder.run.now_wall_ns(),
                    server_ms=pong.server_ms,
                )
            )

    def forget(self) -> None:
        """Expect no answer to earlier pings."""
        self._sent.clear()


PONG_TIMEOUT_S = 15.0
"""A socket that has received nothing for six pings counts as lost."""
BEAT_INTERVAL_S = 2.5
"""How often it pings and reports its load: as often as livekit-agents (worker.py, UPDATE_STATUS_INTERVAL)."""
PING_TIMEOUT_S = 2.0
"""How long to wait for the answer to a ping. Messages arrive in order: all earlier ones of the server have arrived.

livekit-server answers a registration shortly before it can find the worker (v1.13.5 pkg/service/agentservice.go): a
room created within 2 ms of the answer may never get its job. So lkdiag pings each newly registered worker first."""
RECONNECT_DELAYS_S = (0.2, 0.5, 1.0, 2.0, 5.0)


class WorkerConnection:
    """Keeps a worker registered until it is closed; records each registration and each loss of the socket.

    A `simulated` worker stands for somebody else's: its events are ground truth (`staged.…`), and it takes no clock
    samples. A behaviour can break it on purpose (`behaviours.Line`).
    """

    def __init__(
        self,
        credentials: Credentials,
        recorder: TrialRecorder,
        registration: Registration,
        on_message: Callable[[AvailabilityRequest | JobAssignment | JobTermination], None],
        *,
        simulated: bool = False,
        on_registered: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._credentials = credentials
        self._recorder = recorder
        self._registration = registration
        self._on_message = on_message
        self._simulated = simulated
        self._on_registered = on_registered
        self._registered = asyncio.Event()
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._task: asyncio.Task[None] | None = None
        self._at_work: tuple[asyncio.Task[str], asyncio.Task[None]] | None = None
        self._pulse = Pulse(recorder, self.send, samples_clock=not simulated)
        self._load, self._available = 0.0, True
        self._frozen = False
        self._dropped = asyncio.Event()
        self._back_after_s: float | None = None
        self.worker_id = ""
        """The id that the server gave it; a new one with each registration."""
        self.gone = asyncio.Event()
        """Set when its connection was dropped for good."""

    async def open(self) -> None:
        """Connect and register. Raises ConnectionLostError if the first attempt fails."""
        self.gone.clear()
        session = aiohttp.ClientSession()
        try:
            socket = await self._connect(session)
        except BaseException:
            await session.close()
            raise
        self._task = asyncio.create_task(self._keep(session, socket), name="worker connection")

    async def wait_registered(self, timeout_s: float) -> bool:
        """Whether the worker is registered, now or within `timeout_s`."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._registered.wait()
        except TimeoutError:
            return False
        return True

    async def send(self, payload: bytes) -> bool:
        """Send a message; False if there is no socket, whose loss is recorded anyway."""
        socket = self._socket
        if socket is None or socket.closed or self._frozen:
            return False
        try:
            await socket.send_bytes(payload)
        except (aiohttp.ClientError, OSError):
            return False
        return True

    async def close(self) -> None:
        """Disconnect for good."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    # -- broken on purpose (behaviours.Line) -----------------------------------------------------------------------

    async def report_load(self, load: float, *, available: bool) -> None:
        """Report this load and status now, and every BEAT_INTERVAL_S."""
        if (self._load, self._available) != (load, available):
            self._recorder.record(StagedLoadReported(worker_id=self.worker_id, load=load, available=available))
        self._load, self._available = load, available
        await self._send_load()

    async def drop(self, back_after_s: float | None) -> None:
        """Cut the connection without a goodbye, as a killed process does; reconnect after that time, or never."""
        self._recorder.record(StagedDropped(worker_id=self.worker_id, back_after_s=back_after_s))
        self._back_after_s = back_after_s
        self._dropped.set()
        self._stop_work()
        connection = None if self._socket is None else self._socket.get_extra_info("socket")
        if connection is not None:
            with contextlib.suppress(OSError):  # already lost
                connection.shutdown(sockets.SHUT_RDWR)

    async def freeze(self) -> None:
        """Stop reading and writing; the connection stays open."""
        self._recorder.record(StagedFroze(worker_id=self.worker_id))
        self._frozen = True
        self._stop_work()

    async def become(self, *, hidden: bool) -> None:
        """Be a working worker with (or without) hidden agents: register again if necessary.

        Raises ConnectionLostError if that fails.
        """
        await self.report_load(0.0, available=True)
        if self._frozen or self.gone.is_set() or self._registration.hidden != hidden:
            self._registration = dataclasses.replace(self._registration, hidden=hidden)
            await self.close()
            await self.open()
        elif self._on_registered is not None:
            await self._on_registered()

    # -- registered ------------------------------------------------------------------------------------------------

    async def _connect(self, session: aiohttp.ClientSession) -> aiohttp.ClientWebSocketResponse:
        """Connect and register; the socket."""
        socket, response = await register(session, self._credentials, self._registration)
        self._frozen = False
        self._dropped.clear()
        self._socket, self.worker_id = socket, response.worker_id
        self._record(
            worker_kinds.Registered,
            worker_id=response.worker_id,
            agent_name=self._registration.agent_name,
            job_type=self._registration.job_type,
            server={
                "version": response.version,
                "edition": response.edition,
                "region": response.region,
                "node_id": response.node_id,
            },
        )
        if self._on_registered is not None:
            await self._on_registered()
        await self._send_load()
        self._registered.set()
        return socket

    async def _keep(self, session: aiohttp.ClientSession, socket: aiohttp.ClientWebSocketResponse) -> None:
        async with session:
            while True:
                reason = await self._serve(socket)
                self._record(SocketLost, agent_name=self._registration.agent_name, reason=reason)
                if not self._dropped.is_set():
                    socket = await self._reconnect(session, RECONNECT_DELAYS_S[0])
                elif self._back_after_s is not None:
                    socket = await self._reconnect(session, self._back_after_s)
                else:
                    break
        self.gone.set()

    async def _serve(self, socket: aiohttp.ClientWebSocketResponse) -> str:
        """Read and ping until the socket is lost. Returns why."""
        reading = asyncio.create_task(self._read(socket))
        beat = asyncio.create_task(self._beat())
        self._at_work = (reading, beat)
        if self._frozen or self._dropped.is_set():  # right after the registration
            self._stop_work()
        try:
            await asyncio.wait({reading})
            if not reading.cancelled():
                return reading.result()
            await self._dropped.wait()  # a frozen worker does not notice that the socket is lost
            return "dropped"
        finally:
            self._stop_work()
            self._at_work = None
            await asyncio.gather(reading, beat, return_exceptions=True)
            self._registered.clear()
            self._pulse.forget()
            self._socket = None
            await socket.close()

    def _stop_work(self) -> None:
        for task in self._at_work or ():
            task.cancel()

    async def _reconnect(self, session: aiohttp.ClientSession, first_delay_s: float) -> aiohttp.ClientWebSocketResponse:
        attempt, delay_s = 0, first_delay_s
        while True:
            await asyncio.sleep(delay_s)
            attempt += 1
            delay_s = RECONNECT_DELAYS_S[min(attempt, len(RECONNECT_DELAYS_S) - 1)]
            try:
                return await self._connect(session)
            except ConnectionLostError as error:
                self._record(ReconnectFailed, attempt=attempt, error=error.message)

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> str:
        """Pass on messages until the socket is lost. Returns why."""
        while True:
            try:
                frame = await socket.receive(timeout=PONG_TIMEOUT_S)
            except TimeoutError:
                return f"nothing heard for {PONG_TIMEOUT_S:g} s"
            if frame.type is not aiohttp.WSMsgType.BINARY:
                if frame.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.PING, aiohttp.WSMsgType.PONG):
                    continue
                return f"closed ({frame.type.name.lower()}, code {socket.close_code})"
            try:
                message = parse(frame.data)
            except DecodeError:
                self._record(MessageUnreadable, size=len(frame.data))
                continue
            if isinstance(message, Pong):
                self._pulse.note(message)
            elif isinstance(message, AvailabilityRequest | JobAssignment | JobTermination):
                self._on_message(message)

    async def ping(self, timeout_s: float = PING_TIMEOUT_S) -> bool:
        """Send a ping; whether it is answered within `timeout_s`. The answer is recorded as a clock sample."""
        return await self._pulse.check(timeout_s)

    async def _beat(self) -> None:
        """Ping, and report the load as every worker does, every BEAT_INTERVAL_S."""
        while True:
            await self._pulse.beat()
            await self._send_load()
            await asyncio.sleep(BEAT_INTERVAL_S)

    async def _send_load(self) -> bool:
        return await self.send(load(self._load, available=self._available))

    def _record(self, what: type[WorkerRow], **data: Any) -> None:
        self._recorder.record(what.for_who("staged" if self._simulated else "worker")(**data))
