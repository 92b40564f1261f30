"""A worker's websocket: the worker protocol's messages, registering, pings, and connecting again.

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


# LiveKit's worker protocol as messages: what a worker says, and what it is told. No I/O.
#
# Source: livekit/protocol protobufs/livekit_agent.proto; the server's side in livekit-server pkg/agent/worker.go
# (v1.13.5).

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


def register_message(registration: Registration) -> bytes:
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


# A worker's first exchange with the server: connect, register, and hear what it answers.

REGISTER_TIMEOUT_S = 10.0
"""The server's own limit (livekit-server pkg/agent/worker.go, RegisterTimeout)."""


async def register(
    session: aiohttp.ClientSession, credentials: Credentials, registration: Registration
) -> tuple[aiohttp.ClientWebSocketResponse, Registered]:
    """A socket on which the server has answered the registration. Raises ConnectionLostError."""
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
                if isinstance(message, Registered):
                    return socket, message
    except (TimeoutError, aiohttp.ClientError, OSError, TypeError, DecodeError) as error:
        # TypeError: aiohttp's receive_bytes, when the server closed the socket instead of answering
        reason = scrub(str(error) or type(error).__name__, [credentials.api_secret, jwt])
        raise ConnectionLostError(
            f"lkdiag's worker could not register with {credentials.host}: {reason}",
            "is the websocket path /agent let through by what stands before the server?",
        ) from None


# A worker's pings: proof of life, and samples of the server's clock.


class Pulse:
    """Sends pings and takes their answers. `samples_clock`: whether each answer is recorded as a clock sample."""

    def __init__(
        self, recorder: TrialRecorder, send: Callable[[bytes], Awaitable[bool]], *, samples_clock: bool
    ) -> None:
        self._recorder = recorder
        self._send = send
        self._samples_clock = samples_clock
        self._sent: dict[int, int] = {}
        self._answered = asyncio.Event()

    async def check(self, timeout_s: float) -> bool:
        """Whether a ping that is sent now is answered within `timeout_s`."""
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
        """An answer came."""
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
        """Nothing that was sent so far will be answered."""
        self._sent.clear()


# The worker's websocket: register, ping, and hand on what arrives; connect again when it is lost.

PONG_TIMEOUT_S = 15.0
"""A socket that has said nothing for six pings is taken for dead."""
BEAT_INTERVAL_S = 2.5
"""How often it pings and reports its load; livekit-agents does so as often (worker.py, UPDATE_STATUS_INTERVAL)."""
PING_TIMEOUT_S = 2.0
"""How long an answer to a ping is waited for. It comes in order: what the server had to say before has been said.

livekit-server answers a registration a moment before the worker can be found (v1.13.5 pkg/service/agentservice.go): a
room that is made within 2 ms of the answer may never get its job. So a worker that has registered is pinged first."""
RECONNECT_DELAYS_S = (0.2, 0.5, 1.0, 2.0, 5.0)


class WorkerConnection:
    """Keeps a worker registered until closed, and records every change of that.

    A `staged` one plays somebody else's worker: what it records is ground truth (`staged.…`), and its clock samples are
    nobody's. It can be broken on purpose, by what `behaviour.base.Line` asks for.
    """

    def __init__(
        self,
        credentials: Credentials,
        recorder: TrialRecorder,
        registration: Registration,
        on_message: Callable[[Offered | Assigned | Terminated], None],
        *,
        staged: bool = False,
        on_registered: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._credentials = credentials
        self._recorder = recorder
        self._registration = registration
        self._on_message = on_message
        self._staged = staged
        self._on_registered = on_registered
        self._registered = asyncio.Event()
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._task: asyncio.Task[None] | None = None
        self._at_work: tuple[asyncio.Task[str], asyncio.Task[None]] | None = None
        self._pulse = Pulse(recorder, self.send, samples_clock=not staged)
        self._load, self._available = 0.0, True
        self._frozen = False
        self._dropped = asyncio.Event()
        self._back_after_s: float | None = None
        self.worker_id = ""
        """That the server gave to it last; a new one with each registration."""
        self.gone = asyncio.Event()
        """Set when it was dropped, not to come back."""

    async def open(self) -> None:
        """Connect and register. Raises ConnectionLostError when the first attempt fails."""
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
        """Send a message; False when the socket is not there, which is recorded as its loss anyway."""
        socket = self._socket
        if socket is None or socket.closed or self._frozen:
            return False
        try:
            await socket.send_bytes(payload)
        except (aiohttp.ClientError, OSError):
            return False
        return True

    async def close(self) -> None:
        """Leave, for good."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    # -- broken on purpose (behaviour.base.Line) -------------------------------------------------------------------

    async def report_load(self, load: float, *, available: bool) -> None:
        """Report this load and status, now and with each beat from now on."""
        if (self._load, self._available) != (load, available):
            self._recorder.record(StagedLoadReported(worker_id=self.worker_id, load=load, available=available))
        self._load, self._available = load, available
        await self._send_load()

    async def drop(self, back_after_s: float | None) -> None:
        """Cut the connection without a goodbye, as a killed process does; come back after that time, or never."""
        self._recorder.record(StagedDropped(worker_id=self.worker_id, back_after_s=back_after_s))
        self._back_after_s = back_after_s
        self._dropped.set()
        self._stop_work()
        connection = None if self._socket is None else self._socket.get_extra_info("socket")
        if connection is not None:
            with contextlib.suppress(OSError):  # lost already
                connection.shutdown(sockets.SHUT_RDWR)

    async def freeze(self) -> None:
        """Read and write nothing more; the connection stays open."""
        self._recorder.record(StagedFroze(worker_id=self.worker_id))
        self._frozen = True
        self._stop_work()

    async def become(self, *, hidden: bool) -> None:
        """Be a worker that is fit to serve, with agents of that kind: register again if need be.

        Raises ConnectionLostError when it had to, and could not.
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
        """A socket on which the server has answered the registration."""
        socket, told = await register(session, self._credentials, self._registration)
        self._frozen = False
        self._dropped.clear()
        self._socket, self.worker_id = socket, told.worker_id
        self._record(
            worker_kinds.Registered,
            worker_id=told.worker_id,
            agent_name=self._registration.agent_name,
            job_type=self._registration.job_type,
            server={
                "version": told.version,
                "edition": told.edition,
                "region": told.region,
                "node_id": told.node_id,
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
        """Read and ping until the socket is lost; why it was."""
        reading = asyncio.create_task(self._read(socket))
        beat = asyncio.create_task(self._beat())
        self._at_work = (reading, beat)
        if self._frozen or self._dropped.is_set():  # as soon as it had registered
            self._stop_work()
        try:
            await asyncio.wait({reading})
            if not reading.cancelled():
                return reading.result()
            await self._dropped.wait()  # who is frozen does not even notice that the socket is lost
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
        """Hand on messages until the socket is lost; why it was."""
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
            elif isinstance(message, Offered | Assigned | Terminated):
                self._on_message(message)

    async def ping(self, timeout_s: float = PING_TIMEOUT_S) -> bool:
        """Whether a ping that is sent now is answered within `timeout_s`; the answer is recorded as a clock sample."""
        return await self._pulse.check(timeout_s)

    async def _beat(self) -> None:
        """Pings for the clock and for life; the load, because a worker that never reports one looks odd."""
        while True:
            await self._pulse.beat()
            await self._send_load()
            await asyncio.sleep(BEAT_INTERVAL_S)

    async def _send_load(self) -> bool:
        return await self.send(load(self._load, available=self._available))

    def _record(self, what: type[WorkerRow], **data: Any) -> None:
        self._recorder.record(what.for_who("staged" if self._staged else "worker")(**data))
