"""Follows the calls of a project: one listRooms for all of them, and looks at each call that matches."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from lkdiag.client.api_client import ApiCallError, Control
from lkdiag.contract import CallFailure
from lkdiag.journal.attribution import agents_of_dispatch, expected_ns, identities_of
from lkdiag.journal.call_kinds import CallLeftOver
from lkdiag.journal.participant_kinds import (
    AgentJoined,
    AgentLeft,
    ParticipantChanged,
    ParticipantJoined,
    ParticipantLeft,
)
from lkdiag.journal.presence import alone_spells, stays_of
from lkdiag.journal.recorder import TrialRecorder
from lkdiag.journal.room_name import run_of_room
from lkdiag.journal.run_kinds import WatchBegan
from lkdiag.journal.trial_kinds import (
    DispatchStarted,
    ObservationEnded,
    RoomClosed,
    RoomCreated,
    RoomExisted,
    RoomOccupied,
    RoomOpened,
    TrialCrashed,
    TrialFinished,
)
from lkdiag.run.health import health_watched
from lkdiag.run.preflight import check_project
from lkdiag.run.room_watcher import CloseWatch, RoomWatcher

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from livekit import api

    from lkdiag.journal.attribution import Dispatch
    from lkdiag.journal.event import Event
    from lkdiag.journal.recorder import Recorder
    from lkdiag.journal.row import Row
    from lkdiag.scenario.watch import WatchScenario
    from lkdiag.settings import Credentials


T = TypeVar("T")

READ_METHODS = frozenset({"ListRooms", "ListDispatch", "ListParticipants", "GetParticipant"})
SLOWER = 2.0
SLOWEST_S = 5.0
FASTER = 0.98
BURST_S = 2.0
"""Unused turns of this time may be taken at once: calls often begin together, and their first looks matter."""


class CallRateLimiter:
    """Gives turns, on average at most `per_second`. After a refusal the rate is halved, and slowly rises again."""

    def __init__(self, per_second: float) -> None:
        self._least_s = 1 / per_second
        self.apart_s = self._least_s
        self._next_s = 0.0

    async def turn(self) -> None:
        """Wait for a turn."""
        now_s = asyncio.get_running_loop().time()
        at_s = max(self._next_s, now_s - BURST_S)
        self._next_s = at_s + self.apart_s
        self.apart_s = max(self._least_s, self.apart_s * FASTER)
        if at_s > now_s:
            await asyncio.sleep(at_s - now_s)

    def slow_down(self) -> None:
        """The server has refused a call as too many: halve the rate."""
        self.apart_s = min(SLOWEST_S, self.apart_s * SLOWER)


class ReadOnlyControl(Control):
    """An API client that may only read: it refuses every other method before it is sent, and limits the call rate."""

    def __init__(self, credentials: Credentials, per_second: float) -> None:
        super().__init__(credentials)
        self._limiter = CallRateLimiter(per_second)

    def allow(self, per_second: float) -> None:
        """Allow at most `per_second` calls from now on."""
        self._limiter = CallRateLimiter(per_second)

    async def _call(
        self,
        recorder: TrialRecorder,
        method: str,
        call: Coroutine[Any, Any, T],
        lacks: Callable[[T], str] = lambda _answer: "",
        doubt: Callable[[T], Awaitable[str]] | None = None,
        **about: Any,
    ) -> T:
        try:
            if method not in READ_METHODS:
                raise AssertionError(f"a watch does not call {method}")
            await self._limiter.turn()
        except BaseException:
            call.close()  # never sent
            raise
        try:
            return await super()._call(recorder, method, call, lacks, doubt, **about)
        except ApiCallError as error:
            if error.failure is CallFailure.THROTTLED:
                self._limiter.slow_down()
            raise


DUE_S = 0.5
"""Between two looks while an agent is due. A room not seen for 2 s is unknown (`facts/validity.py`)."""
OPEN_S = 1.5
"""Between two looks while a dispatch may still be created, or is waiting for a participant."""
CALM_S = 5.0
"""Between two looks after every dispatch is settled. listRooms counts people, so it shows who joins or leaves."""
YOUNG_NS = 30_000_000_000
"""In a room younger than this a dispatch may be created at any moment."""
OUTLIVES_NS = 2_000_000_000
"""How long an agent may stay listed after its job has ended. A normal leave is seen at once."""
LAST_LOOK_S = 5.0
"""How long the last look may take when the watch ends."""
ENDED = frozenset({"JS_FAILED", "JS_CANCELLED"})
KEPT = (ParticipantJoined, ParticipantChanged, ParticipantLeft, AgentJoined, AgentLeft)


class _KeepingRecorder(TrialRecorder):
    """Keeps the events of who joined and left, for the call's own use."""

    def __init__(self, recorder: Recorder, trial: int) -> None:
        super().__init__(recorder, trial)
        self.kept: list[Event] = []

    def record(self, row: Row) -> Event:
        event = super().record(row)
        if isinstance(row, KEPT):
            self.kept.append(event)
        return event


@dataclass
class _Observation:
    """A dispatch whose agent is waited for."""

    made_ns: int
    came_ns: int | None = None
    listed_ns: int | None = None
    ended_ns: int | None = None
    over: bool = False


class FollowedCall:
    """A followed room of the project. lkdiag does not join it: an observer would keep it open.

    It is looked at often while an agent is due, and less often afterwards, until it is gone.
    """

    def __init__(
        self,
        control: Control,
        recorder: Recorder,
        scenario: WatchScenario,
        number: int,
        room: api.Room,
        *,
        lacked_ns: int | None,
        types: dict[str, set[str]],
        share_s: Callable[[], float],
        close: CloseWatch | None,
    ) -> None:
        """`lacked_ns`: when a listRooms began that did not have the room yet; None if there was none.

        `types` are the types of all jobs listed in any call, by agent name. `share_s` is the least time between two
        looks at a call without a due agent, so that calls with a due agent come first.
        """
        self.number = number
        self.room = room
        self.missing_ns: int | None = None
        """Since when listRooms no longer has the room."""
        self.left_over = False
        self._scenario = scenario
        self._types = types
        self._share_s = share_s
        self._observations: dict[str, _Observation] = {}
        self._people = room.num_participants
        self._woken = asyncio.Event()
        self.recorder = _KeepingRecorder(recorder, number)
        self._watcher = RoomWatcher(control, self.recorder, room.name, close=close, woken=self._woken)
        began = self.recorder.record(
            DispatchStarted(
                role="subject",
                warmup=False,
                on_probe=False,
                method="observed",
                room=room.name,
                agent_name=scenario.agent_name or "",
            )
        )
        self._found_ns = began.mono_ns
        opened: type[RoomOpened] = RoomExisted if lacked_ns is None else RoomCreated
        self.recorder.record(
            opened(
                room=room.name,
                sid=room.sid,
                creation_time_ms=room.creation_time_ms or room.creation_time * 1000,
                empty_timeout_s=room.empty_timeout,
                departure_timeout_s=room.departure_timeout,
                lacked_mono_ns=lacked_ns,
            )
        )

    async def follow(self) -> None:
        """Look at the room repeatedly. Ends only when cancelled."""
        self._watcher.begin(self._scenario.delayed_after_s, 0.0)
        try:
            while True:
                if self.missing_ns is None:
                    await self._watcher.look()
                interval_s = self._note()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(interval_s):
                        await self._woken.wait()
                self._woken.clear()
        finally:
            await self._watcher.end_close_looks()

    def note_listed(self, room: api.Room) -> None:
        """listRooms has the room: if the number of people has changed, look now."""
        self.missing_ns = None
        if room.num_participants != self._people:
            self._people = room.num_participants
            self._woken.set()

    def close(self) -> None:
        """Record that the room is gone."""
        self.recorder.record(RoomClosed(room=self.room.name, missing_mono_ns=self.missing_ns))
        self.recorder.record(TrialFinished())

    async def end(self) -> None:
        """End the watch of a room that still exists, with one last look."""
        answered = False
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_LOOK_S):
                answered = await self._watcher.look()
        self._note()
        if answered:
            self.recorder.record(RoomOccupied(room=self.room.name, participants=self._watcher.view.people))
        self.recorder.record(TrialFinished())

    # -- what a look has shown -------------------------------------------------------------------------------------

    def _note(self) -> float:
        """Evaluate the last look. Returns in how many seconds to look again."""
        now_ns = self.recorder.run.now_mono_ns()
        dispatches = self._watcher.view.dispatches
        for item in dispatches:
            known = self._types.setdefault(item["agent_name"], set())
            known.update(job["type"] for job in item["jobs"] if job.get("type"))
        due = waiting = False
        for item in dispatches:
            if self._scenario.agent_name not in (None, item["agent_name"]):
                continue
            observed = self._observations.setdefault(item["dispatch_id"], _Observation(now_ns))
            if not observed.over:
                is_due = self._observe(item, observed, now_ns)
                due, waiting = due or is_due, waiting or bool(item["agent_name"] and not (is_due or observed.over))
        self._note_alone(now_ns)
        if due:
            return DUE_S
        young = now_ns - self._found_ns < YOUNG_NS
        return max(OPEN_S if young or waiting else CALM_S, self._share_s())

    def _observe(self, dispatch: Dispatch, observed: _Observation, now_ns: int) -> bool:
        """Whether the dispatch's agent or job is due. Ends the observation when nothing more is expected."""
        scenario, jobs = self._scenario, dispatch["jobs"]
        others = (d for d in self._watcher.view.dispatches if d["dispatch_id"] != dispatch["dispatch_id"])
        foreign = {identity for other in others for identity in identities_of(other["jobs"])}
        view, own = self._watcher.view, identities_of(jobs)
        there = agents_of_dispatch(view.participants.values(), dispatch["agent_name"], own, foreign)
        came = agents_of_dispatch(view.agents.values(), dispatch["agent_name"], own, foreign)
        if came and observed.came_ns is None:
            observed.came_ns = now_ns
        if jobs and observed.listed_ns is None:
            observed.listed_ns = now_ns
        if observed.came_ns is not None:
            if jobs and there and all(job["status"] in ENDED for job in jobs):
                observed.ended_ns = observed.ended_ns or now_ns
                over = now_ns - observed.ended_ns > OUTLIVES_NS
            else:
                over = bool(jobs) or not there or now_ns - observed.came_ns > scenario.settle_s * 1e9 + DUE_S * 1e9
            return self._end(dispatch, observed) if over else True
        if not jobs and dispatch["agent_name"] == "":
            return False  # every room has an unnamed dispatch; it counts only once it has a job
        since_ns = expected_ns(self._types[dispatch["agent_name"]], observed.made_ns, self.recorder.kept)
        patience_ns = int((scenario.timeout_s + scenario.settle_s) * 1e9)
        if since_ns is None:
            return now_ns <= observed.made_ns + patience_ns  # not known to be due, but a job may come at any moment
        until_ns = since_ns + patience_ns
        if observed.listed_ns is not None:
            until_ns = max(until_ns, observed.listed_ns + int(max(scenario.settle_s, scenario.delayed_after_s) * 1e9))
        return self._end(dispatch, observed) if now_ns > until_ns else True

    def _end(self, dispatch: Dispatch, observed: _Observation) -> bool:
        observed.over = True
        self.recorder.record(
            ObservationEnded(dispatch_id=dispatch["dispatch_id"], agent_came=observed.came_ns is not None)
        )
        return False

    def _note_alone(self, now_ns: int) -> None:
        """Record once when a participant has been alone for too long."""
        spells = alone_spells(stays_of(self.recorder.kept))
        last = spells[-1] if spells else None
        alone = last is not None and last.until_ns is None
        if last is None or not alone:
            self.left_over = False
        elif not self.left_over and now_ns - last.since_ns >= self._scenario.alone_for_s * 1e9:
            self.left_over = True
            self.recorder.record(
                CallLeftOver(identity=last.identity, kind=last.kind, since_mono_ns=last.since_ns,
                left_by=last.left_by,))  # fmt: skip


INTERVAL_S = 0.75
"""Between two listRooms. A shorter call may not be seen."""
INTERVAL_HERE_S = 0.1
"""The same for a server on this machine, so that a room is found before an agent can join it (0.2 s)."""
CLOSE_RATE = 30.0
"""With fewer API calls a second no room is watched closely: that takes 20, and the other rooms need looks too."""
BLIND_INTERVAL_S = 5.0
"""Between two listRooms at most, while the server does not answer."""
LAST_LOOKS_S = 15.0


async def follow(scenario: WatchScenario, credentials: Credentials, recorder: Recorder, stop: asyncio.Event) -> None:
    """Watch until stopped, the time is up, or the wanted number of calls has ended.

    Raises ConnectionLostError or CredentialsError before it begins.
    """
    async with ReadOnlyControl(credentials, scenario.rate(here=False)) as control:
        await check_project(credentials, control, recorder)
        control.allow(scenario.rate(here=control.is_near))
        async with health_watched(recorder, control):
            await _Follower(scenario, control, recorder).run(stop)


class _Follower:
    def __init__(self, scenario: WatchScenario, control: ReadOnlyControl, recorder: Recorder) -> None:
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
        """The SIDs of all rooms ever listed."""
        self._types: dict[str, set[str]] = {}
        self._number = 0
        self._ended = 0
        self._listed_ns: int | None = None
        """When the last answered listRooms began."""

    async def run(self, stop: asyncio.Event) -> None:
        clock = self._recorder.now_mono_ns
        until_ns = None if self._scenario.for_s is None else clock() + int(self._scenario.for_s * 1e9)
        self._recorder.record(WatchBegan())
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
        """How many calls have ended or are left over."""
        return self._ended + sum(call.left_over for call, _ in self._calls.values())

    async def _look(self) -> bool:
        """Look for rooms. Returns whether that was answered."""
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
            # one listing may lag behind: the room is gone if two lack it, or if a new room has its name
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
        """The least time between two looks (two API calls each) at a call without a due agent.

        A quarter of all API calls is reserved for calls with a due agent.
        """
        return 2 * len(self._calls) / (self._rate * 0.75)

    async def _follow(self, call: FollowedCall) -> None:
        try:
            await call.follow()
        except Exception as error:
            # an error in lkdiag must neither be blamed on the project nor end the watch
            call.recorder.record(TrialCrashed(error=f"{type(error).__name__}: {error}"))

    async def _end(self) -> None:
        """Take a last look at every room that still exists."""
        calls = list(self._calls.values())
        for _, task in calls:
            await _cancelled(task)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_LOOKS_S):
                await self._look_once_more([call for call, _ in calls])

    async def _look_once_more(self, calls: list[FollowedCall]) -> None:
        """Close the calls whose rooms are gone; record who is in the other rooms."""
        began_ns = self._recorder.now_mono_ns()
        followed = {call.room.sid for call in calls}
        listed = set[str]()
        try:
            for _ in range(2):  # one listing may lag behind
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
