"""LiveKit's signalling without media: a server's answer to a join, and a participant by signalling alone."""

from __future__ import annotations

import asyncio
import datetime
from typing import TYPE_CHECKING, Any, Self

import aiohttp
from google.protobuf.message import DecodeError
from livekit import api
from livekit.protocol.models import DisconnectReason
from livekit.protocol.rtc import JoinResponse, LeaveRequest, Ping, SignalRequest, SignalResponse

from lkdiag.client.participant import JoinError
from lkdiag.journal.participant_kinds import Disconnected, Joined, JoinFailed, Joining, LeaveTimedOut, OwnParticipant
from lkdiag.privacy.secrets import scrub
from lkdiag.text import enum_name

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from lkdiag.journal.recorder import TrialRecorder
    from lkdiag.settings import Credentials


PROTOCOL = "16"
"""Client protocol, as of livekit-server v1.13.5 (pkg/rtc/types/protocol_version.go)."""
PARAMS = {"protocol": PROTOCOL, "auto_subscribe": "0", "sdk": "python"}
"""What every join says of its client."""
CONNECT_TIMEOUT_S = 5.0


async def read_server_info(credentials: Credentials, room: str) -> dict[str, str] | None:
    """Version, edition, region and node of the server, from its answer to a join of `room`; None without an answer.

    The join creates the room, with an agent name that does not exist, so that no worker of the project starts. The
    caller has to delete the room.
    """
    config = api.RoomConfiguration(
        empty_timeout=10, departure_timeout=1, agents=[api.RoomAgentDispatch(agent_name=f"{room}-nobody")]
    )
    token = (
        api.AccessToken(credentials.api_key, credentials.api_secret)
        .with_identity("lkdiag-signal")
        .with_ttl(datetime.timedelta(minutes=1))
        .with_grants(api.VideoGrants(room_join=True, room=room, hidden=True))
        .with_room_config(config)
        .to_jwt()
    )
    try:
        joined = await join_by_signal(credentials, token)
    except (aiohttp.ClientError, OSError, TimeoutError, TypeError, DecodeError):
        # only a description: a run without it says so, and goes on
        return None
    return describe_server(joined)


async def join_by_signal(credentials: Credentials, token: str) -> JoinResponse:
    """Join by the websocket alone, and leave at once; the server's answer.

    Raises TimeoutError; aiohttp.ClientError and OSError without a websocket; TypeError (of aiohttp's receive_bytes) or
    DecodeError if it was closed instead of answered.
    """
    async with (
        asyncio.timeout(CONNECT_TIMEOUT_S),
        aiohttp.ClientSession() as session,
        session.ws_connect(
            f"{credentials.ws_url}/rtc",
            params=PARAMS,
            headers={"Authorization": f"Bearer {token}"},
        ) as socket,
    ):
        while True:
            response = SignalResponse.FromString(await socket.receive_bytes())
            if response.WhichOneof("message") == "join":
                return response.join


def describe_server(joined: JoinResponse) -> dict[str, str]:
    """The server's description of itself."""
    info = joined.server_info
    return {
        "version": info.version,
        "edition": enum_name(type(info).Edition, info.edition).lower(),
        "region": info.region,
        "node_id": info.node_id,
    }


# How livekit-server v1.13.5 treats a participant without media (from its source, and measured):
# - It has its `joined_at_ms`, its kind and its attributes, and stays in the state JOINED: ACTIVE comes with media.
# - After 60 s it is removed because it is not active (pkg/rtc/room.go, Join; the reason is JOIN_FAILURE).
# - It is gone at once when its socket is lost (pkg/rtc/participant.go, HandleSignalSourceClose): the server does not
#   wait for anybody without media.
# - Its webhook is `participant_connection_aborted`, when it is gone (pkg/telemetry/events.go, ParticipantLeft); and
#   other clients may not be told of it.

JOIN_TIMEOUT_S = 20.0
LEAVE_TIMEOUT_S = 5.0
PING_INTERVAL_S = 5
PING_TIMEOUT_S = 15
"""If the server names none; as in livekit-server v1.13.5 (pkg/rtc/participant.go)."""


class SignalJoiner:
    """Makes participants by signalling alone. They share a client session; each has one socket."""

    has_media = False

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    def participant(self, recorder: TrialRecorder, who: str, **about: str) -> SignalParticipant:
        """A participant without media."""
        return SignalParticipant(self._session, recorder, who, **about)


class SignalParticipant:
    """A participant by signalling alone: listed and counted in the room, but without media.

    `who` begins the kinds of its events; `about` holds fields of each.
    """

    def __init__(self, session: aiohttp.ClientSession, recorder: TrialRecorder, who: str, **about: str) -> None:
        self._session = session
        self._recorder = recorder
        self._who = who
        self._about = about
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._reading: asyncio.Task[None] | None = None
        self._begun = False
        self._settled = asyncio.Event()
        self._reason = ""
        self.gone = asyncio.Event()
        """Set when it was disconnected, by itself or by the server."""

    async def join(
        self,
        url: str,
        token: str,
        on_agent_track: Callable[[str, str], None] | None = None,  # noqa: ARG002
    ) -> None:
        """Join. `on_agent_track` is never called: without media the server reports other participants late.

        Raises JoinError if the server or the network prevents it.
        """
        self._begun = True
        self._record(Joining)
        try:
            async with asyncio.timeout(JOIN_TIMEOUT_S):
                joined = await self._connect(url, token)
        except (aiohttp.ClientError, OSError, TimeoutError, DecodeError) as error:
            await self._close()
            reason = scrub(_reason_of(error), [token])
            self._record(JoinFailed, error=reason)
            raise JoinError(f"the {self._who} could not join: {reason}") from None
        except asyncio.CancelledError:
            await self._close()
            raise
        finally:
            self._settled.set()
        me = joined.participant
        self._record(Joined, identity=me.identity, sid=me.sid, by="signal")
        self._reading = asyncio.create_task(self._read(joined), name=f"{self._who} listens")

    async def _connect(self, url: str, token: str) -> JoinResponse:
        self._socket = await self._session.ws_connect(
            f"{url.rstrip('/')}/rtc",
            params=PARAMS,
            headers={"Authorization": f"Bearer {token}"},
        )
        while True:
            frame = await self._socket.receive()
            if frame.type is not aiohttp.WSMsgType.BINARY:
                raise aiohttp.ClientError(f"closed instead of answered (code {self._socket.close_code})")
            response = SignalResponse.FromString(frame.data)
            if response.HasField("join"):
                return response.join
            if response.HasField("leave"):
                raise aiohttp.ClientError(f"refused: {enum_name(DisconnectReason, response.leave.reason)}")

    async def wait_connected(self, timeout_s: float) -> None:
        """Wait until a join in progress has succeeded or failed, or the time is up."""
        if self._begun:
            try:
                async with asyncio.timeout(timeout_s):
                    await self._settled.wait()
            except TimeoutError:
                return

    async def leave(self) -> None:
        """Leave if still in the room, wait until disconnected, and free everything."""
        if self._reading is not None:
            if not self.gone.is_set():
                self._reason = "CLIENT_INITIATED"
                bye = LeaveRequest(reason=DisconnectReason.CLIENT_INITIATED, action=LeaveRequest.Action.DISCONNECT)
                await self._send(SignalRequest(leave=bye))
            try:
                async with asyncio.timeout(LEAVE_TIMEOUT_S):
                    await self.gone.wait()
            except TimeoutError:
                self._record(LeaveTimedOut, timeout_s=LEAVE_TIMEOUT_S)
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
            self._reading = None
        await self._close()

    async def publish_audio(self) -> None:
        """Not possible without media."""
        raise NotImplementedError("a participant by signalling alone can't publish")

    def sees(self) -> set[str]:
        """Not possible: without media the server reports other participants late."""
        raise NotImplementedError("a participant by signalling alone is no witness of others")

    # -- in the room ---------------------------------------------------------------------------------------------

    async def _read(self, joined: JoinResponse) -> None:
        """Read until the socket is lost, or nothing has arrived for too long."""
        assert self._socket is not None, "it has joined"
        interval_s = joined.ping_interval or PING_INTERVAL_S
        silent_s = 0
        try:
            while True:
                try:
                    frame = await self._socket.receive(timeout=interval_s)
                except TimeoutError:
                    silent_s += interval_s
                    if silent_s > (joined.ping_timeout or PING_TIMEOUT_S):
                        self._reason = f"nothing heard for {silent_s} s"
                        return
                    await self._ping()
                    continue
                silent_s = 0
                if frame.type is not aiohttp.WSMsgType.BINARY:
                    return
                self._note(frame.data)
        finally:
            self._record(Disconnected, reason=self._reason or "SIGNAL_CLOSE")
            self.gone.set()

    def _note(self, data: bytes) -> None:
        try:
            response = SignalResponse.FromString(data)
        except DecodeError:
            return
        if response.HasField("leave") and not self._reason:
            self._reason = enum_name(DisconnectReason, response.leave.reason)

    async def _ping(self) -> None:
        now_ms = self._recorder.run.now_wall_ns() // 1_000_000
        await self._send(SignalRequest(ping=now_ms))  # for old servers; LiveKit's own clients send both
        await self._send(SignalRequest(ping_req=Ping(timestamp=now_ms)))

    async def _send(self, request: SignalRequest) -> None:
        if self._socket is None or self._socket.closed:
            return
        try:
            await self._socket.send_bytes(request.SerializeToString())
        except (aiohttp.ClientError, OSError):
            return  # the reader notices the loss of the socket

    async def _close(self) -> None:
        if self._socket is not None:
            await self._socket.close()
            self._socket = None

    def _record(self, what: type[OwnParticipant], **data: Any) -> None:
        self._recorder.record(what.for_who(self._who)(**self._about, **data))


def _reason_of(error: Exception) -> str:
    """What went wrong, without the library objects that the error's own text names."""
    if isinstance(error, aiohttp.WSServerHandshakeError):
        return f"the server refused it (HTTP {error.status})"
    if isinstance(error, TimeoutError):
        return f"no answer within {JOIN_TIMEOUT_S:g} s"
    return str(getattr(error, "strerror", None) or error) or type(error).__name__
