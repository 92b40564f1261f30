"""Watches one room by the API: who is in it, and what listDispatch says. Every change is an event."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from livekit import api

from lkdiag.control import ApiCallError
from lkdiag.control.participant_info import described

if TYPE_CHECKING:
    from collections.abc import Callable

    from livekit.protocol.webhook import WebhookEvent

    from lkdiag.control import Control
    from lkdiag.timeline import TrialRecorder

FIRST_LOOK_S = 0.15
"""No job request comes sooner: the server gathers workers' answers for 0.2 s (psrpc's affinity timeout)."""
INTERVAL_MIN_S = 0.1
INTERVAL_MAX_S = 0.5
INTERVAL_GROWTH = 1.15
INTERVAL_TOLD_S = 1.0
"""Where lkdiag's own probe plays the agent, nothing is to be seen until it has joined, which wakes the watcher."""
INTERVAL_WOKEN_S = 0.02
GROWTH_WOKEN = 1.5
"""Of what has just happened the API tells within some milliseconds, or only after seconds."""

CLOSE_INTERVAL_S = 0.05
"""Between two close looks at the participants, for all rooms that are watched closely at the time together: a server
counts the calls of a project (LiveKit Cloud allows about 1,000 a minute)."""
CLOSE_INTERVAL_HERE_S = 0.02
"""The same for a server on this machine, which counts nothing; up to `CLOSE_ROOMS_HERE` rooms have it each."""
CLOSE_ROOMS_HERE = 4
CLOSE_MARGIN_S = 1.0
"""By so much a close watch lasts longer than asked: a job begins up to 0.2 s after the call that asks for it, and a
worker may take 2.8 s to answer."""

BLIND_MAX_S = 5.0
"""A server that has not answered a single look for so long is gone; a restarting one is not judged either."""


class SightLostError(Exception):
    """The room could not be watched any further: the server does not answer."""


@dataclass
class RoomView:
    """What the last looks at a room have shown."""

    participants: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Who is there now, by SID: a participant that left and came again is another one."""
    agents: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Every agent that was there since `RoomWatcher.begin`, by SID: shown by a look, or told by a webhook."""
    dispatches: list[dict[str, Any]] = field(default_factory=list)

    @property
    def people(self) -> list[dict[str, str]]:
        """Who is there, ordered by identity: `identity` and `kind` of each, as `room.occupied` lists them."""
        listed = ({"identity": one["identity"], "kind": one["kind"]} for one in self.participants.values())
        return sorted(listed, key=lambda one: one["identity"])


@dataclass
class CloseWatch:
    """The rooms of a run that are watched closely at this moment: they share the rate of looks."""

    here: bool
    """Whether the server runs on this machine."""
    rooms: int = 0

    @property
    def interval_s(self) -> float:
        """How far apart the close looks at one of the rooms are."""
        if self.here:
            return CLOSE_INTERVAL_HERE_S * max(1.0, self.rooms / CLOSE_ROOMS_HERE)
        return CLOSE_INTERVAL_S * max(1, self.rooms)


class RoomWatcher:
    """Looks at a room again and again, fast at first, then slower.

    `told`: only lkdiag's own probe can play the agent, and it wakes the watcher when the agent is there. Until then the
    watcher looks seldom, in case it is not told after all. Any other agent may be gone after a tenth of a second: where
    `close` is given, `begin` starts looks at the participants that are dense enough to see it. Each job that is listed
    for the first time starts them again.
    """

    def __init__(
        self,
        control: Control,
        recorder: TrialRecorder,
        room: str,
        *,
        told: bool = False,
        close: CloseWatch | None = None,
    ) -> None:
        self._control = control
        self._recorder = recorder
        self._room = room
        self._close = None if told else close
        self._close_for_s = 0.0
        self._close_until_ns = 0
        self._looking_closely: asyncio.Task[None] | None = None
        self._one_look = asyncio.Lock()
        self._jobs: set[str] = set()
        self._interval_s = INTERVAL_TOLD_S if told else FIRST_LOOK_S
        self._growth = 1.0 if told else INTERVAL_GROWTH
        self._interval_max_s = INTERVAL_TOLD_S if told else INTERVAL_MAX_S
        self._woken = asyncio.Event()
        self._blind_since_ns: int | None = None
        self._listed = False
        self.view = RoomView()

    async def wait_until(
        self, done: Callable[[RoomView], bool], deadline_ns: int, *, look_at_once: bool = True
    ) -> bool:
        """Whether `done` became true by the deadline (monotonic nanoseconds).

        The last look begins at the deadline or after it, so that what is not there then was not there in time.
        A look that fails is recorded as a failed call, and the watch goes on. Raises SightLostError when none
        got any answer for `BLIND_MAX_S`.
        """
        clock = self._recorder.run.now_mono_ns
        if not look_at_once:
            await self._pause(deadline_ns)
        while True:
            late = clock() >= deadline_ns
            await self.look()
            if self._blind_since_ns is not None and clock() - self._blind_since_ns > BLIND_MAX_S * 1e9:
                raise SightLostError(f"no answer from the server for {BLIND_MAX_S:g} s")
            if done(self.view):
                return True
            if late:
                return False
            await self._pause(deadline_ns)

    async def _pause(self, deadline_ns: int) -> None:
        left_s = max(0.0, (deadline_ns - self._recorder.run.now_mono_ns()) / 1e9)
        try:
            async with asyncio.timeout(min(self._interval_s, left_s)):
                await self._woken.wait()
        except TimeoutError:
            self._interval_s = min(self._interval_s * self._growth, self._interval_max_s)
        self._woken.clear()

    # -- close looks -----------------------------------------------------------------------------------------------

    def begin(self, close_for_s: float, first_after_s: float = FIRST_LOOK_S) -> None:
        """An agent is about to be called: from now on every agent counts that is seen or heard of.

        For `close_for_s` the participants are looked at densely, the first time after `first_after_s`.
        """
        self.view.agents = {}
        self._jobs = {job["job_id"] for dispatch in self.view.dispatches for job in dispatch["jobs"]}
        self._close_for_s = close_for_s
        self.watch_closely(first_after_s)

    def watch_closely(self, first_after_s: float = 0.0) -> None:
        """The agent may come just now: look densely from now on, for as long as `begin` said."""
        if self._close is None or self._close_for_s <= 0:
            return
        now_ns = self._recorder.run.now_mono_ns()
        self._close_until_ns = now_ns + int((self._close_for_s + CLOSE_MARGIN_S) * 1e9)
        if self._looking_closely is None or self._looking_closely.done():
            self._recorder.record("room.watched_closely", first_after_s=first_after_s)
            look = self._look_closely(self._close, first_after_s)
            self._looking_closely = asyncio.create_task(look, name=f"close looks at {self._room}")

    async def _look_closely(self, close: CloseWatch, first_after_s: float) -> None:
        clock = self._recorder.run.now_mono_ns
        close.rooms += 1
        try:
            await asyncio.sleep(first_after_s)
            while (began_ns := clock()) < self._close_until_ns:
                known = len(self.view.agents)
                await self.look_at_participants()
                if len(self.view.agents) > known:
                    self.wake()
                await asyncio.sleep(max(0.0, close.interval_s - (clock() - began_ns) / 1e9))
        finally:
            close.rooms -= 1

    async def end_close_looks(self) -> None:
        """Stop them: what was asked has been seen, or the room is about to be closed."""
        self._close_for_s = 0.0
        task, self._looking_closely = self._looking_closely, None
        if task is not None:
            task.cancel()
            (failed,) = await asyncio.gather(task, return_exceptions=True)
            if isinstance(failed, Exception):
                raise failed

    def hear(self, event: WebhookEvent) -> None:
        """A webhook says that somebody came or went: look now. An agent counts also where no look shows it."""
        if event.participant.kind == api.ParticipantInfo.Kind.AGENT:
            self.view.agents.setdefault(event.participant.sid, described(event.participant))
        self.wake()

    # -- how often ---------------------------------------------------------------------------------------------------

    def hurry(self) -> None:
        """Look often again: something is about to change."""
        self._pace(INTERVAL_MIN_S, INTERVAL_GROWTH)

    def wake(self) -> None:
        """Look now, and often: something has just changed."""
        self._pace(INTERVAL_WOKEN_S, GROWTH_WOKEN)
        self._woken.set()

    def _pace(self, interval_s: float, growth: float) -> None:
        self._interval_s, self._growth, self._interval_max_s = interval_s, growth, INTERVAL_MAX_S

    async def look(self) -> None:
        """Look at the dispatches, then at the participants.

        In this order, so that whoever listDispatch calls ended is seen to be gone or there afterwards.
        """
        await self._look_at_dispatches()
        await self.look_at_participants()

    async def _look_at_dispatches(self) -> None:
        try:
            listed = await self._control.list_dispatch(self._recorder, self._room)
        except ApiCallError as error:
            self._note_sight(error)
            return
        self._note_sight(None)
        dispatches = sorted((_dispatch(item) for item in listed), key=lambda item: item["created_at_ns"])
        if dispatches != self.view.dispatches or not self._listed:
            self._listed = True
            self.view.dispatches = dispatches
            self._recorder.record("dispatch.listed", dispatches=dispatches)
        jobs = {job["job_id"] for dispatch in dispatches for job in dispatch["jobs"]}
        if jobs - self._jobs:
            self._jobs |= jobs
            self.watch_closely()

    async def look_at_participants(self) -> bool:
        """Who is in the room now; whether that was answered. Looks follow each other, and never overlap."""
        async with self._one_look:
            return await self._look_at_participants()

    async def _look_at_participants(self) -> bool:
        try:
            listed = await self._control.list_participants(self._recorder, self._room)
        except ApiCallError as error:
            self._note_sight(error)
            if error.code != "not_found":
                return False
            listed = []  # nobody is in a room that is not there
        self._note_sight(None)
        now = {item.sid: described(item) for item in listed}
        before, self.view.participants = self.view.participants, now
        for sid, participant in now.items():
            lane = "agent" if participant["kind"] == "agent" else "participant"
            if lane == "agent":
                self.view.agents[sid] = participant
            if sid not in before:
                self._recorder.record(f"{lane}.joined", **participant)
            elif participant != before[sid]:
                self._recorder.record(f"{lane}.changed", **participant)
        for sid, participant in before.items():
            if sid not in now:
                lane = "agent" if participant["kind"] == "agent" else "participant"
                self._recorder.record(f"{lane}.left", identity=participant["identity"], sid=sid)
        return True

    def _note_sight(self, error: ApiCallError | None) -> None:
        if error is None or not error.unreachable:
            self._blind_since_ns = None
        elif self._blind_since_ns is None:
            self._blind_since_ns = self._recorder.run.now_mono_ns()


def _dispatch(dispatch: api.AgentDispatch) -> dict[str, Any]:
    return {
        "dispatch_id": dispatch.id,
        "agent_name": dispatch.agent_name,
        "created_at_ns": dispatch.state.created_at,
        "jobs": [_job(job) for job in dispatch.state.jobs],
    }


def _job(job: api.Job) -> dict[str, Any]:
    state = job.state
    known = {
        "job_id": job.id,
        "type": api.JobType.Name(job.type),
        "status": api.JobStatus.Name(state.status),
        "error": state.error,
        "reason": api.JobStateReason.Name(state.reason) if state.reason else "",
        "started_at_ns": state.started_at,
        "updated_at_ns": state.updated_at,
        "ended_at_ns": state.ended_at,
        "participant_identity": state.participant_identity,
        "worker_id": state.worker_id,
        "agent_id": state.agent_id,
    }
    return {key: value for key, value in known.items() if value}
