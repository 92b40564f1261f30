"""One dispatch trial: its workers are engaged, the scenario's steps are carried out, everything is closed.

To add a step: its type in `scenario/step.py`, a function here, and a line in STEPS."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, Any

from livekit import api

from lkdiag.client.api_client import ApiCallError
from lkdiag.client.behaviours import make_behaviour
from lkdiag.client.participant import JoinError
from lkdiag.client.workers import StagedWorker
from lkdiag.contract import CallFailure
from lkdiag.errors import ConnectionLostError
from lkdiag.journal.attribution import dispatch_under_test, identities_of, jobs_of
from lkdiag.journal.participant_kinds import AgentTrackMissing, ClientLooked
from lkdiag.journal.run_kinds import FaultDrawn
from lkdiag.journal.trial_kinds import (
    DispatchCreated,
    DispatchStarted,
    FallbackCreated,
    FallbackEnded,
    FallbackFailed,
    ObservationEnded,
    RetryCreated,
    RoomCreated,
    RoomExisted,
    RoomOpened,
    TrialPaused,
)
from lkdiag.journal.worker_kinds import StagedPlays
from lkdiag.run.close import close_room, delete_room
from lkdiag.run.dispatch_state import DEPARTURE_TIMEOUT_S, FALLBACK, PRIMARY, Stage, TrialContext
from lkdiag.run.engine import carry_out, play
from lkdiag.run.plan import cast_trial
from lkdiag.run.room_watcher import SightLostError
from lkdiag.scenario import steps as words
from lkdiag.scenario.dispatch import Caller, Method
from lkdiag.scenario.fault import HONEST
from lkdiag.scenario.steps import MAIN, ChangeWorker, Dispatch, RegisterWorker, Retry, StopWorker

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from lkdiag.client.behaviours import Behaviour
    from lkdiag.run.plan import PlannedTrial
    from lkdiag.run.room_watcher import RoomView
    from lkdiag.scenario.script import DispatchScript
    from lkdiag.scenario.steps import (
        AskClient,
        CreateRoom,
        DeleteRoom,
        Fallback,
        Join,
        Leave,
        Pause,
        WaitFor,
        Watch,
        WorkerSpec,
    )


# Steps about the room itself: it is made before anybody is dispatched to it, or deleted in the middle of the story.


async def create(stage: Stage, step: CreateRoom) -> None:
    """A room without the dispatch under test.

    It names an agent that nobody has, so that it gets no unnamed dispatch and starts no worker of the project.
    """
    try:
        await stage.create_room([(f"{stage.room}-nobody", "")])
    except ApiCallError as error:
        stage.fail_of("make the room", error)


async def delete(stage: Stage, step: DeleteRoom) -> None:
    """Delete it; with `gone`, wait until listRooms knows it no longer."""
    if step.gone:
        await close_room(stage.control, stage.recorder, stage.room)
    else:
        try:
            await delete_room(stage.control, stage.recorder, stage.room)
        except ApiCallError as error:
            stage.fail_of("delete the room", error)
    if stage.room_sid is not None:
        stage.deleted_sids.add(stage.room_sid)
    stage.room_sid = None
    stage.came = None


# Steps in which time goes by: the watch for the agent, waiting for something else, and a pause on purpose.

ACTIVE_S = 0.5
"""How long the media of an agent that has joined may take; 0.06 to 0.15 s on a loopback network (measured)."""
OUTLIVES_S = 2.0
"""How long an agent may still be listed when its job has ended: an ordinary leave is seen at once."""


async def watch(stage: Stage, step: Watch) -> None:
    """Until the agent is there and its job is listed, or the time is up."""
    scenario, watcher = stage.scenario, stage.watcher
    assert stage.dispatched_ns is not None, "a scenario is only valid with a dispatch before the watch"
    came = await watcher.wait_until(
        stage.agent_came, stage.dispatched_ns + int(scenario.timeout_s * 1e9), look_at_once=False
    )
    if came:
        await watcher.end_close_looks()
        settled_ns = stage.deadline_ns(scenario.settle_s)
        if not stage.on_probe:
            # to delete the room now would break off the join of somebody else's agent
            await watcher.wait_until(stage.agent_is_active_or_gone, stage.deadline_ns(ACTIVE_S))
        if not stage.job_listed(watcher.view):
            await watcher.wait_until(stage.job_listed, settled_ns, look_at_once=False)
        if stage.job_status("JS_FAILED", "JS_CANCELLED"):
            # the job of an agent that is there has ended: is the agent only a little behind?
            await watcher.wait_until(lambda view: not stage.agent_is_there(view), stage.deadline_ns(OUTLIVES_S))
        if stage.people and stage.context.joiner.has_media:
            await _wait_for_track(stage, settled_ns)
    else:
        # a job may be listed late, and one that is listed now may still bring its agent
        if scenario.settle_s > scenario.timeout_s:
            await watcher.wait_until(stage.agent_came, stage.dispatched_ns + int(scenario.settle_s * 1e9))
        if stage.job_status("JS_RUNNING"):
            came = await watcher.wait_until(stage.agent_came, stage.deadline_ns(scenario.settle_s))
    await prove_heard(stage, came=came)
    await watcher.end_close_looks()
    await stage.confirm_room()
    stage.came = came
    stage.recorder.record(ObservationEnded(agent_came=came))


async def prove_heard(stage: Stage, *, came: bool) -> None:
    """Where lkdiag's agent did not come: that nothing which the server said to its worker was lost on the way."""
    probe = stage.context.probe
    if not came and stage.on_probe and probe is not None:
        await probe.ping()


async def _wait_for_track(stage: Stage, deadline_ns: int) -> None:
    left_s = max(0.0, (deadline_ns - stage.deadline_ns(0)) / 1e9)
    try:
        async with asyncio.timeout(left_s):
            await stage.track_seen.wait()
    except TimeoutError:
        stage.recorder.record(AgentTrackMissing(waited_s=round(left_s, 1)))


async def wait_for(stage: Stage, step: WaitFor) -> None:
    """Until the room is so, or the time is up; what was seen is judged, not whether the wait succeeded."""
    conditions: dict[str, Callable[[RoomView], bool]] = {
        "agent": stage.agent_is_there,
        "agents": lambda view: stage.agents(view) >= step.count,
        "no-agent": lambda view: not stage.agents(view),
        "job": stage.job_listed,
    }
    stage.watcher.hurry()
    await stage.watcher.wait_until(conditions[step.what], stage.deadline_ns(step.within_s))


async def pause(stage: Stage, step: Pause) -> None:
    """Nothing happens, on purpose."""
    stage.recorder.record(TrialPaused(for_s=step.for_s))
    await asyncio.sleep(step.for_s)


# Steps of lkdiag's own participants: they join, leave, and say whom their client knows of.


async def join(stage: Stage, step: Join) -> None:
    """Somebody comes into the room."""
    try:
        await stage.join(step.who, publish=step.publish)
    except JoinError as error:
        stage.fail(f"let the {step.who} join", error.message)


async def leave(stage: Stage, step: Leave) -> None:
    """Somebody goes."""
    participant = stage.people.pop(step.who, None)
    if participant is not None:
        await participant.leave()


async def ask_client(stage: Stage, step: AskClient) -> None:
    """Whom that participant's own client knows of, with a look at what the API says right before and after it."""
    participant = stage.people.get(step.who)
    if participant is None:
        stage.fail(f"ask the {step.who}'s client", f"no {step.who} is in the room")
    await stage.watcher.look_at_participants()
    stage.recorder.record(ClientLooked(who=step.who, sees=sorted(participant.sees())))
    await stage.watcher.look_at_participants()


# Steps of workers that lkdiag plays as somebody else's: one comes, one goes, one changes its ways.


async def register(stage: Stage, step: RegisterWorker) -> None:
    """A worker comes."""
    await open_worker(stage, step.worker)


async def open_worker(stage: Stage, name: str) -> None:
    """Register one of the scenario's workers. Raises TrialError."""
    spec = stage.cast.workers[name]
    worker = StagedWorker(
        stage.context.credentials,
        stage.recorder,
        _registered_name(spec, stage.agent_name),
        stage.scenario.job_type,
        spec.spec,
        rooms=lambda room: room == stage.room,
        publish=stage.scenario.effective_caller is not Caller.NONE,
        joiner=stage.context.joiner,
    )
    stage.workers[name] = worker
    try:
        await worker.open()
        await worker.ping()  # see worker/connection.py: it can't be found at once
    except ConnectionLostError as error:
        stage.fail(f"register the worker {name!r}", error.message, failure=CallFailure.UNANSWERED)
    stage.recorder.record(StagedPlays(name=name, worker_id=worker.worker_id))


def _registered_name(spec: WorkerSpec, dispatched: str) -> str:
    if spec.agent_name == "dispatched":
        return dispatched
    return "" if spec.agent_name == "none" else f"{dispatched or 'lkdiag'}-other"


async def stop(stage: Stage, step: StopWorker) -> None:
    """A worker goes, with its agents."""
    worker = stage.workers.pop(step.worker, None)
    if worker is not None:
        await worker.close()
        stage.came = None


async def change(stage: Stage, step: ChangeWorker) -> None:
    """A worker behaves in another way from now on."""
    await stage.workers[step.worker].change(step.spec)


async def replace_broken(stage: Stage) -> None:
    """A fault strikes the dispatch under test alone: what comes after it meets an honest worker."""
    worker = stage.workers.get(MAIN)
    if stage.scenario.faults and not stage.scenario.fault_fallback and worker is not None:
        await worker.change(HONEST)


# Steps that call an agent: the dispatch under test by one of the four methods, the fallback, and a careless retry.

CALLER = "caller"


async def dispatch(stage: Stage, step: Dispatch) -> None:
    """Make the dispatch under test, and the room where there is none yet; then the caller comes."""
    method = step.by or stage.scenario.method
    caller = stage.scenario.effective_caller
    try:
        if method is Method.CREATE_DISPATCH and stage.room_sid is None:
            await stage.create_room([])
        # from before the call on: its answer may come later than the agent
        stage.watcher.begin(stage.scenario.delayed_after_s)
        if method is Method.TOKEN:
            await _dispatch_by_token(stage)
        else:
            if method is not Method.CREATE_DISPATCH:
                primary = [(stage.agent_name, stage.metadata(PRIMARY))] if method is Method.CREATE_ROOM else []
                await stage.create_room(primary)
            # the room's clock begins before this: what has not come by then plus the timeout is late on it too
            stage.dispatched_ns = stage.deadline_ns(0)
            if method is Method.CREATE_DISPATCH:
                stage.dispatch_id = await stage.create_dispatch(DispatchCreated, stage.metadata(PRIMARY))
        if caller in (Caller.JOIN, Caller.PUBLISH) and CALLER not in stage.people:
            await stage.join(CALLER, publish=caller is Caller.PUBLISH)
            stage.watcher.watch_closely()  # some workers are called by a caller alone
    except ApiCallError as error:
        stage.fail_of(f"open the room by {method}", error)
    except JoinError as error:
        stage.fail("let the caller join", error.message)


async def _dispatch_by_token(stage: Stage) -> None:
    """The caller's token makes room and dispatch; the room's SID and time are asked for afterwards."""
    config = api.RoomConfiguration(
        empty_timeout=stage.empty_timeout_s,
        departure_timeout=DEPARTURE_TIMEOUT_S,
        agents=[api.RoomAgentDispatch(agent_name=stage.agent_name, metadata=stage.metadata(PRIMARY))],
    )
    await stage.join(CALLER, config, publish=stage.scenario.effective_caller is Caller.PUBLISH)
    stage.dispatched_ns = stage.deadline_ns(0)
    stage.room_calls_agent = True
    room = await stage.control.find_room(stage.recorder, stage.room, known=True)
    if room is None:
        stage.fail("open the room by token", "the caller joined, but listRooms does not know its room")
    opened: type[RoomOpened] = RoomExisted if room.sid == stage.room_sid else RoomCreated
    stage.recorder.record(opened(room=room.name, sid=room.sid, creation_time_ms=room.creation_time_ms))
    stage.note_room(room.sid)


async def fall_back(stage: Stage, step: Fallback) -> None:
    """When nobody is there: createDispatch in the same room, as agents-js#1211's reporter does.

    What the watch has seen counts, unless the story has taken the agent's worker or room away since then.
    """
    if not stage.scenario.fallback or stage.room_replaced:
        return
    if stage.came is None:
        await stage.watcher.look()
        stage.came = stage.agent_is_there(stage.watcher.view)
    if stage.came:
        return
    await replace_broken(stage)
    stage.watcher.begin(stage.scenario.delayed_after_s)
    try:
        fallback_id = await stage.create_dispatch(FallbackCreated, stage.metadata(FALLBACK))
    except ApiCallError as error:
        stage.recorder.record(FallbackFailed(error=error.message, failure=error.failure))
        return

    def came(view: RoomView) -> bool:
        own = identities_of(jobs_of(dispatch_under_test(view.dispatches, stage.agent_name, fallback_id)))
        return any(agent["identity"] in own for agent in view.agents.values())

    stage.watcher.hurry()
    rescued = await stage.watcher.wait_until(came, stage.deadline_ns(stage.scenario.fallback_timeout_s))
    await prove_heard(stage, came=rescued)
    await stage.watcher.end_close_looks()
    await stage.confirm_room()
    stage.recorder.record(FallbackEnded(agent_came=rescued))


async def retry(stage: Stage, step: Retry) -> None:
    """createDispatch once more, whatever became of the first: what impatient code does."""
    try:
        await stage.create_dispatch(RetryCreated, stage.metadata(FALLBACK))
    except ApiCallError as error:
        stage.fail_of("call the agent once more", error)
    stage.watcher.hurry()


STEPS: dict[type, Callable[[Stage, Any], Awaitable[None]]] = {
    words.CreateRoom: create,
    words.DeleteRoom: delete,
    words.Dispatch: dispatch,
    words.Watch: watch,
    words.Fallback: fall_back,
    words.Retry: retry,
    words.Join: join,
    words.Leave: leave,
    words.AskClient: ask_client,
    words.Pause: pause,
    words.WaitFor: wait_for,
    words.RegisterWorker: register,
    words.StopWorker: stop,
    words.ChangeWorker: change,
}


# One dispatch trial: its workers are engaged, the scenario's steps are played, everything is closed.

PROBE_WAIT_S = 15.0
"""How long a trial waits for a probe that has lost its socket and is registering again."""
JOIN_WAIT_S = 5.0
"""How long the room stays open for an agent of lkdiag's that is on its way into it."""
WEBHOOK_WAIT_S = 5.0
"""How long the webhook of the room's end may take; the server sends it at once, and again after a failure."""
EMPTY_TIMEOUT_MARGIN_S = 30
HIDDEN = (RegisterWorker, StopWorker, ChangeWorker)
"""Steps that break something on purpose: ground truth, like the draw."""


class DispatchTrial:
    """One room's story. `run` never raises but when cancelled; what went wrong is in the journal."""

    def __init__(self, context: TrialContext, script: DispatchScript, planned: PlannedTrial) -> None:
        self._context = context
        self._script = script
        self._planned = planned
        self._cast = cast_trial(script, planned, context.run_id, context.probe)
        empty_timeout_s = _longest_s(script) + EMPTY_TIMEOUT_MARGIN_S
        self._stage = Stage(context, script.settings, planned, self._cast, empty_timeout_s=empty_timeout_s)

    async def run(self) -> None:
        """Carry it out, and leave nothing behind."""
        stage, scenario = self._stage, self._script.settings
        stage.recorder.record(
            DispatchStarted(
                role=self._planned.role,
                warmup=self._planned.warmup,
                on_probe=stage.on_probe,
                method=scenario.method,
                room=stage.room,
                agent_name=stage.agent_name,
                caller=scenario.effective_caller,
                case=dict(self._planned.case) or None,
            )
        )
        await carry_out(stage.recorder, self._carry_out, self._close)

    async def _carry_out(self) -> None:
        stage = self._stage
        if self._context.webhooks is not None:
            self._context.webhooks.watch(stage.room, stage.recorder, stage.watcher.hear)
        await self._engage_workers()
        steps = self._script.steps_of(self._planned.case)
        try:
            await play(steps, STEPS, stage, under_test=Dispatch, hidden=HIDDEN)
            if any(isinstance(step, Retry) for step in steps):
                await stage.watcher.look()  # whom it has brought
        except SightLostError as error:
            stage.fail("watch the room", str(error), failure=CallFailure.UNANSWERED)

    async def _engage_workers(self) -> None:
        stage, drawn = self._stage, self._cast.drawn
        if self._script.settings.faults or self._script.workers or self._context.mixed:
            stage.recorder.record(FaultDrawn(behaviour=str(drawn), scenario=self._script.name))
        if stage.on_probe:
            await self._engage_probe()
        for name, spec in self._cast.workers.items():
            if spec.register == "at-start":
                await open_worker(stage, name)

    async def _engage_probe(self) -> None:
        """Have the probe take the room's offers."""
        probe, stage, drawn = self._context.probe, self._stage, self._cast.drawn
        assert probe is not None, "a run with a trial on the probe has one"
        under_test = make_behaviour(drawn)
        later = under_test if self._script.settings.fault_fallback else make_behaviour(HONEST)

        def behaviour(metadata: str) -> Behaviour:
            return later if metadata == FALLBACK else under_test

        if not await probe.wait_registered(PROBE_WAIT_S):
            self._context.on_unreachable()  # before the next trial begins the server is asked whether it is there
            stage.fail("wait for the probe", f"lkdiag's worker was not registered again within {PROBE_WAIT_S:g} s")
        publish = self._script.settings.effective_caller is not Caller.NONE
        probe.engage(
            stage.room, stage.recorder, behaviour, publish=publish, joiner=self._context.joiner,
            on_joined=stage.watcher.wake,
        )  # fmt: skip

    async def _close(self) -> None:
        """End what goes on, and leave nothing behind; a close look that crashed is told of afterwards."""
        (crashed,) = await asyncio.gather(self._stage.watcher.end_close_looks(), return_exceptions=True)
        await self._close_room()
        if crashed is not None:
            raise crashed

    async def _close_room(self) -> None:
        """Delete the room first, so that everybody in it sees how it ends; then leave."""
        stage, probe, webhooks = self._stage, self._context.probe, self._context.webhooks
        workers = list(stage.workers.values())
        if probe is not None:
            await probe.wait_joined(stage.room, JOIN_WAIT_S)
        await asyncio.gather(*(worker.wait_joined(JOIN_WAIT_S) for worker in workers))
        if stage.room_sid is not None or not stage.deleted_sids or await self._came_back():
            await close_room(stage.control, stage.recorder, stage.room)
        if webhooks is not None:
            await webhooks.wait_finished(stage.room, WEBHOOK_WAIT_S)
            webhooks.unwatch(stage.room)
        if probe is not None:
            await probe.disengage(stage.room)
        await asyncio.gather(*(worker.close() for worker in workers))
        await asyncio.gather(*(participant.leave() for participant in stage.people.values()))

    async def _came_back(self) -> bool:
        """A room that was deleted in the story is there again: an agent that was on its way has made it anew."""
        try:
            return await self._stage.control.find_room(self._stage.recorder, self._stage.room, known=False) is not None
        except ApiCallError:
            return False


def _longest_s(script: DispatchScript) -> int:
    """More than a trial can take: afterwards its room goes by itself, should lkdiag be killed."""
    scenario = script.settings
    longest_s = scenario.timeout_s + 2 * scenario.settle_s + scenario.fallback_timeout_s
    return math.ceil(longest_s + script.waits_s)
