"""Watches one room by API: its participants, and what listDispatch says. Every change is an event."""

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
"""No job request comes sooner: the server collects workers' answers for 0.2 s (psrpc's affinity timeout)."""
INTERVAL_MIN_S = 0.1
INTERVAL_MAX_S = 0.5
INTERVAL_GROWTH = 1.15
INTERVAL_PROBE_S = 1.0
"""With lkdiag's own probe there is nothing to see until its agent has joined, which wakes the watcher."""
INTERVAL_WOKEN_S = 0.02
GROWTH_WOKEN = 1.5
"""The API shows an event after some milliseconds, or only after seconds."""

CLOSE_INTERVAL_S = 0.05
"""Between two close looks at participants, over all rooms that are watched closely at the time, because a server
limits the calls of a project (LiveKit Cloud allows about 1,000 a minute)."""
CLOSE_INTERVAL_HERE_S = 0.02
"""The same for a server on this machine, which has no limit; each of up to `CLOSE_ROOMS_HERE` rooms has it."""
CLOSE_ROOMS_HERE = 4
CLOSE_UNDER_WAY_MAX = 8
"""How many close looks at a room may wait for their answers at the same time."""
CLOSE_MARGIN_S = 1.0
"""How much longer than asked a close watch lasts: a job begins up to 0.2 s after the call that asks for it, and a
worker may take 2.8 s to answer."""


class RoomWatchError(Exception):
    """The room can't be watched any longer: the server does not answer."""


@dataclass
class RoomView:
    """What the last looks at a room showed."""

    participants: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Who is in the room now, by SID: a participant that leaves and rejoins is a new one."""
    agents: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Every agent seen since `RoomWatcher.begin`, by a look or by a webhook; by SID."""
    dispatches: list[dict[str, Any]] = field(default_factory=list)

    @property
    def people(self) -> list[dict[str, str]]:
        """`identity` and `kind` of each participant, ordered by identity, as `room.occupied` lists them."""
        listed = ({"identity": one["identity"], "kind": one["kind"]} for one in self.participants.values())
        return sorted(listed, key=lambda one: one["identity"])


@dataclass
class CloseWatch:
    """The rooms of a run that are watched closely now; they share one rate of looks."""

    control: Control
    rooms: int = 0

    @property
    def interval_s(self) -> float:
        """The time between two close looks at one room."""
        if self.control.is_near:
            return CLOSE_INTERVAL_HERE_S * max(1.0, self.rooms / CLOSE_ROOMS_HERE)
        return CLOSE_INTERVAL_S * max(1, self.rooms)


class RoomWatcher:
    """Polls a room, often at first, then less often.

    `probe_wakes`: only lkdiag's own probe can provide the agent, and it wakes the watcher when the agent has joined.
    Until then the watcher polls rarely, in case that call does not come. Any other agent may be gone after a tenth of a
    second. So with `close`, `begin` starts polls of the participants that are frequent enough to see it, and each newly
    listed job starts them again. `woken` is set when there is something new to look at (None: only the watcher itself
    waits for that).
    """

    def __init__(
        self,
        control: Control,
        recorder: TrialRecorder,
        room: str,
        *,
        probe_wakes: bool = False,
        close: CloseWatch | None = None,
        woken: asyncio.Event | None = None,
    ) -> None:
        self._control = control
        self._recorder = recorder
        self._room = room
        self._close = None if probe_wakes else close
        self._close_for_s = 0.0
        self._close_until_ns = 0
        self._looking_closely: asyncio.Task[None] | None = None
        self._newest_look: asyncio.Task[bool] | None = None
        self._found_ns: dict[str, int] = {}
        """By SID: when a participant that no list had shown was found by name."""
        self._jobs: set[str] = set()
        self._interval_s = INTERVAL_PROBE_S if probe_wakes else FIRST_LOOK_S
        self._growth = 1.0 if probe_wakes else INTERVAL_GROWTH
        self._interval_max_s = INTERVAL_PROBE_S if probe_wakes else INTERVAL_MAX_S
        self._woken = woken or asyncio.Event()
        self._listed = False
        self.view = RoomView()

    async def wait_until(
        self, done: Callable[[RoomView], bool], deadline_ns: int, *, look_at_once: bool = True
    ) -> bool:
        """Whether `done` became true by the deadline (monotonic nanoseconds).

        The last look begins at the deadline or after it, so that whatever it does not show was not there in time.
        A failed look is recorded as a failed call, and the watch goes on. Raises RoomWatchError when the server counts
        as gone (`answers.ServerAbsence`).
        """
        clock = self._recorder.run.now_mono_ns
        if not look_at_once:
            await self._pause(deadline_ns)
        while True:
            late = clock() >= deadline_ns
            await self.look()
            if gone := self._control.given_up(clock()):
                raise RoomWatchError(gone)
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
        """Begin to watch for an agent that is about to be dispatched. Every agent seen from now on counts.

        For `close_for_s` the participants are watched closely, beginning after `first_after_s`.
        """
        self.view.agents = {}
        self._jobs = {job["job_id"] for dispatch in self.view.dispatches for job in dispatch["jobs"]}
        self._close_for_s = close_for_s
        self.watch_closely(first_after_s)

    def watch_closely(self, first_after_s: float = 0.0) -> None:
        """Look closely from now on, for the time that `begin` was given: the agent may join at any moment."""
        if self._close is None or self._close_for_s <= 0:
            return
        now_ns = self._recorder.run.now_mono_ns()
        self._close_until_ns = now_ns + int((self._close_for_s + CLOSE_MARGIN_S) * 1e9)
        if self._looking_closely is None or self._looking_closely.done():
            self._recorder.record(RoomWatchedClosely(first_after_s=first_after_s))
            look = self._look_closely(self._close, first_after_s)
            self._looking_closely = asyncio.create_task(look, name=f"close looks at {self._room}")

    async def _look_closely(self, close: CloseWatch, first_after_s: float) -> None:
        """If an answer takes longer than the interval, the next look begins before it comes."""
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
        """Stop the close looks. Raises what one of them raised."""
        self._close_for_s = 0.0
        task, self._looking_closely = self._looking_closely, None
        if task is not None:
            task.cancel()
            (failed,) = await asyncio.gather(task, return_exceptions=True)
            if isinstance(failed, Exception):
                raise failed

    def note_webhook(self, event: WebhookEvent) -> None:
        """Look now, because a webhook says that somebody joined or left. An agent counts even if no look shows it."""
        if event.participant.kind == api.ParticipantInfo.Kind.AGENT:
            self.view.agents.setdefault(event.participant.sid, described(event.participant))
        self.wake()

    # -- how often ---------------------------------------------------------------------------------------------------

    def hurry(self) -> None:
        """Look often again: something is about to change."""
        self._set_interval(INTERVAL_MIN_S, INTERVAL_GROWTH)

    def wake(self) -> None:
        """Look now, and often: something has just changed."""
        self._set_interval(INTERVAL_WOKEN_S, GROWTH_WOKEN)
        self._woken.set()

    def _set_interval(self, interval_s: float, growth: float) -> None:
        self._interval_s, self._growth, self._interval_max_s = interval_s, growth, INTERVAL_MAX_S

    async def _ask_after_agents(self) -> None:
        """Ask by name for agents whose jobs are listed and that were not seen: that answer is never an empty one."""
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
        """Look at the dispatches, then at the participants. Returns whether the latter was answered.

        In this order, the second look shows whether the agent of a job that listDispatch calls ended is still there.
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
        """Look who is in the room now. Returns whether that was answered."""
        return await self._begin_look()

    def _begin_look(self, *, wakes: bool = False) -> asyncio.Task[bool]:
        """Begin a look. Several may be in progress; their results are applied in the order in which they began.

        With `wakes`, a new agent wakes the watcher.
        """
        look = self._look_at_participants(self._newest_look, wakes=wakes)
        self._newest_look = asyncio.create_task(look, name=f"look at {self._room}")
        return self._newest_look

    async def _look_at_participants(self, earlier: asyncio.Task[bool] | None, *, wakes: bool) -> bool:
        began_ns = self._recorder.run.now_mono_ns()
        listed: list[api.ParticipantInfo] | None = []  # a room that does not exist is empty
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
        self._update({item.sid: described(item) for item in listed}, began_ns)
        if wakes and len(self.view.agents) > agents:
            self.wake()
        return True

    def _update(self, now: dict[str, dict[str, Any]], began_ns: int) -> None:
        """Apply the answer of a look that began at `began_ns`; record who joined, changed and left."""
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
