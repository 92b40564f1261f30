"""One dispatch trial: it starts its workers, runs the steps of its scenario and closes everything.

To add a step: its type in `scenario/steps.py`, a function here, and a line in STEPS."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, Any

from livekit import api

from lkdiag.client.api_client import ApiCallError
from lkdiag.client.behaviours import make_behaviour
from lkdiag.client.participant import JoinError
from lkdiag.client.workers import SimulatedWorker
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
from lkdiag.run.dispatch_state import DEPARTURE_TIMEOUT_S, FALLBACK, PRIMARY, DispatchState, TrialContext
from lkdiag.run.engine import carry_out, run_steps
from lkdiag.run.plan import workers_of_trial
from lkdiag.run.room_watcher import RoomWatchError
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


async def create(state: DispatchState, step: CreateRoom) -> None:
    """Create the room without the dispatch under test.

    It names an agent that does not exist, so that it gets no unnamed dispatch and starts no worker of the project.
    """
    try:
        await state.create_room([(f"{state.room}-nobody", "")])
    except ApiCallError as error:
        state.fail_of("make the room", error)


async def delete(state: DispatchState, step: DeleteRoom) -> None:
    """Delete the room; with `gone`, wait until listRooms no longer has it."""
    if step.gone:
        await close_room(state.control, state.recorder, state.room)
    else:
        try:
            await delete_room(state.control, state.recorder, state.room)
        except ApiCallError as error:
            state.fail_of("delete the room", error)
    if state.room_sid is not None:
        state.deleted_sids.add(state.room_sid)
    state.room_sid = None
    state.came = None


ACTIVE_S = 0.5
"""How long the media of an agent that has joined may take; 0.06 to 0.15 s on a loopback network (measured)."""
OUTLIVES_S = 2.0
"""How long an agent may stay listed after its job has ended. A normal leave is seen at once."""


async def watch(state: DispatchState, step: Watch) -> None:
    """Watch until the agent has joined and its job is listed, or the time is up."""
    scenario, watcher = state.scenario, state.watcher
    assert state.dispatched_ns is not None, "a scenario is only valid with a dispatch before the watch"
    came = await watcher.wait_until(
        state.agent_came, state.dispatched_ns + int(scenario.timeout_s * 1e9), look_at_once=False
    )
    if came:
        await watcher.end_close_looks()
        settled_ns = state.deadline_ns(scenario.settle_s)
        if not state.on_probe:
            # deleting the room now would interrupt the join of a user's agent
            await watcher.wait_until(state.agent_is_active_or_gone, state.deadline_ns(ACTIVE_S))
        if not state.job_listed(watcher.view):
            await watcher.wait_until(state.job_listed, settled_ns, look_at_once=False)
        if state.job_status("JS_FAILED", "JS_CANCELLED"):
            # the job has ended, but its agent is still listed: perhaps it is just about to leave
            await watcher.wait_until(lambda view: not state.agent_is_there(view), state.deadline_ns(OUTLIVES_S))
        if state.people and state.context.joiner.has_media:
            await _wait_for_track(state, settled_ns)
    else:
        # a job may be listed late, and the agent of a listed job may still join
        if scenario.settle_s > scenario.timeout_s:
            await watcher.wait_until(state.agent_came, state.dispatched_ns + int(scenario.settle_s * 1e9))
        if state.job_status("JS_RUNNING"):
            came = await watcher.wait_until(state.agent_came, state.deadline_ns(scenario.settle_s))
    await check_worker_socket(state, came=came)
    await watcher.end_close_looks()
    await state.confirm_room()
    state.came = came
    state.recorder.record(ObservationEnded(agent_came=came))


async def check_worker_socket(state: DispatchState, *, came: bool) -> None:
    """If lkdiag's agent did not join, ping the worker: an answer proves that no message of the server was lost."""
    probe = state.context.probe
    if not came and state.on_probe and probe is not None:
        await probe.ping()


async def _wait_for_track(state: DispatchState, deadline_ns: int) -> None:
    left_s = max(0.0, (deadline_ns - state.deadline_ns(0)) / 1e9)
    try:
        async with asyncio.timeout(left_s):
            await state.track_seen.wait()
    except TimeoutError:
        state.recorder.record(AgentTrackMissing(waited_s=round(left_s, 1)))


async def wait_for(state: DispatchState, step: WaitFor) -> None:
    """Wait until the condition holds or the time is up. Checks judge what was seen, not whether the wait succeeded."""
    conditions: dict[str, Callable[[RoomView], bool]] = {
        "agent": state.agent_is_there,
        "agents": lambda view: state.agents(view) >= step.count,
        "no-agent": lambda view: not state.agents(view),
        "job": state.job_listed,
    }
    state.watcher.hurry()
    await state.watcher.wait_until(conditions[step.what], state.deadline_ns(step.within_s))


async def pause(state: DispatchState, step: Pause) -> None:
    """Do nothing for that time."""
    state.recorder.record(TrialPaused(for_s=step.for_s))
    await asyncio.sleep(step.for_s)


async def join(state: DispatchState, step: Join) -> None:
    """Let one of lkdiag's participants join."""
    try:
        await state.join(step.who, publish=step.publish)
    except JoinError as error:
        state.fail(f"let the {step.who} join", error.message)


async def leave(state: DispatchState, step: Leave) -> None:
    """Let it leave."""
    participant = state.people.pop(step.who, None)
    if participant is not None:
        await participant.leave()


async def ask_client(state: DispatchState, step: AskClient) -> None:
    """Record whom the participant's own client knows of; the API's list is read right before and right after it."""
    participant = state.people.get(step.who)
    if participant is None:
        state.fail(f"ask the {step.who}'s client", f"no {step.who} is in the room")
    await state.watcher.look_at_participants()
    state.recorder.record(ClientLooked(who=step.who, sees=sorted(participant.sees())))
    await state.watcher.look_at_participants()


async def register(state: DispatchState, step: RegisterWorker) -> None:
    """Start a simulated worker."""
    await open_worker(state, step.worker)


async def open_worker(state: DispatchState, name: str) -> None:
    """Register one of the scenario's simulated workers. Raises TrialError."""
    spec = state.trial_workers.simulated[name]
    worker = SimulatedWorker(
        state.context.credentials,
        state.recorder,
        _registered_name(spec, state.agent_name),
        state.scenario.job_type,
        spec.spec,
        rooms=lambda room: room == state.room,
        publish=state.scenario.effective_caller is not Caller.NONE,
        joiner=state.context.joiner,
    )
    state.workers[name] = worker
    try:
        await worker.open()
        await worker.ping()  # a worker can't be found right after its registration (PING_TIMEOUT_S)
    except ConnectionLostError as error:
        state.fail(f"register the worker {name!r}", error.message, failure=CallFailure.UNANSWERED)
    state.recorder.record(StagedPlays(name=name, worker_id=worker.worker_id))


def _registered_name(spec: WorkerSpec, dispatched: str) -> str:
    if spec.agent_name == "dispatched":
        return dispatched
    return "" if spec.agent_name == "none" else f"{dispatched or 'lkdiag'}-other"


async def stop(state: DispatchState, step: StopWorker) -> None:
    """Stop a worker and its agents."""
    worker = state.workers.pop(step.worker, None)
    if worker is not None:
        await worker.close()
        state.came = None


async def change(state: DispatchState, step: ChangeWorker) -> None:
    """Change how a worker behaves from now on."""
    await state.workers[step.worker].change(step.spec)


async def replace_broken(state: DispatchState) -> None:
    """Make the worker honest again: a fault affects only the dispatch under test, not what follows."""
    worker = state.workers.get(MAIN)
    if state.scenario.faults and not state.scenario.fault_fallback and worker is not None:
        await worker.change(HONEST)


CALLER = "caller"


async def dispatch(state: DispatchState, step: Dispatch) -> None:
    """Create the dispatch under test, and the room if there is none yet; then the caller joins."""
    method = step.by or state.scenario.method
    caller = state.scenario.effective_caller
    try:
        if method is Method.CREATE_DISPATCH and state.room_sid is None:
            await state.create_room([])
        # begin before the call: the agent may join before the call is answered
        state.watcher.begin(state.scenario.delayed_after_s)
        if method is Method.TOKEN:
            await _dispatch_by_token(state)
        else:
            if method is not Method.CREATE_DISPATCH:
                primary = [(state.agent_name, state.metadata(PRIMARY))] if method is Method.CREATE_ROOM else []
                await state.create_room(primary)
            # the server creates the room before this: an agent that is late by this clock is late by the server's too
            state.dispatched_ns = state.deadline_ns(0)
            if method is Method.CREATE_DISPATCH:
                state.dispatch_id = await state.create_dispatch(DispatchCreated, state.metadata(PRIMARY))
        if caller in (Caller.JOIN, Caller.PUBLISH) and CALLER not in state.people:
            await state.join(CALLER, publish=caller is Caller.PUBLISH)
            state.watcher.watch_closely()  # some workers are dispatched only when a caller joins
    except ApiCallError as error:
        state.fail_of(f"open the room by {method}", error)
    except JoinError as error:
        state.fail("let the caller join", error.message)


async def _dispatch_by_token(state: DispatchState) -> None:
    """The caller's token creates room and dispatch; listRooms then gives the room's SID and creation time."""
    config = api.RoomConfiguration(
        empty_timeout=state.empty_timeout_s,
        departure_timeout=DEPARTURE_TIMEOUT_S,
        agents=[api.RoomAgentDispatch(agent_name=state.agent_name, metadata=state.metadata(PRIMARY))],
    )
    await state.join(CALLER, config, publish=state.scenario.effective_caller is Caller.PUBLISH)
    state.dispatched_ns = state.deadline_ns(0)
    state.room_calls_agent = True
    room = await state.control.find_room(state.recorder, state.room, known=True)
    if room is None:
        state.fail("open the room by token", "the caller joined, but listRooms does not know its room")
    opened: type[RoomOpened] = RoomExisted if room.sid == state.room_sid else RoomCreated
    state.recorder.record(opened(room=room.name, sid=room.sid, creation_time_ms=room.creation_time_ms))
    state.note_room(room.sid)


async def fall_back(state: DispatchState, step: Fallback) -> None:
    """If no agent has joined: createDispatch in the same room, as the reporter of agents-js#1211 does.

    The result of the watch counts, unless a later step has stopped the agent's worker or deleted the room.
    """
    if not state.scenario.fallback or state.room_replaced:
        return
    if state.came is None:
        await state.watcher.look()
        state.came = state.agent_is_there(state.watcher.view)
    if state.came:
        return
    await replace_broken(state)
    state.watcher.begin(state.scenario.delayed_after_s)
    try:
        fallback_id = await state.create_dispatch(FallbackCreated, state.metadata(FALLBACK))
    except ApiCallError as error:
        state.recorder.record(FallbackFailed(error=error.message, failure=error.failure))
        return

    def came(view: RoomView) -> bool:
        own = identities_of(jobs_of(dispatch_under_test(view.dispatches, state.agent_name, fallback_id)))
        return any(agent["identity"] in own for agent in view.agents.values())

    state.watcher.hurry()
    rescued = await state.watcher.wait_until(came, state.deadline_ns(state.scenario.fallback_timeout_s))
    await check_worker_socket(state, came=rescued)
    await state.watcher.end_close_looks()
    await state.confirm_room()
    state.recorder.record(FallbackEnded(agent_came=rescued))


async def retry(state: DispatchState, step: Retry) -> None:
    """createDispatch again, whatever the first one did, as impatient code does."""
    try:
        await state.create_dispatch(RetryCreated, state.metadata(FALLBACK))
    except ApiCallError as error:
        state.fail_of("call the agent once more", error)
    state.watcher.hurry()


STEPS: dict[type, Callable[[DispatchState, Any], Awaitable[None]]] = {
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


PROBE_WAIT_S = 15.0
"""How long a trial waits for the probe if it has lost its socket and is registering again."""
JOIN_WAIT_S = 5.0
"""How long the room stays open for one of lkdiag's agents that is still joining."""
WEBHOOK_WAIT_S = 5.0
"""How long to wait for the webhook room_finished. The server sends it at once, and again after a failure."""
EMPTY_TIMEOUT_MARGIN_S = 30
HIDDEN = (RegisterWorker, StopWorker, ChangeWorker)
"""Steps that break something on purpose. They are ground truth, as the drawn fault is."""


class DispatchTrial:
    """One trial in one room. `run` raises nothing but CancelledError; what went wrong is in the journal."""

    def __init__(self, context: TrialContext, script: DispatchScript, planned: PlannedTrial) -> None:
        self._context = context
        self._script = script
        self._planned = planned
        self._workers = workers = workers_of_trial(script, planned, context.run_id, context.probe)
        empty_timeout_s = _longest_s(script) + EMPTY_TIMEOUT_MARGIN_S
        self._state = DispatchState(context, script.settings, planned, workers, empty_timeout_s=empty_timeout_s)

    async def run(self) -> None:
        """Run the trial and clean up."""
        state, scenario = self._state, self._script.settings
        state.recorder.record(
            DispatchStarted(
                role=self._planned.role,
                warmup=self._planned.warmup,
                on_probe=state.on_probe,
                method=scenario.method,
                room=state.room,
                agent_name=state.agent_name,
                caller=scenario.effective_caller,
                case=dict(self._planned.case) or None,
            )
        )
        await carry_out(state.recorder, self._carry_out, self._close)

    async def _carry_out(self) -> None:
        state = self._state
        if self._context.webhooks is not None:
            self._context.webhooks.watch(state.room, state.recorder, state.watcher.note_webhook)
        await self._engage_workers()
        steps = self._script.steps_of(self._planned.case)
        try:
            await run_steps(steps, STEPS, state, under_test=Dispatch, hidden=HIDDEN)
            if any(isinstance(step, Retry) for step in steps):
                await state.watcher.look()  # which agent the retry has brought
        except RoomWatchError as error:
            state.fail("watch the room", str(error), failure=CallFailure.UNANSWERED)

    async def _engage_workers(self) -> None:
        state, drawn = self._state, self._workers.drawn
        if self._script.settings.faults or self._script.workers or self._context.mixed:
            state.recorder.record(FaultDrawn(behaviour=str(drawn), scenario=self._script.name))
        if state.on_probe:
            await self._engage_probe()
        for name, spec in self._workers.simulated.items():
            if spec.register == "at-start":
                await open_worker(state, name)

    async def _engage_probe(self) -> None:
        """Have the probe accept the offers for this room."""
        probe, state, drawn = self._context.probe, self._state, self._workers.drawn
        assert probe is not None, "a run with a trial on the probe has one"
        under_test = make_behaviour(drawn)
        later = under_test if self._script.settings.fault_fallback else make_behaviour(HONEST)

        def behaviour(metadata: str) -> Behaviour:
            return later if metadata == FALLBACK else under_test

        if not await probe.wait_registered(PROBE_WAIT_S):
            self._context.on_unreachable()  # the engine checks the server before the next trial
            state.fail("wait for the probe", f"lkdiag's worker was not registered again within {PROBE_WAIT_S:g} s")
        publish = self._script.settings.effective_caller is not Caller.NONE
        probe.engage(
            state.room, state.recorder, behaviour, publish=publish, joiner=self._context.joiner,
            on_joined=state.watcher.wake,
        )  # fmt: skip

    async def _close(self) -> None:
        """Stop everything and clean up, then raise the error of a close look that crashed."""
        (crashed,) = await asyncio.gather(self._state.watcher.end_close_looks(), return_exceptions=True)
        await self._close_room()
        if crashed is not None:
            raise crashed

    async def _close_room(self) -> None:
        """Delete the room first, so that all participants see its end; then leave."""
        state, probe, webhooks = self._state, self._context.probe, self._context.webhooks
        workers = list(state.workers.values())
        if probe is not None:
            await probe.wait_joined(state.room, JOIN_WAIT_S)
        await asyncio.gather(*(worker.wait_joined(JOIN_WAIT_S) for worker in workers))
        if state.room_sid is not None or not state.deleted_sids or await self._came_back():
            await close_room(state.control, state.recorder, state.room)
        if webhooks is not None:
            await webhooks.wait_finished(state.room, WEBHOOK_WAIT_S)
            webhooks.unwatch(state.room)
        if probe is not None:
            await probe.disengage(state.room)
        await asyncio.gather(*(worker.close() for worker in workers))
        await asyncio.gather(*(participant.leave() for participant in state.people.values()))

    async def _came_back(self) -> bool:
        """Whether a room that a step deleted exists again: an agent that was still joining has created it anew."""
        try:
            return await self._state.control.find_room(self._state.recorder, self._state.room, known=False) is not None
        except ApiCallError:
            return False


def _longest_s(script: DispatchScript) -> int:
    """Longer than a trial can take: if lkdiag is killed, the server then closes the room by itself."""
    scenario = script.settings
    longest_s = scenario.timeout_s + 2 * scenario.settle_s + scenario.fallback_timeout_s
    return math.ceil(longest_s + script.waits_s)
