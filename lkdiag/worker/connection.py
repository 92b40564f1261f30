"""The worker's websocket: register, ping, and hand on what arrives; connect again when it is lost."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import socket as sockets
from typing import TYPE_CHECKING

import aiohttp
from google.protobuf.message import DecodeError

from lkdiag.errors import ConnectionLostError
from lkdiag.worker import handshake, protocol
from lkdiag.worker.pulse import Pulse

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from lkdiag.settings import Credentials
    from lkdiag.timeline import TrialRecorder

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
        registration: protocol.Registration,
        on_message: Callable[[protocol.Offered | protocol.Assigned | protocol.Terminated], None],
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
            self._record("load_reported", worker_id=self.worker_id, load=load, available=available)
        self._load, self._available = load, available
        await self._send_load()

    async def drop(self, back_after_s: float | None) -> None:
        """Cut the connection without a goodbye, as a killed process does; come back after that time, or never."""
        self._record("dropped", worker_id=self.worker_id, back_after_s=back_after_s)
        self._back_after_s = back_after_s
        self._dropped.set()
        self._stop_work()
        connection = None if self._socket is None else self._socket.get_extra_info("socket")
        if connection is not None:
            with contextlib.suppress(OSError):  # lost already
                connection.shutdown(sockets.SHUT_RDWR)

    async def freeze(self) -> None:
        """Read and write nothing more; the connection stays open."""
        self._record("froze", worker_id=self.worker_id)
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
        socket, told = await handshake.register(session, self._credentials, self._registration)
        self._frozen = False
        self._dropped.clear()
        self._socket, self.worker_id = socket, told.worker_id
        self._record(
            "registered",
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
                self._record("disconnected", agent_name=self._registration.agent_name, reason=reason)
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
                self._record("reconnect_failed", attempt=attempt, error=error.message)

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
                message = protocol.parse(frame.data)
            except DecodeError:
                self._record("message_unreadable", size=len(frame.data))
                continue
            if isinstance(message, protocol.Pong):
                self._pulse.note(message)
            elif isinstance(message, protocol.Offered | protocol.Assigned | protocol.Terminated):
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
        return await self.send(protocol.load(self._load, available=self._available))

    def _record(self, what: str, **data: object) -> None:
        self._recorder.record(f"staged.{what}" if self._staged else f"worker.{what}", **data)
