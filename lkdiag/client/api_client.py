"""LiveKit's HTTP API as the trials need it: one attempt a call, and each attempt is recorded."""

from __future__ import annotations

import asyncio
import datetime
import time
from collections import OrderedDict
from itertools import islice
from typing import TYPE_CHECKING, Any, NoReturn, Self, TypeVar

import aiohttp
from google.protobuf.message import DecodeError
from livekit import api

from lkdiag.client import answers as meaning
from lkdiag.client import call_rate
from lkdiag.client.answers import REPORT_AFTER_S, REPORT_EVERY_S, ServerAbsence
from lkdiag.client.call_rate import RoomListBatcher
from lkdiag.contract import CallFailure
from lkdiag.errors import LkdiagError
from lkdiag.journal.trial_kinds import ApiCalled, ApiHeld, RoomCreated, RoomExisted
from lkdiag.privacy.secrets import scrub
from lkdiag.text import enum_name

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Coroutine, Sequence
    from types import TracebackType

    from lkdiag.journal.recorder import TrialRecorder
    from lkdiag.settings import Credentials


KEPT_MAX = 256
"""How many rooms' tokens are kept: usually more than there are open rooms."""
TOKEN_TTL_S = 3600.0
RENEWED_AFTER_S = 600.0


class RoomClients:
    """One API client a room, for repeated calls about it: to create it, to look at it, to delete it."""

    def __init__(self, credentials: Credentials, session: aiohttp.ClientSession) -> None:
        self._credentials = credentials
        self._session = session
        self._clients: OrderedDict[str, tuple[float, api.LiveKitAPI]] = OrderedDict()

    def of(self, room: str) -> api.LiveKitAPI:
        """A client that may administer that room, and create, delete and list rooms."""
        now_s = time.monotonic()
        made_s, client = self._clients.get(room, (0.0, None))
        if client is None or now_s - made_s > RENEWED_AFTER_S:
            client = api.LiveKitAPI.with_token(
                self._sign(room), self._credentials.http_url, session=self._session, failover=False
            )
            self._clients[room] = (now_s, client)
            if len(self._clients) > KEPT_MAX:
                self._clients.popitem(last=False)
        return client

    def _sign(self, room: str) -> str:
        grants = api.VideoGrants(room_create=True, room_list=True, room_admin=True, room=room)
        return (
            api.AccessToken(self._credentials.api_key, self._credentials.api_secret)
            .with_ttl(datetime.timedelta(seconds=TOKEN_TTL_S))
            .with_grants(grants)
            .to_jwt()
        )


T = TypeVar("T")

NEAR_MS = 10.0
"""A server counts as near below this. On this machine the quickest answer took 0.5 to 2 ms (measured)."""
CALL_TIMEOUT_S = 10.0
"""For one call. livekit-api 1.2.2 passes `timeout=None` with each request, which turns off the timeout of aiohttp's
session (twirp_client.py): in a network that drops all packets a call would wait for ever."""
CONFIRMED_MAX = 3
"""If a list is suddenly empty, this many participants are asked for by name: rooms may be large."""
LOOK_AGAIN_S = 0.5
"""Before the second look for what a call without an answer may have created."""


class ApiCallError(LkdiagError):
    """A call failed; `failure` says how.

    `code` is the Twirp code if LiveKit refused the call (`unavailable`, …), else empty. `status` is the HTTP status, or
    None.
    """

    def __init__(self, method: str, failure: CallFailure, status: int | None, reason: str, code: str = "") -> None:
        word = code or failure.value
        super().__init__(f"{method} failed: {reason} ({word}{f', HTTP {status}' if status else ''})")
        self.method = method
        self.failure = failure
        self.status = status
        self.reason = reason
        self.code = code

    @property
    def says_not_found(self) -> bool:
        """Whether LiveKit says that what was asked for does not exist."""
        return self.code == "not_found"


class Control:
    """The API client of a run. Every call, failed or not, is an event `api.called` with its duration.

    The library's own retries are off (`failover=False`), so that no trial is retried unnoticed. After HTTP 429 (too
    many calls) all calls wait as long as the server has asked, which is an event `api.held`.

    Only a whole, well-formed answer to the question counts (`answers.py`); everything else raises ApiCallError. Even a
    whole answer may be wrong if it is an empty list: where known things are missing, a second call must agree.
    """

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._session: aiohttp.ClientSession | None = None
        self._api: api.LiveKitAPI | None = None
        self._rooms: RoomClients | None = None
        self._limit = call_rate.RateLimit()
        self._away = ServerAbsence()
        self._room_list = RoomListBatcher(self._sids_there)
        self._answer_times_ms: list[float] = []
        self._quickest_ms = float("inf")
        self.unseen_rooms: dict[str, None] = {}
        """Rooms that this run may have created and that were not yet seen to be gone, in order of creation."""

    def given_up(self, now_ns: int) -> str:
        """Why the server counts as gone (`ServerAbsence`); empty while it answers or may come back."""
        return self._away.given_up(now_ns)

    @property
    def is_near(self) -> bool:
        """Whether the server seems to run on this machine. A loopback address alone may be the end of a tunnel."""
        return self._credentials.is_loopback and self._quickest_ms < NEAR_MS

    def take_answer_times(self) -> list[float]:
        """The durations of the calls since the last time this was called, in milliseconds."""
        taken, self._answer_times_ms = self._answer_times_ms, []
        return taken

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(raise_for_status=meaning.examine)
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

        `known_sid` is the SID of an existing room of this name, which the server then returns.
        """
        request = api.CreateRoomRequest(
            name=name,
            empty_timeout=empty_timeout_s,
            departure_timeout=departure_timeout_s,
            agents=[api.RoomAgentDispatch(agent_name=agent, metadata=metadata) for agent, metadata in dispatches],
        )
        before_ns: int | None = recorder.run.now_wall_ns()
        by: str | None = None
        was_unseen = name in self.unseen_rooms
        self.unseen_rooms[name] = None
        try:
            room = await self._call(
                recorder, "CreateRoom", self._of(name).room.create_room(request),
                lambda made: meaning.lacks_of_room(made, name), room=name,
            )  # fmt: skip
        except ApiCallError as error:
            if not error.failure.may_be_done:
                if not was_unseen:
                    del self.unseen_rooms[name]
                raise
            room = await self._find_made(recorder, name, error)
            before_ns, by = None, "look"
        if room.sid == known_sid:
            recorder.record(RoomExisted(room=name, sid=room.sid, creation_time_ms=room.creation_time_ms, by=by))
        else:
            recorder.record(
                RoomCreated(room=name, sid=room.sid, creation_time_ms=room.creation_time_ms, by=by, before_ns=before_ns)
            )
        return room

    async def _find_made(self, recorder: TrialRecorder, name: str, error: ApiCallError) -> api.Room:
        """Find the room that a CreateRoom without an answer has created. Raises `error` if there is none."""
        for pause_s in (0.0, LOOK_AGAIN_S):
            await asyncio.sleep(pause_s)
            try:
                room = await self.find_room(recorder, name, known=False)
            except ApiCallError:
                continue
            if room is not None:
                return room
        raise error

    async def find_room(self, recorder: TrialRecorder, name: str, *, known: bool) -> api.Room | None:
        """The room of that name, or None. Raises ApiCallError.

        A room that is `known` to have existed, or to have been requested, is gone only if a second call agrees.
        """
        for _ in range(2 if known else 1):
            rooms = await self._list_rooms(recorder, [name], room=name)
            if rooms:
                return rooms[0]
        return None

    async def is_listed(self, recorder: TrialRecorder, name: str) -> bool:
        """Whether listRooms has a room. Raises ApiCallError."""
        return await self.room_sid(recorder, name) is not None

    async def room_sid(self, recorder: TrialRecorder, name: str) -> str | None:
        """The SID of the room of that name, or None. Concurrent requests share a call.

        Raises ApiCallError.
        """
        return await self._room_list.sid_of(recorder, name)

    async def _sids_there(self, recorder: TrialRecorder, names: list[str]) -> dict[str, str]:
        about: dict[str, Any] = {"room": names[0]} if len(names) == 1 else {"rooms": len(names)}
        return {room.name: room.sid for room in await self._list_rooms(recorder, names, **about)}

    async def _list_rooms(self, recorder: TrialRecorder, names: list[str] | None, **about: Any) -> list[api.Room]:
        client = self._client if names is None else self._of(names[0])
        found = await self._call(
            recorder, "ListRooms", client.room.list_rooms(api.ListRoomsRequest(names=names)),
            lambda listed: meaning.lacks_of_rooms(listed.rooms, names), **about,
        )  # fmt: skip
        return list(found.rooms)

    async def delete_room(self, recorder: TrialRecorder, name: str) -> None:
        """Delete a room, and disconnect everybody in it. Raises ApiCallError."""
        await self._call(
            recorder, "DeleteRoom", self._of(name).room.delete_room(api.DeleteRoomRequest(room=name)), room=name
        )

    async def create_dispatch(
        self, recorder: TrialRecorder, room: str, agent_name: str, metadata: str, *, known: Collection[str] | None
    ) -> tuple[api.AgentDispatch, bool]:
        """Dispatch an agent to an existing room. Returns the dispatch, and whether the call was answered.

        A dispatch without an answer is found by listDispatch. `known` are the ids of all earlier dispatches for that
        agent in the room; None: they are unknown, so a new one can't be found. Raises ApiCallError.
        """
        request = api.CreateAgentDispatchRequest(room=room, agent_name=agent_name, metadata=metadata)
        try:
            made = await self._call(
                recorder, "CreateDispatch", self._of(room).agent_dispatch.create_dispatch(request),
                lambda dispatch: meaning.lacks_of_dispatches([dispatch], room), room=room,
            )  # fmt: skip
        except ApiCallError as error:
            if known is None or not error.failure.may_be_done:
                raise
            return await self._find_dispatched(recorder, room, agent_name, known, error), False
        return made, True

    async def _find_dispatched(
        self, recorder: TrialRecorder, room: str, agent_name: str, known: Collection[str], error: ApiCallError
    ) -> api.AgentDispatch:
        """Find the dispatch that a CreateDispatch without an answer has created. Raises `error` if that fails."""
        for pause_s in (0.0, LOOK_AGAIN_S):
            await asyncio.sleep(pause_s)
            try:
                listed = await self.list_dispatch(recorder, room)
            except ApiCallError:
                continue
            new = [one for one in listed if one.agent_name == agent_name and one.id not in known]
            if len(new) == 1:
                return new[0]
            if new:
                break
        raise error

    async def list_dispatch(
        self, recorder: TrialRecorder, room: str, *, known: bool = False
    ) -> list[api.AgentDispatch]:
        """All dispatches of an existing room, with their jobs. Raises ApiCallError.

        If dispatches were listed before (`known`), an empty list counts only if a second call agrees.
        """
        for _ in range(2 if known else 1):
            listed = await self._call(
                recorder, "ListDispatch", self._of(room).agent_dispatch.list_dispatch(room),
                lambda dispatches: meaning.lacks_of_dispatches(dispatches, room), room=room,
            )  # fmt: skip
            if listed:
                break
        return listed

    async def list_participants(
        self, recorder: TrialRecorder, room: str, *, known: Collection[str] = ()
    ) -> list[api.ParticipantInfo]:
        """The participants of a room; empty for a room that does not exist. Raises ApiCallError.

        `known` are the identities listed before. An empty list counts only if GetParticipant, whose answer is never
        empty, finds none of them.
        """
        request = api.ListParticipantsRequest(room=room)

        async def doubt(listed: api.ListParticipantsResponse) -> str:
            return "" if listed.participants else await self._who_is_there(recorder, room, known)

        found = await self._call(
            recorder, "ListParticipants", self._of(room).room.list_participants(request),
            lambda listed: meaning.lacks_of_participants(listed.participants), doubt, room=room,
        )  # fmt: skip
        return list(found.participants)

    async def _who_is_there(self, recorder: TrialRecorder, room: str, identities: Collection[str]) -> str:
        """What contradicts an empty list: a participant is there, or that is unknown. Empty if nothing does."""
        try:
            for identity in islice(identities, CONFIRMED_MAX):
                if await self.get_participant(recorder, room, identity) is not None:
                    return "the answer is empty, and GetParticipant finds who was listed before"
        except ApiCallError as error:
            return f"the answer is empty, and was not confirmed: {error.message}"
        return ""

    async def get_participant(self, recorder: TrialRecorder, room: str, identity: str) -> api.ParticipantInfo | None:
        """The participant of that identity, or None. Raises ApiCallError. The answer is never an empty one."""
        request = api.RoomParticipantIdentity(room=room, identity=identity)
        try:
            return await self._call(
                recorder, "GetParticipant", self._of(room).room.get_participant(request),
                lambda one: meaning.lacks_of_participants([one], identity), room=room,
            )  # fmt: skip
        except ApiCallError as error:
            if error.says_not_found:
                return None
            raise

    async def move_participant(self, recorder: TrialRecorder, room: str, identity: str, destination: str) -> None:
        """Move a participant to another room; LiveKit Cloud only. Raises ApiCallError."""
        request = api.MoveParticipantRequest(room=room, identity=identity, destination_room=destination)
        await self._call(recorder, "MoveParticipant", self._client.room.move_participant(request), room=room)

    async def remove_participant(self, recorder: TrialRecorder, room: str, identity: str) -> None:
        """Remove a participant from a room. Raises ApiCallError."""
        request = api.RoomParticipantIdentity(room=room, identity=identity)
        await self._call(recorder, "RemoveParticipant", self._client.room.remove_participant(request), room=room)

    async def list_rooms(self, recorder: TrialRecorder, prefix: str) -> list[api.Room]:
        """All rooms whose names begin with `prefix`. Raises ApiCallError."""
        return [room for room in await self._list_rooms(recorder, None) if room.name.startswith(prefix)]

    async def find_rooms(self, recorder: TrialRecorder, names: list[str]) -> list[api.Room]:
        """The named rooms that one listRooms has. Raises ApiCallError."""
        return await self._list_rooms(recorder, names, rooms=len(names))

    async def _call(
        self,
        recorder: TrialRecorder,
        method: str,
        call: Coroutine[Any, Any, T],
        lacks: Callable[[T], str] = lambda _answer: "",
        doubt: Callable[[T], Awaitable[str]] | None = None,
        **about: Any,
    ) -> T:
        """Make one call. `lacks` and `doubt` say what the answer lacks; `doubt` may call LiveKit to find out."""
        try:
            await self._keep_quiet(recorder, method)
        except BaseException:
            call.close()
            raise
        clock = recorder.run.now_mono_ns
        began_ns, answered_ns = clock(), 0

        def record(**result: Any) -> None:
            duration_ms = round(((answered_ns or clock()) - began_ns) / 1e6, 2)
            self._answer_times_ms.append(duration_ms)
            if result["ok"]:
                self._quickest_ms = min(self._quickest_ms, duration_ms)
            # one attempt: the library's own retries are off
            recorder.record(
                ApiCalled(method=method, **about, began_mono_ns=began_ns, duration_ms=duration_ms,
                attempts=1, **result,))  # fmt: skip

        def fail(failure: CallFailure, status: int | None, reason: str, code: str = "", **more: Any) -> NoReturn:
            reason = self._clean(reason)
            record(ok=False, failure=failure, code=code or None, status=status, error=reason, **more)
            if failure is CallFailure.REFUSED:
                self._limit.note_answer(began_ns)
                self._away.note_heard(recorder)
            else:
                self._away.note_missed(recorder, failure, reason, began_ns)
            raise ApiCallError(method, failure, status, reason, code) from None

        waiting = asyncio.get_running_loop().call_later(REPORT_AFTER_S, self._away.note_waiting, recorder, began_ns)
        try:
            async with asyncio.timeout(CALL_TIMEOUT_S):
                answer = await call
            answered_ns = clock()
            lacking = lacks(answer) or (await doubt(answer) if doubt else "")
        except meaning.AnswerError as error:
            if error.failure is not CallFailure.THROTTLED:
                fail(error.failure, error.status, error.reason, error.code)
            retry_after_s = call_rate.parse_retry_after_s(error.retry_after)
            self._limit.note_refusal(began_ns, clock(), retry_after_s)
            fail(error.failure, error.status, error.reason, retry_after_s=retry_after_s)
        except DecodeError:
            fail(CallFailure.GARBLED, 200, "the answer is not LiveKit's")
        except (aiohttp.ClientPayloadError, aiohttp.ClientResponseError):
            fail(CallFailure.GARBLED, None, "the answer was cut, or is no HTTP")
        except asyncio.CancelledError:
            record(ok=False, code="cancelled", error="given up by lkdiag")
            raise
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            text = getattr(error, "strerror", None) or str(error)  # aiohttp's own text names its objects
            fail(CallFailure.UNANSWERED, None, str(text) or f"no answer within {CALL_TIMEOUT_S:g} s")
        finally:
            waiting.cancel()
        if lacking:
            fail(CallFailure.GARBLED, 200, lacking)
        self._limit.note_answer(began_ns)
        self._away.note_heard(recorder)
        record(ok=True)
        return answer

    async def _keep_quiet(self, recorder: TrialRecorder, method: str) -> None:
        """Wait as long as the server has asked. Raises ApiCallError once the server counts as gone."""
        clock = recorder.run.now_mono_ns
        is_recorded = False
        while wait_s := self._limit.wait_s(clock()):
            if gone := self._away.given_up(clock()):
                raise ApiCallError(method, CallFailure.THROTTLED, None, f"not asked: {gone}")
            if not is_recorded:
                recorder.record(ApiHeld(method=method, for_s=round(wait_s, 3)))
                is_recorded = True
            self._away.note_held(recorder, wait_s)
            until_ns = self._away.until_ns
            left_s = wait_s if until_ns is None else max(0.0, (until_ns - clock()) / 1e9)
            await asyncio.sleep(min(wait_s, left_s, REPORT_EVERY_S))

    def _clean(self, text: str) -> str:
        return scrub(text, [self._credentials.api_secret])


AGENT_NAME_ATTRIBUTE = "lk.agent_name"
"""Set by the server on an agent's participant (livekit-server pkg/agent/worker.go, AgentNameAttributeKey)."""


def kind_of(participant: api.ParticipantInfo) -> str:
    """A participant's kind: LiveKit's name in lower case."""
    return enum_name(api.ParticipantInfo.Kind, participant.kind).lower()


def described(participant: api.ParticipantInfo) -> dict[str, Any]:
    """A participant of listParticipants or of a webhook, as journal fields.

    `joined_at_ms` is the server's time (Unix, milliseconds).
    """
    known: dict[str, Any] = {"hidden": True} if participant.permission.hidden else {}
    agent_name = participant.attributes.get(AGENT_NAME_ATTRIBUTE)
    if agent_name is not None:
        known["agent_name"] = agent_name
    return known | {
        "identity": participant.identity,
        "sid": participant.sid,
        "kind": kind_of(participant),
        "state": enum_name(api.ParticipantInfo.State, participant.state).lower(),
        "joined_at_ms": participant.joined_at_ms or participant.joined_at * 1000,
        "tracks": [track.sid for track in participant.tracks],
    }
