"""One dispatch trial: open a room with a dispatch, watch who comes, try the fallback, close, see that it is gone."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn

from livekit import api

from lkdiag.control import ApiCallError
from lkdiag.participant.media import JoinError, MediaParticipant
from lkdiag.scenario.dispatch import Caller, DispatchScenario, Method
from lkdiag.scenario.fault import HONEST, draw
from lkdiag.timeline.attribution import agents_of_dispatch, dispatch_under_test, identities_of, jobs_of
from lkdiag.trial.close import close_room
from lkdiag.trial.frame import TrialError, carry_out, fail
from lkdiag.trial.schedule import PlannedTrial, Role
from lkdiag.trial.watch import RoomWatcher, SightLostError
from lkdiag.worker.behaviour import make_behaviour

if TYPE_CHECKING:
    from collections.abc import Callable

    from lkdiag.control import Control
    from lkdiag.settings import Credentials
    from lkdiag.timeline import Recorder, TrialRecorder
    from lkdiag.trial.watch import RoomView
    from lkdiag.worker.behaviour.base import Behaviour
    from lkdiag.worker.probe import Probe

PROBE_WAIT_S = 15.0
"""How long a trial waits for a probe that has lost its socket and is registering again."""
JOIN_WAIT_S = 5.0
"""How long the room stays open for an agent of the probe's that is on its way into it."""
OUTLIVES_S = 2.0
"""How long an agent may still be listed when its job has ended: an ordinary leave is seen at once."""
PING_TIMEOUT_S = 2.0
DEPARTURE_TIMEOUT_S = 20
EMPTY_TIMEOUT_MARGIN_S = 30
PRIMARY, FALLBACK = "lkdiag:primary", "lkdiag:fallback"
"""Job metadata by which the probe tells the dispatch under test from the fallback."""


@dataclass
class TrialContext:
    """What all trials of a run share."""

    scenario: DispatchScenario
    credentials: Credentials
    control: Control
    recorder: Recorder
    run_id: str
    probe: Probe | None
    on_unreachable: Callable[[], None]
    """Told when the server did not answer at all."""
    room_sids: dict[str, int] = field(default_factory=dict)
    """SID of every room so far, and whose trial's it was."""


class DispatchTrial:
    """One room's story. `run` never raises but when cancelled; what went wrong is in the journal."""

    def __init__(self, context: TrialContext, planned: PlannedTrial) -> None:
        self._context = context
        self._scenario = context.scenario
        self._planned = planned
        self._recorder: TrialRecorder = context.recorder.for_trial(planned.index)
        self._on_probe = planned.role is Role.CONTROL or context.scenario.probe_is_subject
        self._agent_name = self._name_of_agent()
        self._room = _room_name(context, planned)
        self._watcher = RoomWatcher(context.control, self._recorder, self._room)
        self._caller: MediaParticipant | None = None
        self._dispatch_id: str | None = None
        self._fallback_id: str | None = None
        self._track_seen = asyncio.Event()

    async def run(self) -> None:
        """Carry it out, and leave nothing behind."""
        scenario = self._scenario
        self._recorder.record(
            "trial.started",
            role=self._planned.role,
            warmup=self._planned.warmup,
            on_probe=self._on_probe,
            method=scenario.method,
            room=self._room,
            agent_name=self._agent_name,
            caller=scenario.effective_caller,
        )
        await carry_out(self._recorder, self._carry_out, self._close)

    async def _carry_out(self) -> None:
        await self._engage_probe()
        created_ns = await self._open()
        try:
            if not await self._observe(created_ns) and self._scenario.fallback:
                await self._fall_back()
        except SightLostError as error:
            self._fail("watch the room", str(error), unreachable=True)

    # -- the dispatch under test ---------------------------------------------------------------------------------

    async def _engage_probe(self) -> None:
        """Draw this trial's behaviour, and have the probe take the room's offers."""
        probe = self._context.probe
        if not self._on_probe or probe is None:
            return
        scenario = self._scenario
        drawn = HONEST if self._planned.warmup else draw(scenario.faults, scenario.seed, self._planned.index)
        if scenario.faults:
            self._recorder.record("fault.drawn", behaviour=str(drawn))
        on_fallback = drawn if scenario.fault_fallback else HONEST

        def behaviour(metadata: str) -> Behaviour:
            return make_behaviour(on_fallback if metadata == FALLBACK else drawn)

        if not await probe.wait_registered(PROBE_WAIT_S):
            self._context.on_unreachable()  # before the next trial begins the server is asked whether it is there
            self._fail("wait for the probe", f"lkdiag's worker was not registered again within {PROBE_WAIT_S:g} s")
        publish = scenario.effective_caller is not Caller.NONE
        probe.engage(self._room, self._recorder, behaviour, publish=publish)

    async def _open(self) -> int:
        """Make the room and its dispatch; when that was, in monotonic nanoseconds."""
        scenario = self._scenario
        method = scenario.method
        metadata = PRIMARY if self._on_probe else scenario.metadata
        try:
            if method is Method.TOKEN:
                return await self._open_by_token(metadata)
            room = await self._context.control.create_room(
                self._recorder,
                self._room,
                empty_timeout_s=self._empty_timeout_s(),
                departure_timeout_s=DEPARTURE_TIMEOUT_S,
                dispatches=[(self._agent_name, metadata)] if method is Method.CREATE_ROOM else [],
            )
            # the room's clock begins before this: what has not come by then plus the timeout is late on it too
            at_ns = self._recorder.run.now_mono_ns()
            self._refuse_old_room(room.sid)
            if method is Method.CREATE_DISPATCH:
                self._dispatch_id = await self._create_dispatch("dispatch.created", metadata)
            if scenario.effective_caller is not Caller.NONE:
                await self._join_caller(None)
        except ApiCallError as error:
            self._fail(f"open the room by {method}", error.message, unreachable=error.unreachable)
        return at_ns

    async def _open_by_token(self, metadata: str) -> int:
        """The caller's token makes room and dispatch; the room's SID and time are asked for afterwards."""
        config = api.RoomConfiguration(
            empty_timeout=self._empty_timeout_s(),
            departure_timeout=DEPARTURE_TIMEOUT_S,
            agents=[api.RoomAgentDispatch(agent_name=self._agent_name, metadata=metadata)],
        )
        await self._join_caller(config)
        at_ns = self._recorder.run.now_mono_ns()
        room = await self._context.control.find_room(self._recorder, self._room)
        if room is None:
            self._fail("open the room by token", "the caller joined, but listRooms does not know its room")
        self._recorder.record("room.created", room=room.name, sid=room.sid, creation_time_ms=room.creation_time_ms)
        self._refuse_old_room(room.sid)
        return at_ns

    async def _observe(self, created_ns: int) -> bool:
        """Watch until the agent is there and its job is listed, or the time is up; whether the agent came."""
        scenario = self._scenario
        clock = self._recorder.run.now_mono_ns
        deadline_ns = created_ns + _ns(scenario.timeout_s)
        came = await self._watcher.wait_until(self._agent_came, deadline_ns)
        if came:
            settled_ns = clock() + _ns(scenario.settle_s)
            await self._watcher.wait_until(self._job_listed, settled_ns)
            if self._job_status("JS_FAILED", "JS_CANCELLED"):
                # the job of an agent that is there has ended: is the agent only a little behind?
                await self._watcher.wait_until(lambda view: not self._agent_came(view), clock() + _ns(OUTLIVES_S))
            if self._caller is not None:
                await self._wait_for_track(settled_ns)
        else:
            # a job may be listed late, and one that is listed now may still bring its agent
            await self._watcher.wait_until(self._agent_came, created_ns + _ns(scenario.settle_s))
            if self._job_status("JS_RUNNING"):
                came = await self._watcher.wait_until(self._agent_came, clock() + _ns(scenario.settle_s))
        if not came and self._on_probe and self._context.probe is not None:
            # proof that nothing which the server said to the worker was lost on the way
            await self._context.probe.ping(PING_TIMEOUT_S)
        self._recorder.record("observation.ended", agent_came=came)
        return came

    # -- the fallback --------------------------------------------------------------------------------------------

    async def _fall_back(self) -> None:
        """createDispatch in the same room, as agents-js#1211's reporter does."""
        metadata = FALLBACK if self._on_probe else self._scenario.metadata
        try:
            self._fallback_id = await self._create_dispatch("fallback.created", metadata)
        except ApiCallError as error:
            self._recorder.record("fallback.failed", error=error.message)
            return
        clock = self._recorder.run.now_mono_ns
        self._watcher.hurry()
        came = await self._watcher.wait_until(self._fallback_came, clock() + _ns(self._scenario.fallback_timeout_s))
        self._recorder.record("fallback.ended", agent_came=came)

    def _fallback_came(self, view: RoomView) -> bool:
        fallback = dispatch_under_test(view.dispatches, self._agent_name, self._fallback_id)
        own = identities_of(jobs_of(fallback))
        return any(p["identity"] in own for p in view.participants.values())

    # -- steps ---------------------------------------------------------------------------------------------------

    async def _create_dispatch(self, kind: str, metadata: str) -> str:
        before_ns = self._recorder.run.now_wall_ns()
        dispatch = await self._context.control.create_dispatch(self._recorder, self._room, self._agent_name, metadata)
        self._recorder.record(
            kind,
            dispatch_id=dispatch.id,
            agent_name=dispatch.agent_name,
            created_at_ns=dispatch.state.created_at or None,
            before_ns=before_ns,
        )
        return dispatch.id

    async def _join_caller(self, config: api.RoomConfiguration | None) -> None:
        credentials = self._context.credentials
        token = (
            api.AccessToken(credentials.api_key, credentials.api_secret)
            .with_identity("lkdiag-caller")
            .with_grants(api.VideoGrants(room_join=True, room=self._room))
        )
        if config is not None:
            token = token.with_room_config(config)
        self._caller = MediaParticipant(self._recorder, "caller")
        try:
            await self._caller.join(credentials.ws_url, token.to_jwt(), self._note_agent_track)
            if self._scenario.effective_caller is Caller.PUBLISH:
                await self._caller.publish_audio()
        except JoinError as error:
            self._fail("let the caller join", error.message)

    def _note_agent_track(self, identity: str, sid: str) -> None:
        self._recorder.record("agent.track_published", identity=identity, sid=sid)
        self._track_seen.set()

    async def _wait_for_track(self, deadline_ns: int) -> None:
        left_s = max(0.0, (deadline_ns - self._recorder.run.now_mono_ns()) / 1e9)
        try:
            async with asyncio.timeout(left_s):
                await self._track_seen.wait()
        except TimeoutError:
            self._recorder.record("agent.track_missing", waited_s=round(left_s, 1))

    async def _close(self) -> None:
        """Delete the room first, so that everybody in it sees how it ends; then leave."""
        if self._context.probe is not None:
            await self._context.probe.wait_joined(self._room, JOIN_WAIT_S)
        await close_room(self._context.control, self._recorder, self._room)
        if self._context.probe is not None:
            await self._context.probe.disengage(self._room)
        if self._caller is not None:
            await self._caller.leave()

    # -- conditions ----------------------------------------------------------------------------------------------

    def _agent_came(self, view: RoomView) -> bool:
        dispatch = dispatch_under_test(view.dispatches, self._agent_name, self._dispatch_id)
        foreign = identities_of(job for other in view.dispatches if other is not dispatch for job in other["jobs"])
        own = identities_of(jobs_of(dispatch))
        return bool(agents_of_dispatch(view.participants.values(), self._agent_name, own, foreign))

    def _job_listed(self, view: RoomView) -> bool:
        return bool(jobs_of(dispatch_under_test(view.dispatches, self._agent_name, self._dispatch_id)))

    def _job_status(self, *statuses: str) -> bool:
        view = self._watcher.view
        jobs = jobs_of(dispatch_under_test(view.dispatches, self._agent_name, self._dispatch_id))
        return any(job["status"] in statuses for job in jobs)

    # -- small things --------------------------------------------------------------------------------------------

    def _fail(self, step: str, reason: str, *, unreachable: bool = False) -> NoReturn:
        fail(self._recorder, step, reason, self._context.on_unreachable, unreachable=unreachable)

    def _refuse_old_room(self, sid: str) -> None:
        """Under a name used before the server may give the old room back, and then dispatches nobody."""
        earlier = self._context.room_sids.setdefault(sid, self._planned.index)
        if earlier != self._planned.index:
            self._recorder.record("room.reused", sid=sid, earlier_trial=earlier)
            raise TrialError(f"the room of trial {earlier} came back")

    def _name_of_agent(self) -> str:
        if self._on_probe:
            return self._context.probe.agent_name if self._context.probe is not None else ""
        return self._scenario.agent_name or ""

    def _empty_timeout_s(self) -> int:
        """Longer than the trial can take; afterwards the room goes by itself, should lkdiag be killed."""
        scenario = self._scenario
        longest_s = scenario.timeout_s + 2 * scenario.settle_s + scenario.fallback_timeout_s
        return math.ceil(longest_s) + EMPTY_TIMEOUT_MARGIN_S


def _room_name(context: TrialContext, planned: PlannedTrial) -> str:
    if context.scenario.reuse_room_name:
        return f"lkdiag-{context.run_id}-reused"
    number = f"w{planned.index + context.scenario.warmup}" if planned.warmup else f"{planned.index:03d}"
    return f"lkdiag-{context.run_id}-{number}"


def _ns(seconds: float) -> int:
    return int(seconds * 1e9)
