"""The state that the steps of a dispatch trial share: its room, participants, workers, and what was seen so far."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn

from livekit import api

from lkdiag.client.api_client import ApiCallError
from lkdiag.client.joiner import MediaJoiner
from lkdiag.journal.attribution import agents_of_dispatch, dispatch_under_test, identities_of, jobs_of
from lkdiag.journal.participant_kinds import AgentTrackPublished
from lkdiag.journal.trial_kinds import CreatedByCall, RoomReplaced, RoomReused, RoomUnconfirmed
from lkdiag.run.engine import TrialError, fail
from lkdiag.run.room_watcher import CloseWatch, RoomWatcher

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from lkdiag.client.api_client import Control
    from lkdiag.client.participant import Joiner, Participant
    from lkdiag.client.webhooks import WebhookListener
    from lkdiag.client.workers import Probe, SimulatedWorker
    from lkdiag.contract import CallFailure
    from lkdiag.journal.recorder import Recorder, TrialRecorder
    from lkdiag.run.plan import PlannedTrial, TrialWorkers
    from lkdiag.run.room_watcher import RoomView
    from lkdiag.scenario.dispatch import DispatchScenario
    from lkdiag.settings import Credentials


DEPARTURE_TIMEOUT_S = 20
CONFIRM_ATTEMPTS = 3
CONFIRM_INTERVAL_S = 0.2
PRIMARY, FALLBACK = "lkdiag:primary", "lkdiag:fallback"
"""Job metadata by which the probe distinguishes the dispatch under test from later ones."""


@dataclass
class TrialContext:
    """What all dispatch trials of a run share."""

    credentials: Credentials
    control: Control
    recorder: Recorder
    run_id: str
    probe: Probe | None
    webhooks: WebhookListener | None
    on_unreachable: Callable[[], None]
    """Called when the server did not answer at all."""
    mixed: bool = False
    """Whether the run mixes several scenarios, as `lkdiag selftest` does."""
    joiner: Joiner = field(default_factory=MediaJoiner)
    """How the probe's agents and the callers join."""
    room_sids: dict[str, int] = field(default_factory=dict)
    """The trial of every room so far, by the room's SID."""
    close: CloseWatch = field(init=False)
    """The rooms that are watched closely now."""

    def __post_init__(self) -> None:
        self.close = CloseWatch(self.control)


class DispatchState:
    """The state of one trial. `agent_name` is dispatched; `on_probe`: the probe answers to that name."""

    def __init__(
        self,
        context: TrialContext,
        scenario: DispatchScenario,
        planned: PlannedTrial,
        trial_workers: TrialWorkers,
        *,
        empty_timeout_s: int,
    ) -> None:
        self.context = context
        self.scenario = scenario
        self.control = context.control
        self.planned = planned
        self.recorder: TrialRecorder = context.recorder.for_trial(planned.index)
        self.trial_workers = trial_workers
        self.agent_name = trial_workers.agent_name
        self.on_probe = trial_workers.on_probe
        self.empty_timeout_s = empty_timeout_s
        self.room = _room_name(context.run_id, scenario, planned)
        self.watcher = RoomWatcher(
            context.control,
            self.recorder,
            self.room,
            probe_wakes=self.on_probe and bool(self.agent_name),
            close=context.close,
        )
        self.people: dict[str, Participant] = {}
        self.workers: dict[str, SimulatedWorker] = {}
        self.room_sid: str | None = None
        """The SID of the current room; None before it is created and after it is deleted."""
        self.room_replaced = False
        """Whether somebody else has deleted the room."""
        self.deleted_sids: set[str] = set()
        self.dispatched_ns: int | None = None
        """When the dispatch under test was created; monotonic nanoseconds."""
        self.dispatch_id: str | None = None
        """The id that CreateDispatch returned."""
        self._dispatch_ids: set[str] = set()
        """The ids of all dispatches that CreateDispatch made."""
        self.room_calls_agent = not self.agent_name
        """Whether the room itself was created with a dispatch for the agent. Every room has the unnamed dispatch."""
        self.came: bool | None = None
        """Whether the watch saw the agent join; None before the watch, and once a step has removed the agent."""
        self.track_seen = asyncio.Event()

    # -- the room ------------------------------------------------------------------------------------------------

    async def create_room(self, dispatches: list[tuple[str, str]]) -> None:
        """CreateRoom, which may return an existing room. Raises ApiCallError, TrialError."""
        self.room_calls_agent = self.room_calls_agent or any(name == self.agent_name for name, _ in dispatches)
        room = await self.control.create_room(
            self.recorder,
            self.room,
            empty_timeout_s=self.empty_timeout_s,
            departure_timeout_s=DEPARTURE_TIMEOUT_S,
            dispatches=dispatches,
            known_sid=self.room_sid,
        )
        self.note_room(room.sid)

    def note_room(self, sid: str) -> None:
        """Note the current room. Raises TrialError if the server has returned the old room of a reused name."""
        earlier = self.context.room_sids.setdefault(sid, self.planned.index)
        if earlier != self.planned.index or sid in self.deleted_sids:
            self.recorder.record(RoomReused(sid=sid, earlier_trial=earlier))
            raise TrialError(f"the room of trial {earlier} came back")
        self.room_sid = sid

    async def confirm_room(self) -> None:
        """Check that the room is still the one that was created: somebody else may have deleted and recreated it.

        The same SID proves that it existed all the time. Otherwise an event is recorded: `room.replaced` (without
        `now_sid` if no room has the name now), or `room.unconfirmed` if the server does not answer.
        """
        if self.room_sid is None:
            return
        missing, refusal = 0, "its answers contradict each other"
        for attempt in range(CONFIRM_ATTEMPTS):
            if attempt:
                await asyncio.sleep(CONFIRM_INTERVAL_S)
            try:
                now_sid = await self.control.room_sid(self.recorder, self.room)
            except ApiCallError as error:
                refusal = error.message
                continue
            if now_sid == self.room_sid:
                return
            missing += 1
            if now_sid is not None or missing > 1:  # an empty answer counts only if a second one agrees
                if now_sid is None and await self._is_dispatched_still():
                    return  # listRooms lags behind
                self.recorder.record(RoomReplaced(room=self.room, sid=self.room_sid, now_sid=now_sid))
                self.room_replaced = True
                return
        self.recorder.record(RoomUnconfirmed(room=self.room, sid=self.room_sid, error=refusal))

    async def _is_dispatched_still(self) -> bool:
        """Whether listDispatch still has a known dispatch; dispatch ids belong to one room only."""
        known = {dispatch["dispatch_id"] for dispatch in self.watcher.view.dispatches}
        if not known:
            return False
        try:
            listed = await self.control.list_dispatch(self.recorder, self.room)
        except ApiCallError:
            return False
        return not known.isdisjoint(dispatch.id for dispatch in listed)

    # -- who may join --------------------------------------------------------------------------------------------

    async def join(self, who: str, config: api.RoomConfiguration | None = None, *, publish: bool) -> None:
        """Let one of lkdiag's participants join; `config` creates the room if it does not exist. Raises JoinError."""
        credentials = self.context.credentials
        token = (
            api.AccessToken(credentials.api_key, credentials.api_secret)
            .with_identity(f"lkdiag-{who}")
            .with_grants(api.VideoGrants(room_join=True, room=self.room))
        )
        if config is not None:
            token = token.with_room_config(config)
        self.people[who] = participant = self.context.joiner.participant(self.recorder, who)
        await participant.join(credentials.ws_url, token.to_jwt(), self._note_agent_track)
        if publish:
            await participant.publish_audio()

    def _note_agent_track(self, identity: str, sid: str) -> None:
        self.recorder.record(AgentTrackPublished(identity=identity, sid=sid))
        self.track_seen.set()

    # -- dispatches ----------------------------------------------------------------------------------------------

    async def create_dispatch(self, kind: type[CreatedByCall], metadata: str) -> str:
        """CreateDispatch for the agent under test, recorded as `kind`. Returns the dispatch id. Raises ApiCallError."""
        before_ns = self.recorder.run.now_wall_ns()
        dispatch, answered = await self.control.create_dispatch(
            self.recorder, self.room, self.agent_name, metadata, known=self._known_dispatches()
        )
        self._dispatch_ids.add(dispatch.id)
        self.recorder.record(
            kind(
                dispatch_id=dispatch.id,
                agent_name=dispatch.agent_name,
                created_at_ns=dispatch.state.created_at or None,
                before_ns=before_ns if answered else None,
                by=None if answered else "look",
            )
        )
        return dispatch.id

    def _known_dispatches(self) -> set[str] | None:
        """The ids of all dispatches for the agent under test; None if there may be one that was not listed yet."""
        listed = {item["dispatch_id"] for item in self.watcher.view.dispatches if item["agent_name"] == self.agent_name}
        if self.room_calls_agent and not listed:
            return None
        return listed | self._dispatch_ids

    def metadata(self, own: str) -> str:
        """The job's metadata: `own` for the probe, which tells dispatches apart by it, else the user's own."""
        return own if self.on_probe else self.scenario.metadata

    # -- what was seen -------------------------------------------------------------------------------------------

    def agents(self, view: RoomView) -> int:
        """How many agents of the dispatched name are in the room, by any dispatch."""
        known = identities_of(job for dispatch in view.dispatches for job in dispatch["jobs"])
        agents = [p for p in view.participants.values() if p["kind"] == "agent"]
        return sum(p["identity"] in known or p.get("agent_name") == self.agent_name for p in agents)

    def agent_came(self, view: RoomView) -> bool:
        """Whether the agent of the dispatch under test has joined since the dispatch, even if it has left again."""
        return self._has_own_agent(view, view.agents.values())

    def agent_is_there(self, view: RoomView) -> bool:
        """Whether the agent of the dispatch under test is in the room now."""
        return self._has_own_agent(view, view.participants.values())

    def agent_is_active_or_gone(self, view: RoomView) -> bool:
        """Whether the media of the agent under test are connected, or it has left again."""
        there = [one for one in view.participants.values() if one["kind"] == "agent"]
        return not self._has_own_agent(view, (one for one in there if one["state"] != "active"))

    def _has_own_agent(self, view: RoomView, participants: Iterable[dict[str, Any]]) -> bool:
        dispatch = dispatch_under_test(view.dispatches, self.agent_name, self.dispatch_id)
        foreign = identities_of(job for other in view.dispatches if other is not dispatch for job in other["jobs"])
        own = identities_of(jobs_of(dispatch))
        return bool(agents_of_dispatch(participants, self.agent_name, own, foreign))

    def job_listed(self, view: RoomView) -> bool:
        """Whether listDispatch shows a job of the dispatch under test."""
        return bool(jobs_of(dispatch_under_test(view.dispatches, self.agent_name, self.dispatch_id)))

    def job_status(self, *statuses: str) -> bool:
        """Whether a job of the dispatch under test was last seen in one of these states."""
        view = self.watcher.view
        jobs = jobs_of(dispatch_under_test(view.dispatches, self.agent_name, self.dispatch_id))
        return any(job["status"] in statuses for job in jobs)

    # -- small things --------------------------------------------------------------------------------------------

    def deadline_ns(self, after_s: float) -> int:
        """The time in `after_s` seconds, in monotonic nanoseconds."""
        return self.recorder.run.now_mono_ns() + int(after_s * 1e9)

    def fail(self, step: str, reason: str, *, failure: CallFailure | None = None) -> NoReturn:
        """End the trial: it can't go on. Raises TrialError."""
        fail(self.recorder, step, reason, self.context.on_unreachable, failure=failure)

    def fail_of(self, step: str, error: ApiCallError) -> NoReturn:
        """End the trial: it can't go on after this failed call. Raises TrialError."""
        self.fail(step, error.message, failure=error.failure)


def _room_name(run_id: str, scenario: DispatchScenario, planned: PlannedTrial) -> str:
    if scenario.reuse_room_name:
        return f"lkdiag-{run_id}-reused"
    number = f"w{planned.index + scenario.warmup}" if planned.warmup else f"{planned.index:03d}"
    return f"lkdiag-{run_id}-{number}"
