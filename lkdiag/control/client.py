"""LiveKit's HTTP API as the trials need it: one attempt a call, and every attempt recorded."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Self, TypeVar

import aiohttp
from google.protobuf.message import DecodeError
from livekit import api

from lkdiag.control import rate_limit
from lkdiag.control.roll import Roll
from lkdiag.control.room_clients import RoomClients
from lkdiag.errors import LkdiagError
from lkdiag.secrecy.scrubber import scrub

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence
    from types import TracebackType

    from lkdiag.settings import Credentials
    from lkdiag.timeline import TrialRecorder

T = TypeVar("T")

CALL_TIMEOUT_S = 10.0
"""For one call. livekit-api 1.2.2 hands aiohttp `timeout=None` with each request, which turns its session's own off
(twirp_client.py): a network that swallows everything would hold a call for ever."""


class ApiCallError(LkdiagError):
    """A call was refused or not answered. `code` is Twirp's (`unavailable`, …), or `unreachable`."""

    def __init__(self, method: str, code: str, status: int | None, reason: str) -> None:
        super().__init__(f"{method} failed: {reason} ({code}{f', HTTP {status}' if status else ''})")
        self.method = method
        self.code = code
        self.status = status
        self.reason = reason

    @property
    def unreachable(self) -> bool:
        """The server did not answer at all."""
        return self.status is None

    @property
    def rate_limited(self) -> bool:
        """Refused because lkdiag, or others of the project, made too many calls: says nothing of what was asked."""
        return self.status == rate_limit.STATUS


class Control:
    """The API client of a run. Every call is an event `api.called`, with its duration, whether it failed or not.

    The library's own retries are off (`failover=False`): a trial is never retried behind the user's back. After a
    refusal for the rate of calls (HTTP 429) all calls wait as long as the server said, which is an event `api.held`.
    """

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._session: aiohttp.ClientSession | None = None
        self._api: api.LiveKitAPI | None = None
        self._rooms: RoomClients | None = None
        self._limit = rate_limit.RateLimit()
        self._roll = Roll(self._sids_there)
        self._answer_times_ms: list[float] = []

    def take_answer_times(self) -> list[float]:
        """How long each call took, in milliseconds, since this was asked last."""
        taken, self._answer_times_ms = self._answer_times_ms, []
        return taken

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(raise_for_status=rate_limit.note_response)
        self._api = api.LiveKitAPI(
            self._credentials.http_url,
            self._credentials.api_key,
            self._credentials.api_secret,
            session=self._session,
            failover=False,
        )
        self._rooms = RoomClients(self._credentials, self._session)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    @property
    def _client(self) -> api.LiveKitAPI:
        assert self._api is not None, "used outside its `async with`"
        return self._api

    def _of(self, room: str) -> api.LiveKitAPI:
        assert self._rooms is not None, "used outside its `async with`"
        return self._rooms.of(room)

    async def create_room(
        self,
        recorder: TrialRecorder,
        name: str,
        *,
        empty_timeout_s: int,
        departure_timeout_s: int,
        dispatches: Sequence[tuple[str, str]] = (),
        known_sid: str | None = None,
    ) -> api.Room:
        """Create a room; `dispatches` are (agent name, metadata). Raises ApiCallError.

        `known_sid` is that of a room which is there already under this name: the server then gives that one back.
        """
        request = api.CreateRoomRequest(
            name=name,
            empty_timeout=empty_timeout_s,
            departure_timeout=departure_timeout_s,
            agents=[api.RoomAgentDispatch(agent_name=agent, metadata=metadata) for agent, metadata in dispatches],
        )
        before_ns = recorder.run.now_wall_ns()
        room = await self._call(recorder, "CreateRoom", self._of(name).room.create_room(request), room=name)
        about = {"room": name, "sid": room.sid, "creation_time_ms": room.creation_time_ms}
        if room.sid == known_sid:
            recorder.record("room.existed", **about)
        else:
            recorder.record("room.created", **about, before_ns=before_ns)
        return room

    async def find_room(self, recorder: TrialRecorder, name: str) -> api.Room | None:
        """The room of that name, or None. Raises ApiCallError."""
        found = await self._call(
            recorder, "ListRooms", self._of(name).room.list_rooms(api.ListRoomsRequest(names=[name])), room=name
        )
        return next((room for room in found.rooms if room.name == name), None)

    async def is_listed(self, recorder: TrialRecorder, name: str) -> bool:
        """Whether listRooms knows a room. Raises ApiCallError."""
        return await self.room_sid(recorder, name) is not None

    async def room_sid(self, recorder: TrialRecorder, name: str) -> str | None:
        """The SID of the room of that name, or None; several that are asked for at a time share a call.

        Raises ApiCallError.
        """
        return await self._roll.sid_of(recorder, name)

    async def _sids_there(self, recorder: TrialRecorder, names: list[str]) -> dict[str, str]:
        about: dict[str, Any] = {"room": names[0]} if len(names) == 1 else {"rooms": len(names)}
        request = api.ListRoomsRequest(names=names)
        found = await self._call(recorder, "ListRooms", self._of(names[0]).room.list_rooms(request), **about)
        return {room.name: room.sid for room in found.rooms}

    async def delete_room(self, recorder: TrialRecorder, name: str) -> None:
        """Delete a room, and disconnect everybody in it. Raises ApiCallError."""
        await self._call(
            recorder, "DeleteRoom", self._of(name).room.delete_room(api.DeleteRoomRequest(room=name)), room=name
        )

    async def create_dispatch(
        self, recorder: TrialRecorder, room: str, agent_name: str, metadata: str
    ) -> api.AgentDispatch:
        """Dispatch an agent to a room that exists. Raises ApiCallError."""
        request = api.CreateAgentDispatchRequest(room=room, agent_name=agent_name, metadata=metadata)
        return await self._call(
            recorder, "CreateDispatch", self._of(room).agent_dispatch.create_dispatch(request), room=room
        )

    async def list_dispatch(self, recorder: TrialRecorder, room: str) -> list[api.AgentDispatch]:
        """Every dispatch of a room that exists, with its jobs. Raises ApiCallError."""
        return await self._call(recorder, "ListDispatch", self._of(room).agent_dispatch.list_dispatch(room), room=room)

    async def list_participants(self, recorder: TrialRecorder, room: str) -> list[api.ParticipantInfo]:
        """Who is in a room; empty for a room that does not exist. Raises ApiCallError."""
        request = api.ListParticipantsRequest(room=room)
        found = await self._call(
            recorder, "ListParticipants", self._of(room).room.list_participants(request), room=room
        )
        return list(found.participants)

    async def move_participant(self, recorder: TrialRecorder, room: str, identity: str, destination: str) -> None:
        """Move a participant to another room; LiveKit Cloud only. Raises ApiCallError."""
        request = api.MoveParticipantRequest(room=room, identity=identity, destination_room=destination)
        await self._call(recorder, "MoveParticipant", self._client.room.move_participant(request), room=room)

    async def remove_participant(self, recorder: TrialRecorder, room: str, identity: str) -> None:
        """Put a participant out of a room. Raises ApiCallError."""
        request = api.RoomParticipantIdentity(room=room, identity=identity)
        await self._call(recorder, "RemoveParticipant", self._client.room.remove_participant(request), room=room)

    async def list_rooms(self, recorder: TrialRecorder, prefix: str) -> list[api.Room]:
        """Every room whose name begins so. Raises ApiCallError."""
        found = await self._call(recorder, "ListRooms", self._client.room.list_rooms(api.ListRoomsRequest()))
        return [room for room in found.rooms if room.name.startswith(prefix)]

    async def _call(self, recorder: TrialRecorder, method: str, call: Coroutine[Any, Any, T], **about: Any) -> T:
        try:
            await self._keep_quiet(recorder, method)
        except asyncio.CancelledError:
            call.close()
            raise
        heard = rate_limit.listen()
        began_ns = recorder.run.now_mono_ns()

        def record(**result: Any) -> None:
            duration_ms = round((recorder.run.now_mono_ns() - began_ns) / 1e6, 2)
            self._answer_times_ms.append(duration_ms)
            # one attempt: the library's retries are off
            recorder.record(
                "api.called", method=method, **about, began_mono_ns=began_ns, duration_ms=duration_ms,
                attempts=1, **result,
            )  # fmt: skip

        try:
            async with asyncio.timeout(CALL_TIMEOUT_S):
                answer = await call
        except api.TwirpError as error:
            reason = self._clean(error.message)
            if error.status == rate_limit.STATUS:
                reason = reason or "too many calls"
                retry_after_s = rate_limit.parse_retry_after_s(heard[-1]) if heard else None
                self._limit.note_refusal(began_ns, recorder.run.now_mono_ns(), retry_after_s)
                # a proxy's answer has no code of Twirp's
                record(ok=False, code=rate_limit.CODE, status=error.status, error=reason, retry_after_s=retry_after_s)
                raise ApiCallError(method, rate_limit.CODE, error.status, reason) from None
            record(ok=False, code=error.code, status=error.status, error=reason)
            raise ApiCallError(method, error.code, error.status, reason) from None
        except DecodeError:
            record(ok=False, code="malformed", error="the answer is not LiveKit's")
            raise ApiCallError(method, "malformed", 200, "the answer is not LiveKit's") from None
        except asyncio.CancelledError:
            record(ok=False, code="cancelled", error="given up by lkdiag")
            raise
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            said = getattr(error, "strerror", None) or str(error)  # aiohttp's own text names its objects
            reason = self._clean(str(said)) or f"no answer within {CALL_TIMEOUT_S:g} s"
            record(ok=False, code="unreachable", error=reason)
            raise ApiCallError(method, "unreachable", None, reason) from None
        self._limit.note_answer(began_ns)
        record(ok=True)
        return answer

    async def _keep_quiet(self, recorder: TrialRecorder, method: str) -> None:
        clock = recorder.run.now_mono_ns
        while wait_s := self._limit.wait_s(clock()):
            recorder.record("api.held", method=method, for_s=round(wait_s, 3))
            await asyncio.sleep(wait_s)

    def _clean(self, text: str) -> str:
        return scrub(text, [self._credentials.api_secret])
