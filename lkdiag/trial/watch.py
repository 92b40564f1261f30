"""Watches one room by the API: who is in it, and what listDispatch says. Every change is an event."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from livekit import api

from lkdiag.control import ApiCallError

if TYPE_CHECKING:
    from collections.abc import Callable

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

AGENT_NAME_ATTRIBUTE = "lk.agent_name"
"""Set by the server on an agent's participant (livekit-server pkg/agent/worker.go, AgentNameAttributeKey)."""


class SightLostError(Exception):
    """The room could not be watched any further: the server does not answer."""


@dataclass
class RoomView:
    """What the last looks at a room have shown."""

    participants: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By SID: a participant that left and came again is another one."""
    dispatches: list[dict[str, Any]] = field(default_factory=list)


class RoomWatcher:
    """Looks at a room again and again, fast at first, then slower.

    `told`: somebody wakes it when the agent is there. Until then it looks seldom, in case it is not told after all.
    """

    def __init__(self, control: Control, recorder: TrialRecorder, room: str, *, told: bool = False) -> None:
        self._control = control
        self._recorder = recorder
        self._room = room
        self._interval_s = INTERVAL_TOLD_S if told else FIRST_LOOK_S
        self._growth = 1.0 if told else INTERVAL_GROWTH
        self._interval_max_s = INTERVAL_TOLD_S if told else INTERVAL_MAX_S
        self._woken = asyncio.Event()
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
            known = bool(self.view.dispatches)
            listed = await self._control.list_dispatch(self._recorder, self._room, known=known)
        except ApiCallError:
            return
        dispatches = sorted((_dispatch(item) for item in listed), key=lambda item: item["created_at_ns"])
        if dispatches != self.view.dispatches or not self._listed:
            self._listed = True
            self.view.dispatches = dispatches
            self._recorder.record("dispatch.listed", dispatches=dispatches)

    async def look_at_participants(self) -> bool:
        """Who is in the room now; whether that was answered."""
        try:
            known = [one["identity"] for one in self.view.participants.values()]
            listed = await self._control.list_participants(self._recorder, self._room, known=known)
        except ApiCallError as error:
            if not error.says_not_found:
                return False
            listed = []  # nobody is in a room that is not there
        now = {item.sid: _participant(item) for item in listed}
        before, self.view.participants = self.view.participants, now
        for sid, participant in now.items():
            lane = "agent" if participant["kind"] == "agent" else "participant"
            if sid not in before:
                self._recorder.record(f"{lane}.joined", **participant)
            elif participant != before[sid]:
                self._recorder.record(f"{lane}.changed", **participant)
        for sid, participant in before.items():
            if sid not in now:
                lane = "agent" if participant["kind"] == "agent" else "participant"
                self._recorder.record(f"{lane}.left", identity=participant["identity"], sid=sid)
        return True


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


def _participant(participant: api.ParticipantInfo) -> dict[str, Any]:
    hidden = {"hidden": True} if participant.permission.hidden else {}
    return hidden | {
        "identity": participant.identity,
        "sid": participant.sid,
        "kind": api.ParticipantInfo.Kind.Name(participant.kind).lower(),
        "state": api.ParticipantInfo.State.Name(participant.state).lower(),
        "joined_at_ms": participant.joined_at_ms or participant.joined_at * 1000,
        "agent_name": participant.attributes.get(AGENT_NAME_ATTRIBUTE),
        "tracks": [track.sid for track in participant.tracks],
    }
