"""The worker's websocket: connect, register, ping, and hand on what arrives; connect again when it is lost."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import aiohttp
from google.protobuf.message import DecodeError
from livekit import api

from lkdiag.errors import ConnectionLostError
from lkdiag.settings import scrub
from lkdiag.worker import protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from lkdiag.scenario.dispatch import JobType
    from lkdiag.settings import Credentials
    from lkdiag.timeline import Recorder

REGISTER_TIMEOUT_S = 10.0
"""The server's own limit (livekit-server pkg/agent/worker.go, RegisterTimeout)."""
PONG_TIMEOUT_S = 15.0
"""A socket that has said nothing for six pings is taken for dead."""
BEAT_INTERVAL_S = 2.5
"""How often it pings and reports its load; livekit-agents does so as often (worker.py, UPDATE_STATUS_INTERVAL)."""
RECONNECT_DELAYS_S = (0.2, 0.5, 1.0, 2.0, 5.0)


class WorkerConnection:
    """Keeps a worker registered under `agent_name` until closed, and records every change of that."""

    def __init__(
        self,
        credentials: Credentials,
        recorder: Recorder,
        agent_name: str,
        job_type: JobType,
        version: str,
        on_message: Callable[[protocol.Offered | protocol.Assigned | protocol.Terminated], None],
    ) -> None:
        self._credentials = credentials
        self._recorder = recorder
        self._agent_name = agent_name
        self._job_type = job_type
        self._version = version
        self._on_message = on_message
        self._registered = asyncio.Event()
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._task: asyncio.Task[None] | None = None
        self._pings: dict[int, int] = {}
        self._ponged = asyncio.Event()

    async def open(self) -> None:
        """Connect and register. Raises ConnectionLostError when the first attempt fails."""
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
        if socket is None or socket.closed:
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

    async def _connect(self, session: aiohttp.ClientSession) -> aiohttp.ClientWebSocketResponse:
        """A socket on which the server has answered the registration."""
        credentials = self._credentials
        token = (
            api.AccessToken(credentials.api_key, credentials.api_secret)
            .with_grants(api.VideoGrants(agent=True))
            .to_jwt()
        )
        try:
            async with asyncio.timeout(REGISTER_TIMEOUT_S):
                socket = await session.ws_connect(
                    f"{credentials.ws_url}/agent",
                    params={"protocol": "1"},
                    headers={"Authorization": f"Bearer {token}"},
                    max_msg_size=0,
                )
                await socket.send_bytes(protocol.register(self._agent_name, self._job_type, self._version))
                while True:
                    message = protocol.parse(await socket.receive_bytes())
                    if isinstance(message, protocol.Registered):
                        break
                await socket.send_bytes(protocol.load(0.0))
        except (TimeoutError, aiohttp.ClientError, OSError, TypeError, DecodeError) as error:
            # TypeError: aiohttp's receive_bytes, when the server closed the socket instead of answering
            reason = scrub(str(error) or type(error).__name__, [credentials.api_secret, token])
            raise ConnectionLostError(
                f"lkdiag's worker could not register with {credentials.host}: {reason}",
                "is the websocket path /agent let through by what stands before the server?",
            ) from None
        self._socket = socket
        self._recorder.record(
            "worker.registered",
            worker_id=message.worker_id,
            agent_name=self._agent_name,
            job_type=self._job_type,
            server={
                "version": message.version,
                "edition": message.edition,
                "region": message.region,
                "node_id": message.node_id,
            },
        )
        self._registered.set()
        return socket

    async def _keep(self, session: aiohttp.ClientSession, socket: aiohttp.ClientWebSocketResponse) -> None:
        async with session:
            while True:
                beat = asyncio.create_task(self._beat())
                try:
                    reason = await self._read(socket)
                finally:
                    beat.cancel()
                    await asyncio.gather(beat, return_exceptions=True)
                    self._registered.clear()
                    self._pings.clear()
                    self._socket = None
                    await socket.close()
                self._recorder.record("worker.disconnected", agent_name=self._agent_name, reason=reason)
                socket = await self._reconnect(session)

    async def _reconnect(self, session: aiohttp.ClientSession) -> aiohttp.ClientWebSocketResponse:
        attempt = 0
        while True:
            await asyncio.sleep(RECONNECT_DELAYS_S[min(attempt, len(RECONNECT_DELAYS_S) - 1)])
            attempt += 1
            try:
                return await self._connect(session)
            except ConnectionLostError as error:
                self._recorder.record("worker.reconnect_failed", attempt=attempt, error=error.message)

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
                self._recorder.record("worker.message_unreadable", size=len(frame.data))
                continue
            if isinstance(message, protocol.Pong):
                self._note_clock(message)
            elif isinstance(message, protocol.Offered | protocol.Assigned | protocol.Terminated):
                self._on_message(message)

    async def ping(self, timeout_s: float) -> bool:
        """Whether a ping that is sent now is answered within `timeout_s`; the answer is recorded as a clock sample."""
        self._ponged.clear()
        if not await self._send_ping():
            return False
        try:
            async with asyncio.timeout(timeout_s):
                await self._ponged.wait()
        except TimeoutError:
            return False
        return True

    async def _beat(self) -> None:
        """Pings for the clock and for life; the load, because a worker that never reports one looks odd."""
        while True:
            await self._send_ping()
            await self.send(protocol.load(0.0))
            await asyncio.sleep(BEAT_INTERVAL_S)

    async def _send_ping(self) -> bool:
        sent_ns = self._recorder.now_wall_ns()
        self._pings[sent_ns // 1_000_000] = sent_ns
        return await self.send(protocol.ping(sent_ns // 1_000_000))

    def _note_clock(self, pong: protocol.Pong) -> None:
        self._ponged.set()
        sent_ns = self._pings.pop(pong.sent_ms, None)
        if sent_ns is not None:
            self._recorder.record(
                "clock.sampled",
                before_ns=sent_ns,
                after_ns=self._recorder.now_wall_ns(),
                server_ms=pong.server_ms,
            )
