"""One room that is followed: looked at often while an agent is due, seldom afterwards, until it is gone."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lkdiag.timeline import TrialRecorder
from lkdiag.timeline.attribution import agents_of_dispatch, identities_of
from lkdiag.timeline.expectancy import expected_ns
from lkdiag.timeline.presence import alone_spells, stays_of
from lkdiag.trial.watch import RoomWatcher

if TYPE_CHECKING:
    from collections.abc import Callable

    from livekit import api

    from lkdiag.control import Control
    from lkdiag.scenario.watch import WatchScenario
    from lkdiag.timeline import Event, Recorder
    from lkdiag.timeline.attribution import Dispatch
    from lkdiag.trial.watch import CloseWatch

DUE_S = 0.5
"""Between two looks while an agent is due: a room that is out of sight for 2 s is not known (`checks/fitness.py`)."""
OPEN_S = 1.5
"""While a dispatch may still be made, or waits for somebody."""
CALM_S = 5.0
"""Once every dispatch has been answered. That somebody came or went is told by listRooms, which counts people."""
YOUNG_NS = 30_000_000_000
"""In a room as young as that a dispatch may be made any moment."""
OUTLIVES_NS = 2_000_000_000
"""How long an agent may still be listed when its job has ended: an ordinary leave is seen at once."""
LAST_LOOK_S = 5.0
"""How long the last look may take when the watch ends."""
ENDED = frozenset({"JS_FAILED", "JS_CANCELLED"})
KEPT = frozenset(
    {"participant.joined", "participant.changed", "participant.left", "agent.joined", "agent.left"}
)  # fmt: skip


class _KeepingRecorder(TrialRecorder):
    """Keeps who came and went, for the call's own use."""

    def __init__(self, recorder: Recorder, trial: int) -> None:
        super().__init__(recorder, trial)
        self.kept: list[Event] = []

    def record(self, kind: str, /, **data: Any) -> Event:
        event = super().record(kind, **data)
        if kind in KEPT:
            self.kept.append(event)
        return event


@dataclass
class _Observation:
    """A dispatch that is waited for."""

    made_ns: int
    came_ns: int | None = None
    listed_ns: int | None = None
    ended_ns: int | None = None
    over: bool = False


class FollowedCall:
    """A room of somebody else's. Nobody joins it: an observer would hold it open."""

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
        """`lacked_ns`: when a listRooms began that did not have the room yet; None where there was none.

        `types` are those of all jobs that were listed, by agent name, in whichever call. `share_s` is how far apart
        the looks at each of the calls have to be, so that those in which an agent is due come first.
        """
        self.number = number
        self.room = room
        self.missing_ns: int | None = None
        """Since when listRooms knows it no longer."""
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
            "trial.started", role="subject", warmup=False, on_probe=False, method="observed", room=room.name,
            agent_name=scenario.agent_name or "",
        )  # fmt: skip
        self._found_ns = began.mono_ns
        self.recorder.record(
            "room.existed" if lacked_ns is None else "room.created",
            room=room.name,
            sid=room.sid,
            creation_time_ms=room.creation_time_ms or room.creation_time * 1000,
            empty_timeout_s=room.empty_timeout,
            departure_timeout_s=room.departure_timeout,
            lacked_mono_ns=lacked_ns,
        )

    async def follow(self) -> None:
        """Look again and again. Ends only by being cancelled."""
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
        """It is in listRooms: if the number of people has changed, look now."""
        self.missing_ns = None
        if room.num_participants != self._people:
            self._people = room.num_participants
            self._woken.set()

    def close(self) -> None:
        """It is gone for good."""
        self.recorder.record("room.closed", room=self.room.name, missing_mono_ns=self.missing_ns)
        self.recorder.record("trial.finished")

    async def end(self) -> None:
        """The watch ends while it is there: one look more, at what is left."""
        answered = False
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_LOOK_S):
                answered = await self._watcher.look()
        self._note()
        if answered:
            self.recorder.record("room.occupied", room=self.room.name, participants=self._watcher.view.people)
        self.recorder.record("trial.finished")

    # -- what a look has shown -------------------------------------------------------------------------------------

    def _note(self) -> float:
        """Take note of it; in how many seconds to look again."""
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
        """Whether its agent, or its job, is due; ends the observation when nothing more is to come."""
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
            return False  # every room without a dispatch has one without a name: it is one of somebody's if a job comes
        since_ns = expected_ns(self._types[dispatch["agent_name"]], observed.made_ns, self.recorder.kept)
        patience_ns = int((scenario.timeout_s + scenario.settle_s) * 1e9)
        if since_ns is None:
            return now_ns <= observed.made_ns + patience_ns  # it is not known to be due, but a job may come any moment
        until_ns = since_ns + patience_ns
        if observed.listed_ns is not None:
            until_ns = max(until_ns, observed.listed_ns + int(max(scenario.settle_s, scenario.delayed_after_s) * 1e9))
        return self._end(dispatch, observed) if now_ns > until_ns else True

    def _end(self, dispatch: Dispatch, observed: _Observation) -> bool:
        observed.over = True
        self.recorder.record(
            "observation.ended", dispatch_id=dispatch["dispatch_id"], agent_came=observed.came_ns is not None
        )
        return False

    def _note_alone(self, now_ns: int) -> None:
        """Say once when somebody has been left alone for too long."""
        spells = alone_spells(stays_of(self.recorder.kept))
        last = spells[-1] if spells else None
        alone = last is not None and last.until_ns is None
        if last is None or not alone:
            self.left_over = False
        elif not self.left_over and now_ns - last.since_ns >= self._scenario.alone_for_s * 1e9:
            self.left_over = True
            self.recorder.record(
                "call.left_over", identity=last.identity, kind=last.kind, since_mono_ns=last.since_ns,
                left_by=last.left_by,
            )  # fmt: skip
