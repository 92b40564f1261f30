"""What the steps of a dispatch trial act on: its room, who is in it, whose workers are there, what was seen so far."""

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
    from lkdiag.client.workers import Probe, StagedWorker
    from lkdiag.contract import CallFailure
    from lkdiag.journal.recorder import Recorder, TrialRecorder
    from lkdiag.run.plan import Cast, PlannedTrial
    from lkdiag.run.room_watcher import RoomView
    from lkdiag.scenario.dispatch import DispatchScenario
    from lkdiag.settings import Credentials


DEPARTURE_TIMEOUT_S = 20
CONFIRM_ATTEMPTS = 3
CONFIRM_INTERVAL_S = 0.2
PRIMARY, FALLBACK = "lkdiag:primary", "lkdiag:fallback"
"""Job metadata by which the probe tells the dispatch under test from those that come after it."""


@dataclass
class TrialContext:
    """What all trials of a run share."""

    credentials: Credentials
    control: Control
    recorder: Recorder
    run_id: str
    probe: Probe | None
    webhooks: WebhookListener | None
    on_unreachable: Callable[[], None]
    """Told when the server did not answer at all."""
    mixed: bool = False
    """Whether its trials are of several scenarios (lkdiag measuring itself)."""
    joiner: Joiner = field(default_factory=MediaJoiner)
    """How the probe's agents and the callers join."""
    room_sids: dict[str, int] = field(default_factory=dict)
    """SID of every room so far, and whose trial's it was."""
    close: CloseWatch = field(init=False)
    """The rooms that are watched closely at the moment."""

    def __post_init__(self) -> None:
        self.close = CloseWatch(self.control)


class Stage:
    """One trial's. `agent_name` is the name that is dispatched, `on_probe` whether the probe answers to it."""

    def __init__(
        self,
        context: TrialContext,
        scenario: DispatchScenario,
        planned: PlannedTrial,
        cast: Cast,
        *,
        empty_timeout_s: int,
    ) -> None:
        self.context = context
        self.scenario = scenario
        self.control = context.control
        self.planned = planned
        self.recorder: TrialRecorder = context.recorder.for_trial(planned.index)
        self.cast = cast
        self.agent_name = cast.agent_name
        self.on_probe = cast.on_probe
        self.empty_timeout_s = empty_timeout_s
        self.room = _room_name(context.run_id, scenario, planned)
        self.watcher = RoomWatcher(
            context.control, self.recorder, self.room, told=self.on_probe and bool(self.agent_name), close=context.close
        )
        self.people: dict[str, Participant] = {}
        self.workers: dict[str, StagedWorker] = {}
        self.room_sid: str | None = None
        """Of the room that is there now; None before it is made, and when it was deleted."""
        self.room_replaced = False
        """Whether somebody else has deleted it."""
        self.deleted_sids: set[str] = set()
        self.dispatched_ns: int | None = None
        """When the dispatch under test had been made; monotonic nanoseconds."""
        self.dispatch_id: str | None = None
        """As CreateDispatch gave it."""
        self._dispatch_ids: set[str] = set()
        """Of all that CreateDispatch made."""
        self.room_calls_agent = not self.agent_name
        """Whether the room itself was made with a dispatch for the agent; every room has one without a name."""
        self.came: bool | None = None
        """Whether the agent came while it was watched for; None before that, and once the story has sent it away."""
        self.track_seen = asyncio.Event()

    # -- the room ------------------------------------------------------------------------------------------------

    async def create_room(self, dispatches: list[tuple[str, str]]) -> None:
        """CreateRoom; what it answers may be a room that is there already. Raises ApiCallError, TrialError."""
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
        """This is the room now. Under a name used before the server may give the old one back: raises TrialError."""
        earlier = self.context.room_sids.setdefault(sid, self.planned.index)
        if earlier != self.planned.index or sid in self.deleted_sids:
            self.recorder.record(RoomReused(sid=sid, earlier_trial=earlier))
            raise TrialError(f"the room of trial {earlier} came back")
        self.room_sid = sid

    async def confirm_room(self) -> None:
        """See that the room is still the one that was made: somebody else may have deleted it, and made it anew.

        Its SID proves that it was there all the time. Otherwise an event says so: `room.replaced` (without `now_sid`
        where no room has the name now), or `room.unconfirmed` where the server does not answer.
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
            if now_sid is not None or missing > 1:  # an answer that is empty takes a second one to be believed
                if now_sid is None and await self._is_dispatched_still():
                    return  # listRooms lags behind
                self.recorder.record(RoomReplaced(room=self.room, sid=self.room_sid, now_sid=now_sid))
                self.room_replaced = True
                return
        self.recorder.record(RoomUnconfirmed(room=self.room, sid=self.room_sid, error=refusal))

    async def _is_dispatched_still(self) -> bool:
        """Whether listDispatch has a dispatch that it had before: its id is of that room alone."""
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
        """Let one of lkdiag's own participants join; `config` makes the room, if it is not there. Raises JoinError."""
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
        """CreateDispatch for the agent under test, as an event of that kind; its id. Raises ApiCallError."""
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
        """Ids of all dispatches for the agent under test; None where one may be there that was not listed yet."""
        listed = {item["dispatch_id"] for item in self.watcher.view.dispatches if item["agent_name"] == self.agent_name}
        if self.room_calls_agent and not listed:
            return None
        return listed | self._dispatch_ids

    def metadata(self, own: str) -> str:
        """The job's metadata: `own` tells the probe which dispatch it is, a user's worker gets the user's."""
        return own if self.on_probe else self.scenario.metadata

    # -- what was seen -------------------------------------------------------------------------------------------

    def agents(self, view: RoomView) -> int:
        """How many agents of the dispatched name are there, by whichever dispatch."""
        known = identities_of(job for dispatch in view.dispatches for job in dispatch["jobs"])
        agents = [p for p in view.participants.values() if p["kind"] == "agent"]
        return sum(p["identity"] in known or p.get("agent_name") == self.agent_name for p in agents)

    def agent_came(self, view: RoomView) -> bool:
        """Whether the agent of the dispatch under test was there since the dispatch, if only for a moment."""
        return self._has_own_agent(view, view.agents.values())

    def agent_is_there(self, view: RoomView) -> bool:
        """Whether the agent of the dispatch under test is there now."""
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
        """So many seconds from now, in monotonic nanoseconds."""
        return self.recorder.run.now_mono_ns() + int(after_s * 1e9)

    def fail(self, step: str, reason: str, *, failure: CallFailure | None = None) -> NoReturn:
        """The trial can't go on. Raises TrialError."""
        fail(self.recorder, step, reason, self.context.on_unreachable, failure=failure)

    def fail_of(self, step: str, error: ApiCallError) -> NoReturn:
        """The trial can't go on without what that call should have done. Raises TrialError."""
        self.fail(step, error.message, failure=error.failure)


def _room_name(run_id: str, scenario: DispatchScenario, planned: PlannedTrial) -> str:
    if scenario.reuse_room_name:
        return f"lkdiag-{run_id}-reused"
    number = f"w{planned.index + scenario.warmup}" if planned.warmup else f"{planned.index:03d}"
    return f"lkdiag-{run_id}-{number}"
