"""Follows the project's calls: one listRooms for all of them, and looks at those that fit."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from lkdiag.control import ApiCallError
from lkdiag.timeline.room_name import run_of_room
from lkdiag.trial.health import health_watched
from lkdiag.trial.preflight import check_project
from lkdiag.trial.watch import CloseWatch
from lkdiag.trial.watching.call import FollowedCall
from lkdiag.trial.watching.looking import LookingControl

if TYPE_CHECKING:
    from livekit import api

    from lkdiag.scenario.watch import WatchScenario
    from lkdiag.settings import Credentials
    from lkdiag.timeline import Recorder

INTERVAL_S = 0.75
"""Between two listRooms: a call that is shorter may not be seen."""
INTERVAL_HERE_S = 0.1
"""The same on a server of this machine, so that a room is found before an agent can be in it (0.2 s)."""
CLOSE_RATE = 30.0
"""With fewer API calls a second no room is watched closely: it takes 20, and the others have to be looked at too."""
BLIND_INTERVAL_S = 5.0
"""At most, while the server does not answer."""
LAST_LOOKS_S = 15.0


async def follow(scenario: WatchScenario, credentials: Credentials, recorder: Recorder, stop: asyncio.Event) -> None:
    """Until it is stopped, the time is up or so many calls have ended.

    Raises ConnectionLostError or CredentialsError before it began.
    """
    async with LookingControl(credentials, scenario.rate(here=False)) as control:
        await check_project(credentials, control, recorder)
        control.allow(scenario.rate(here=control.is_near))
        async with health_watched(recorder, control):
            await _Follower(scenario, control, recorder).run(stop)


class _Follower:
    def __init__(self, scenario: WatchScenario, control: LookingControl, recorder: Recorder) -> None:
        self._scenario = scenario
        self._rate = scenario.rate(here=control.is_near)
        is_close = self._rate >= CLOSE_RATE
        self._interval_s = INTERVAL_HERE_S if control.is_near and is_close else INTERVAL_S
        self._close = CloseWatch(control) if is_close else None
        self._control = control
        self._recorder = recorder
        self._run = recorder.for_trial(None)
        self._calls: dict[str, tuple[FollowedCall, asyncio.Task[None]]] = {}
        """By the room's name."""
        self._known: set[str] = set()
        """SIDs of every room that was ever listed."""
        self._types: dict[str, set[str]] = {}
        self._number = 0
        self._ended = 0
        self._listed_ns: int | None = None
        """When the last answered listRooms began."""

    async def run(self, stop: asyncio.Event) -> None:
        clock = self._recorder.now_mono_ns
        until_ns = None if self._scenario.for_s is None else clock() + int(self._scenario.for_s * 1e9)
        self._recorder.record("watch.began")
        interval_s = self._interval_s
        try:
            while not stop.is_set():
                answered = await self._look()
                interval_s = self._interval_s if answered else min(interval_s * 2, BLIND_INTERVAL_S)
                if self._scenario.calls is not None and self._done() >= self._scenario.calls:
                    break
                left_s = interval_s if until_ns is None else min(interval_s, (until_ns - clock()) / 1e9)
                if left_s <= 0:
                    break
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(left_s):
                        await stop.wait()
        finally:
            await self._end()

    def _done(self) -> int:
        """Calls that have ended, and those that were left over."""
        return self._ended + sum(call.left_over for call, _ in self._calls.values())

    async def _look(self) -> bool:
        """Look for rooms; whether that was answered."""
        began_ns = self._recorder.now_mono_ns()
        try:
            if self._scenario.room is not None:
                found = await self._control.find_room(self._run, self._scenario.room, known=False)
                rooms = [] if found is None else [found]
            else:
                rooms = await self._control.list_rooms(self._run, self._scenario.prefix or "")
        except ApiCallError:
            return False
        if not self._scenario.room and not self._scenario.prefix:
            rooms = [room for room in rooms if run_of_room(room.name) is None]
        await self._take({room.name: room for room in rooms})
        self._listed_ns = began_ns
        return True

    async def _take(self, rooms: dict[str, api.Room]) -> None:
        for name, (call, task) in list(self._calls.items()):
            listed = rooms.get(name)
            if listed is not None and listed.sid == call.room.sid:
                call.note_listed(listed)
                continue
            # once may be a listing that lags behind: it is gone if it is so twice, or if another has its name
            gone = call.missing_ns is not None or listed is not None
            call.missing_ns = call.missing_ns or self._recorder.now_mono_ns()
            if gone:
                del self._calls[name]
                await _cancelled(task)
                call.close()
                self._ended += 1
        for name, room in rooms.items():
            if name not in self._calls:
                self._begin(room)
        self._known |= {room.sid for room in rooms.values()}

    def _begin(self, room: api.Room) -> None:
        self._number += 1
        lacked_ns = None if room.sid in self._known else self._listed_ns
        call = FollowedCall(
            self._control, self._recorder, self._scenario, self._number, room, lacked_ns=lacked_ns, types=self._types,
            share_s=self._share_s, close=self._close,
        )  # fmt: skip
        task = asyncio.create_task(self._follow(call), name=f"call {self._number}")
        self._calls[room.name] = call, task

    def _share_s(self) -> float:
        """A quarter of all API calls is kept for calls in which an agent is due: each look is two."""
        return 2 * len(self._calls) / (self._rate * 0.75)

    async def _follow(self, call: FollowedCall) -> None:
        try:
            await call.follow()
        except Exception as error:
            # a fault of lkdiag's own must not become anybody else's, nor end the watch
            call.recorder.record("trial.crashed", error=f"{type(error).__name__}: {error}")

    async def _end(self) -> None:
        """One last look at every room that is there."""
        calls = list(self._calls.values())
        for _, task in calls:
            await _cancelled(task)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_LOOKS_S):
                await self._look_once_more([call for call, _ in calls])

    async def _look_once_more(self, calls: list[FollowedCall]) -> None:
        """Those that are gone by now are gone; of the others is said who is in them."""
        began_ns = self._recorder.now_mono_ns()
        followed = {call.room.sid for call in calls}
        listed = set[str]()
        try:
            for _ in range(2):  # once may be a listing that lags behind
                if not followed <= listed:
                    listed |= {room.sid for room in await self._control.list_rooms(self._run, "")}
        except ApiCallError:
            listed = followed
        for call in calls:
            if call.room.sid not in listed:
                call.missing_ns = call.missing_ns or began_ns
                call.close()
        await asyncio.gather(*(call.end() for call in calls if call.room.sid in listed))


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
