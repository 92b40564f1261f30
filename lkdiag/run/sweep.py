"""Finds the rooms that lkdiag left behind, and rooms with a stranded caller; deletes those that the user wants."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from lkdiag.client.api_client import ApiCallError, Control, kind_of
from lkdiag.contract import CallFailure
from lkdiag.journal.recorder import Recorder
from lkdiag.journal.room_name import run_of_room
from lkdiag.journal.run_kinds import ClockOff
from lkdiag.journal.trial_kinds import RoomDeleteFailed
from lkdiag.report.sweep import Action, Occupant, SweepReport, SweptRoom, is_wanted, lone_sip, objection, what_closes
from lkdiag.run.close import close_room
from lkdiag.run.preflight import check_project
from lkdiag.text import utc

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from livekit import api

    from lkdiag.journal.event import Event
    from lkdiag.scenario.sweep import SweepScenario
    from lkdiag.settings import Credentials


LOOKS_AT_A_TIME = 4


async def sweep(scenario: SweepScenario, credentials: Credentials, *follow: Callable[[Event], object]) -> SweepReport:
    """Find rooms, and delete them if wanted. Each event is passed to the callables `follow`.

    Raises CredentialsError or ConnectionLostError, and ApiCallError if it could not look.
    """
    async with Control(credentials) as control:
        return await _Sweep(scenario, credentials, control, follow).run()


class _Sweep:
    def __init__(
        self,
        scenario: SweepScenario,
        credentials: Credentials,
        control: Control,
        follow: Sequence[Callable[[Event], object]],
    ) -> None:
        self._scenario = scenario
        self._credentials = credentials
        self._control = control
        self._recorder = Recorder(self._note, *follow, wall_ns=time.time_ns, mono_ns=time.monotonic_ns)
        self._run = self._recorder.for_trial(None)
        self._skew_ms = 0.0
        self._refusals: dict[str, str] = {}
        self._notes: list[str] = []
        self._unseen = 0
        self._unreachable: ApiCallError | None = None

    async def run(self) -> SweepReport:
        await check_project(self._credentials, self._control, self._recorder)
        rooms = await self._find()
        wanted = [room for room in rooms if is_wanted(room, self._scenario)]
        if self._scenario.delete:
            wanted = [await self._clear(room, objection(room, self._scenario, rooms)) for room in wanted]
        return SweepReport(self._credentials.host, tuple(wanted), tuple(self._notes), self._unseen)

    async def _find(self) -> list[SweptRoom]:
        """lkdiag's rooms of all runs, and with --lone-sip the rooms of others with a lone caller; the oldest first."""
        # an empty list counts only if a second call agrees
        listed = await self._control.list_rooms(self._run, "") or await self._control.list_rooms(self._run, "")
        candidates = [room for room in listed if self._scenario.lone_sip or run_of_room(room.name) is not None]
        turns = asyncio.Semaphore(LOOKS_AT_A_TIME)

        async def look(room: api.Room) -> SweptRoom | None:
            async with turns:
                return None if self._unreachable else await self._look(room)

        looked = await asyncio.gather(*(look(room) for room in candidates))
        if self._unreachable is not None:
            raise self._unreachable
        found = [room for room in looked if room is not None]
        self._unseen = sum(room.run is None and room.participants is None for room in found)
        if self._unseen:
            self._notes.append(f"rooms of others of which the server did not say who is in them: {self._unseen}")
        mine = [room for room in found if room.run is not None]
        others = [room for room in found if room.run is None and lone_sip(room.participants or ()) is not None]
        return sorted(mine, key=_by_age) + sorted(others, key=_by_age)

    async def _look(self, room: api.Room) -> SweptRoom | None:
        participants: tuple[Occupant, ...] | None = None
        try:
            listed = await self._control.list_participants(self._run, room.name)
        except ApiCallError as error:
            if error.says_not_found:
                return None
            if error.failure is CallFailure.UNANSWERED:
                self._unreachable = error
            closes = f"unknown: {error.message}"
        else:
            if listed or not room.num_participants:
                participants = tuple(self._occupant(one) for one in listed)
            else:
                closes = f"unknown: listRooms counts {room.num_participants} in it, and listParticipants shows nobody"
        created_ms = room.creation_time_ms or room.creation_time * 1000
        age_s = self._since_s(created_ms)
        if participants is not None:
            closes = what_closes(
                participants,
                num_participants=room.num_participants,
                age_s=age_s,
                empty_timeout_s=room.empty_timeout,
                departure_timeout_s=room.departure_timeout,
            )
        return SweptRoom(
            room=room.name,
            room_sid=room.sid,
            run=run_of_room(room.name),
            created_at=utc(round(created_ms * 1e6)) if created_ms else None,
            age_s=age_s,
            empty_timeout_s=room.empty_timeout,
            departure_timeout_s=room.departure_timeout,
            num_participants=room.num_participants,
            participants=participants,
            closes=closes,
        )

    async def _clear(self, room: SweptRoom, spared: str | None) -> SweptRoom:
        if spared is not None:
            return replace(room, action=Action.SKIPPED, reason=spared)
        try:
            now = await self._control.find_room(self._run, room.room, known=True)
            if now is None:
                return replace(room, action=Action.GONE)
            if now.sid != room.room_sid:
                return replace(room, action=Action.SKIPPED, reason=f"another room has its name by now: {now.sid}")
            if room.run is None and not await self._is_still_alone(room):
                return replace(room, action=Action.SKIPPED, reason="it has changed: somebody came or went")
        except ApiCallError as error:
            return replace(room, action=Action.FAILED, reason=error.message)
        if await close_room(self._control, self._run, room.room):
            return replace(room, action=Action.DELETED)
        reason = self._refusals.get(room.room, "it was still there after it had been deleted")
        return replace(room, action=Action.FAILED, reason=reason)

    async def _is_still_alone(self, room: SweptRoom) -> bool:
        """Whether only the same caller is in the room: with an agent it would be a call again."""
        now = await self._control.list_participants(self._run, room.room)
        return [one.sid for one in now] == [one.sid for one in room.participants or ()]

    def _occupant(self, info: api.ParticipantInfo) -> Occupant:
        joined_ms = info.joined_at_ms or info.joined_at * 1000
        return Occupant(info.identity, info.sid, kind_of(info), info.permission.hidden, self._since_s(joined_ms))

    def _since_s(self, server_ms: float) -> int:
        """Seconds since then, 0 or more. Also 0 without a time from the server: then the age is unknown."""
        now_ms = self._recorder.now_wall_ns() / 1e6 - self._skew_ms
        return max(0, int((now_ms - server_ms) / 1000)) if server_ms else 0

    def _note(self, event: Event) -> None:
        """The recorder's sink: takes what the calls report besides their results."""
        row = event.row
        if isinstance(row, RoomDeleteFailed):
            self._refusals[row.room] = row.error
        elif isinstance(row, ClockOff):
            self._skew_ms = row.skew_s * 1000
            self._notes.append(f"{row.told}: ages are corrected by that")


def _by_age(room: SweptRoom) -> tuple[int, str]:
    return -room.age_s, room.room
