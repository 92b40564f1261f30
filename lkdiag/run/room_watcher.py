"""Watches one room by the API: who is in it, and what listDispatch says. Every change is an event."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from livekit import api

from lkdiag.client.api_client import ApiCallError, described
from lkdiag.journal.participant_kinds import (
    AgentChanged,
    AgentJoined,
    AgentLeft,
    ParticipantChanged,
    ParticipantJoined,
    ParticipantLeft,
)
from lkdiag.journal.trial_kinds import DispatchListed, RoomWatchedClosely
from lkdiag.text import enum_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from livekit.protocol.webhook import WebhookEvent

    from lkdiag.client.api_client import Control
    from lkdiag.journal.recorder import TrialRecorder


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
CLOSE_UNDER_WAY_MAX = 8
"""Close looks at a room that wait for their answers at a time."""
CLOSE_MARGIN_S = 1.0
"""By so much a close watch lasts longer than asked: a job begins up to 0.2 s after the call that asks for it, and a
worker may take 2.8 s to answer."""


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

    control: Control
    rooms: int = 0

    @property
    def interval_s(self) -> float:
        """How far apart the close looks at one of the rooms are."""
        if self.control.is_near:
            return CLOSE_INTERVAL_HERE_S * max(1.0, self.rooms / CLOSE_ROOMS_HERE)
        return CLOSE_INTERVAL_S * max(1, self.rooms)


class RoomWatcher:
    """Looks at a room again and again, fast at first, then slower.

    `told`: only lkdiag's own probe can play the agent, and it wakes the watcher when the agent is there. Until then the
    watcher looks seldom, in case it is not told after all. Any other agent may be gone after a tenth of a second: where
    `close` is given, `begin` starts looks at the participants that are dense enough to see it. Each job that is listed
    for the first time starts them again. `woken` is set when there is something new to look at (None: only the watcher
    itself waits for that).
    """

    def __init__(
        self,
        control: Control,
        recorder: TrialRecorder,
        room: str,
        *,
        told: bool = False,
        close: CloseWatch | None = None,
        woken: asyncio.Event | None = None,
    ) -> None:
        self._control = control
        self._recorder = recorder
        self._room = room
        self._close = None if told else close
        self._close_for_s = 0.0
        self._close_until_ns = 0
        self._looking_closely: asyncio.Task[None] | None = None
        self._newest_look: asyncio.Task[bool] | None = None
        self._found_ns: dict[str, int] = {}
        """By SID: when somebody was found by name, whom no list had shown."""
        self._jobs: set[str] = set()
        self._interval_s = INTERVAL_TOLD_S if told else FIRST_LOOK_S
        self._growth = 1.0 if told else INTERVAL_GROWTH
        self._interval_max_s = INTERVAL_TOLD_S if told else INTERVAL_MAX_S
        self._woken = woken or asyncio.Event()
        self._listed = False
        self.view = RoomView()

    async def wait_until(
        self, done: Callable[[RoomView], bool], deadline_ns: int, *, look_at_once: bool = True
    ) -> bool:
        """Whether `done` became true by the deadline (monotonic nanoseconds).

        The last look begins at the deadline or after it, so that what is not there then was not there in time.
        A look that fails is recorded as a failed call, and the watch goes on. Raises SightLostError when the server
        counts as gone (`control/away.py`).
        """
        clock = self._recorder.run.now_mono_ns
        if not look_at_once:
            await self._pause(deadline_ns)
        while True:
            late = clock() >= deadline_ns
            await self.look()
            if gone := self._control.given_up(clock()):
                raise SightLostError(gone)
            if done(self.view):
                return True
            if late:
                await self._ask_after_agents()
                return done(self.view)
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
            self._recorder.record(RoomWatchedClosely(first_after_s=first_after_s))
            look = self._look_closely(self._close, first_after_s)
            self._looking_closely = asyncio.create_task(look, name=f"close looks at {self._room}")

    async def _look_closely(self, close: CloseWatch, first_after_s: float) -> None:
        """Where an answer takes longer than the interval, the next look begins meanwhile."""
        under_way: set[asyncio.Task[bool]] = set()
        close.rooms += 1
        try:
            await asyncio.sleep(first_after_s)
            while self._recorder.run.now_mono_ns() < self._close_until_ns:
                under_way.add(self._begin_look(wakes=True))
                await asyncio.sleep(close.interval_s)
                if len(under_way) >= CLOSE_UNDER_WAY_MAX:
                    await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
                done = {look for look in under_way if look.done()}
                under_way -= done
                for look in done:
                    look.result()
        finally:
            close.rooms -= 1
            for look in under_way:
                look.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)

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

    async def _ask_after_agents(self) -> None:
        """Of agents whose jobs are listed and who were not seen ask by name: that answer is never an empty one."""
        jobs = [job for dispatch in self.view.dispatches for job in dispatch["jobs"]]
        identities = {job["participant_identity"] for job in jobs if job.get("participant_identity")}
        seen = {agent["identity"] for agent in self.view.agents.values()}
        for identity in sorted(identities - seen):
            try:
                found = await self._control.get_participant(self._recorder, self._room, identity)
            except ApiCallError:
                continue
            if found is not None and found.sid not in self.view.participants:
                participant = described(found)
                self._found_ns[found.sid] = self._recorder.run.now_mono_ns()
                self.view.participants[found.sid] = participant
                self.view.agents[found.sid] = participant
                self._recorder.record(AgentJoined(**participant))

    async def look(self) -> bool:
        """Look at the dispatches, then at the participants; whether the latter was answered.

        In this order, so that whoever listDispatch calls ended is seen to be gone or there afterwards.
        """
        await self._look_at_dispatches()
        return await self.look_at_participants()

    async def _look_at_dispatches(self) -> None:
        try:
            known = bool(self.view.dispatches)
            listed = await self._control.list_dispatch(self._recorder, self._room, known=known)
        except ApiCallError:
            return
        dispatches = sorted((_dispatch(item) for item in listed), key=lambda item: item["created_at_ns"])
        if dispatches != self.view.dispatches or not self._listed:
            self._listed = True
            self.view.dispatches = dispatches
            self._recorder.record(DispatchListed(dispatches=dispatches))
        jobs = {job["job_id"] for dispatch in dispatches for job in dispatch["jobs"]}
        if jobs - self._jobs:
            self._jobs |= jobs
            self.watch_closely()

    async def look_at_participants(self) -> bool:
        """Who is in the room now; whether that was answered."""
        return await self._begin_look()

    def _begin_look(self, *, wakes: bool = False) -> asyncio.Task[bool]:
        """Looks may be under way side by side; they are taken note of in the order in which they began.

        With `wakes` a new agent wakes the watcher.
        """
        look = self._look_at_participants(self._newest_look, wakes=wakes)
        self._newest_look = asyncio.create_task(look, name=f"look at {self._room}")
        return self._newest_look

    async def _look_at_participants(self, earlier: asyncio.Task[bool] | None, *, wakes: bool) -> bool:
        began_ns = self._recorder.run.now_mono_ns()
        listed: list[api.ParticipantInfo] | None = []  # nobody is in a room that is not there
        try:
            known = [one["identity"] for one in self.view.participants.values()]
            listed = await self._control.list_participants(self._recorder, self._room, known=known)
        except ApiCallError as error:
            if not error.says_not_found:
                listed = None
        if earlier is not None and not earlier.done():
            await asyncio.wait({earlier})
        if listed is None:
            return False
        agents = len(self.view.agents)
        self._take_note({item.sid: described(item) for item in listed}, began_ns)
        if wakes and len(self.view.agents) > agents:
            self.wake()
        return True

    def _take_note(self, now: dict[str, dict[str, Any]], began_ns: int) -> None:
        """Of who was there when a look that began then was answered."""
        before = self.view.participants
        now |= {sid: before[sid] for sid, ns in self._found_ns.items() if ns > began_ns and sid in before}
        self.view.participants = now
        for sid, participant in now.items():
            is_agent = participant["kind"] == "agent"
            if is_agent:
                self.view.agents[sid] = participant
            if sid not in before:
                self._recorder.record((AgentJoined if is_agent else ParticipantJoined)(**participant))
            elif participant != before[sid]:
                self._recorder.record((AgentChanged if is_agent else ParticipantChanged)(**participant))
        for sid, participant in before.items():
            if sid not in now:
                left = AgentLeft if participant["kind"] == "agent" else ParticipantLeft
                self._recorder.record(left(identity=participant["identity"], sid=sid))


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
        "type": enum_name(api.JobType, job.type),
        "status": enum_name(api.JobStatus, state.status),
        "error": state.error,
        "reason": enum_name(api.JobStateReason, state.reason) if state.reason else "",
        "started_at_ns": state.started_at,
        "updated_at_ns": state.updated_at,
        "ended_at_ns": state.ended_at,
        "participant_identity": state.participant_identity,
        "worker_id": state.worker_id,
        "agent_id": state.agent_id,
    }
    return {key: value for key, value in known.items() if value}
