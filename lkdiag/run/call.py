"""One call that is merged and hung up: it runs the steps of its scenario, then closes everything.

To add a step: its type in `scenario/steps.py`, a function here, and a line in CALL_STEPS."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from livekit import api

from lkdiag.client.api_client import ApiCallError
from lkdiag.client.media import MediaParticipant
from lkdiag.client.participant import JoinError
from lkdiag.journal.call_kinds import (
    CallHangingUp,
    CallHungUp,
    CallMerged,
    SubjectLeft,
    SubjectRemoved,
    SubjectSeen,
    SubjectStayed,
)
from lkdiag.journal.trial_kinds import CallStarted, RoomClosed, RoomOccupied, TrialClosing
from lkdiag.run.call_participants import Agent, ChildParticipant
from lkdiag.run.call_session import listener_name
from lkdiag.run.call_state import (
    CALLER,
    DEPARTURE_TIMEOUT_S,
    EMPTY_TIMEOUT_S,
    HUMAN,
    LAST_LOOK_FAILED,
    LOOK_INTERVAL_S,
    STEP_TIMEOUT_S,
    CallContext,
    CallState,
    merge_calls,
)
from lkdiag.run.cleanups import OUTSIDE, WatchedCall
from lkdiag.run.close import close_room
from lkdiag.run.engine import carry_out, run_steps
from lkdiag.scenario import steps as words
from lkdiag.scenario.call import AgentExit, HangupStyle, Side
from lkdiag.scenario.steps import CreateRoom

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from lkdiag.run.call_state import Party
    from lkdiag.run.plan import PlannedCall
    from lkdiag.scenario.script import TeardownScript
    from lkdiag.scenario.steps import AgentLeaves, CallJoin, CallWaitFor, HangUp, Merge, Watch


async def join(state: CallState, step: CallJoin) -> None:
    """Let the caller join the caller room, or the human a room of its own."""
    if step.who == "caller":
        await state.join(state.caller, state.room)
    else:
        await _bring_human(state)


async def _bring_human(state: CallState) -> None:
    # named, so that the room gets no unnamed dispatch and starts no worker of the project
    nobody = [(f"{state.human_room}-nobody", "")]
    state.human_room_open = True
    await state.control.create_room(
        state.recorder,
        state.human_room,
        empty_timeout_s=EMPTY_TIMEOUT_S,
        departure_timeout_s=DEPARTURE_TIMEOUT_S,
        dispatches=nobody,
    )
    await state.join(state.human, state.human_room)


# The user's own agent is only watched. lkdiag removes it only if the user has asked for that (`--remove-agent`): in
# agents-js#1895 the listener that deletes the room lives on in an agent whose session is closed.

WHERE = "bring your agent into the caller room"
CLOSE_FOR_S = 2.0
"""How long after its dispatch lkdiag polls closely for the agent, so that it sees one that leaves at once."""


async def look_for_subject(state: CallState) -> None:
    """Look for the user's agent from now on. One that leaves at once is there for a tenth of a second."""
    state.watcher.begin(CLOSE_FOR_S)
    webhooks = state.context.webhooks
    if webhooks is not None:
        state.lookouts.append(asyncio.create_task(_listen(state), name="webhooks of the caller room"))


async def _listen(state: CallState) -> None:
    assert state.context.webhooks is not None, "it is only called where webhooks are received"
    async for event in state.context.webhooks.of_room(state.room):
        if event.event in ("participant_joined", "participant_connection_aborted"):
            state.webhook_joins += 1
            if event.participant.kind == api.ParticipantInfo.Kind.AGENT:
                state.note_agent(event.participant.identity, "webhook")


async def wait_for_subject(state: CallState) -> None:
    """Wait until the agent was seen once, or the caller is disconnected. Raises TrialError if it was not seen."""
    seen = await state.seen_within(lambda _view: state.agent_came or state.caller.is_gone, STEP_TIMEOUT_S)
    await state.watcher.end_close_looks()
    if seen:
        return
    within = f"not seen within {STEP_TIMEOUT_S:g} s"
    if seen is None:
        state.fail(WHERE, f"{within}, and {LAST_LOOK_FAILED}", own=True)
    tells = f"lkdiag dispatch-trial --agent-name {state.scenario.agent_name} tells"
    try:
        dispatches = await state.control.list_dispatch(state.recorder, state.room, known=True)
    except ApiCallError as error:
        state.fail(WHERE, f"{within}, and listDispatch did not answer: {error.message}; {tells} more", own=True)
    if not dispatches:  # the room was made with one
        state.fail(WHERE, f"{within}, and listDispatch does not list its dispatch; {tells} more", own=True)
    if not any(dispatch.state.jobs for dispatch in dispatches):
        state.fail(WHERE, f"{within}, and listDispatch shows no job of it; {tells} why")
    if state.webhook_joins:
        state.fail(WHERE, f"{within}: a worker took its job, and webhooks told of other joins only; {tells} why")
    between = "a worker took its job, so it may have come and gone between two looks"
    state.fail(WHERE, f"{within}, but {between}; {tells} more", own=True)


async def wait_left(state: CallState) -> None:
    """Wait for the agent to leave; remove one that stays only if the user wants that. Raises ApiCallError, TrialError.

    After a failed last look it is unknown whether the agent has left.
    """
    step = "put your agent out"

    async def is_gone(timeout_s: float) -> bool | None:
        return await state.seen_within(lambda view: not state.agent_is_there(view), timeout_s)

    gone = await is_gone(state.scenario.agent_leaves_within_s)
    if gone:
        state.recorder.record(SubjectLeft())
        return
    if not state.scenario.remove_agent:
        if gone is False:
            state.recorder.record(SubjectStayed(waited_s=state.scenario.agent_leaves_within_s))
        return
    if gone is None:
        state.fail(step, LAST_LOOK_FAILED, own=True)
    for one in list(state.watcher.view.participants.values()):
        if one["kind"] == "agent":
            state.recorder.record(SubjectRemoved(identity=one["identity"]))
            try:
                await state.control.remove_participant(state.recorder, state.room, one["identity"])
            except ApiCallError as error:
                if not error.says_not_found:  # it has just left by itself
                    raise
    gone = await is_gone(STEP_TIMEOUT_S)
    if not gone:
        state.fail(step, LAST_LOOK_FAILED if gone is None else f"still there after {STEP_TIMEOUT_S:g} s", own=True)


async def note_at_hang_up(state: CallState) -> None:
    """Record the agents in the room, their tracks, and how many are muted. Records nothing without an answer."""
    known = [one["identity"] for one in state.watcher.view.participants.values()]
    try:
        listed = await state.control.list_participants(state.recorder, state.room, known=known)
    except ApiCallError as error:
        if not error.says_not_found:
            return
        listed = []  # a room that does not exist is empty
    agents = [one for one in listed if one.kind == api.ParticipantInfo.Kind.AGENT]
    state.recorder.record(
        SubjectSeen(
            agents=[
                {
                    "identity": one.identity,
                    "tracks": len(one.tracks),
                    "muted": sum(track.muted for track in one.tracks),
                }
                for one in agents
            ],
        )
    )


async def create_room(state: CallState, step: CreateRoom) -> None:
    """Create the caller room, with the agent's dispatch."""
    context = state.context
    if context.webhooks is not None:
        context.webhooks.watch(state.room, state.recorder)
    name = state.scenario.agent_name
    if context.probe is not None:
        if not await context.probe.wait_registered(STEP_TIMEOUT_S):
            context.on_unreachable()
            state.fail("wait for the probe", f"not registered again within {STEP_TIMEOUT_S:g} s", own=True)
        context.probe.engage(state.room, state.recorder, lambda _metadata: state, publish=False)
        name = context.probe.agent_name
    room = await context.control.create_room(
        state.recorder,
        state.room,
        empty_timeout_s=EMPTY_TIMEOUT_S,
        departure_timeout_s=DEPARTURE_TIMEOUT_S,
        dispatches=[(name or "", "")],
    )
    state.room_sid = room.sid
    if context.probe is None:
        await look_for_subject(state)


async def wait_for(state: CallState, step: CallWaitFor) -> None:
    """Wait until the agent is in the caller room; the user's own may have left again."""
    if state.context.probe is None:
        await wait_for_subject(state)
        return
    await state.wait_for("bring the agent into the caller room", state.agent_is_there)


async def leaves(state: CallState, step: AgentLeaves) -> None:
    """Let the agent leave in the planned way. A user's own agent decides itself whether it leaves."""
    agent = state.agent
    if isinstance(agent, ChildParticipant):
        await agent.kill()
    elif isinstance(agent, Agent):
        agent.close_session()
        if state.planned.agent_exit is AgentExit.LEFT_ROOM:
            await agent.leave()
            await state.wait_for("see the agent leave", lambda view: not state.agent_is_there(view))
    else:
        await wait_left(state)


async def merge(state: CallState, step: Merge) -> None:
    """Bring the human into the caller room, and register the cleanup, as the SDK's own task does."""
    context = state.context

    async def rejoin() -> None:
        await state.human.media.leave()
        state.human.new_line()
        await state.join(state.human, state.room)

    if state.caller.is_gone or not await state.room_is_there():
        state.fail("merge the calls", "the caller room was closed before the human could be brought in", own=True)
    way = await merge_calls(context.merge, state.control, state.recorder, state.human_room, HUMAN, state.room, rejoin)
    state.recorder.record(CallMerged(by=way))
    state.human_room_open = not await close_room(state.control, state.recorder, state.human_room)
    if context.probe is None:
        # the user's agent may have left already, and may have deleted the room
        await state.wait_for("bring both into one room", state.both_are_there_or_put_out)
        return
    await state.wait_for("bring all three into one room", state.all_are_there)
    await _arm_cleanup(state)


async def _arm_cleanup(state: CallState) -> None:
    agent, cleanup = state.agent, state.planned.cleanup
    if isinstance(agent, Agent) and not await agent.wait_sees({CALLER, HUMAN}, STEP_TIMEOUT_S):
        state.fail(
            "let the agent see both sides", f"its client was not told of them within {STEP_TIMEOUT_S:g} s", own=True
        )
    if isinstance(agent, ChildParticipant):
        await agent.attach(cleanup)
    elif agent is not None:
        agent.attach(cleanup)
    if cleanup in OUTSIDE:
        call = WatchedCall(state.room, (CALLER, HUMAN), state.control, state.recorder, state.context.webhooks)
        state.outside = asyncio.ensure_future(OUTSIDE[cleanup](call))


GOODBYE_S = 1.0
"""A goodbye is seen at once. One not seen by then was lost: livekit.rtc may close its socket before it has sent the
goodbye (livekit 1.1.21, seen on a busy machine)."""
GONE_INTERVAL_S = 0.05


async def hang_up(state: CallState, step: HangUp) -> None:
    """The planned side hangs up."""
    side = state.planned.hangup
    party = state.caller if side is Side.CALLER else state.human
    if state.context.probe is None:
        await note_at_hang_up(state)
    state.recorder.record(CallHangingUp(side=side, identity=party.identity))
    lost = state.scenario.hangup_style is HangupStyle.LOST
    if lost and isinstance(party.media, ChildParticipant):
        await party.media.kill()
    else:
        await party.media.leave()
    _note(state, party)
    if not lost and await _is_still_listed(state, party):
        await _remove(state, party)


def _note(state: CallState, party: Party) -> None:
    event = state.recorder.record(CallHungUp(side=state.planned.hangup, identity=party.identity))
    state.hung_up_ns = event.mono_ns


async def _is_still_listed(state: CallState, party: Party) -> bool:
    deadline_ns = state.recorder.run.now_mono_ns() + int(GOODBYE_S * 1e9)
    while True:
        answered = await state.watcher.look_at_participants()
        listed = any(one["identity"] == party.identity for one in state.watcher.view.participants.values())
        if not answered or not listed:
            return False
        if state.recorder.run.now_mono_ns() >= deadline_ns:
            return True
        await asyncio.sleep(GONE_INTERVAL_S)


async def _remove(state: CallState, party: Party) -> None:
    """Remove it, as a SIP service does with a line that has hung up. The hang-up counts from here on."""
    try:
        await state.control.remove_participant(state.recorder, state.room, party.identity)
    except ApiCallError as error:
        if not error.says_not_found:
            raise
    _note(state, party)


SURVIVOR_WAIT_S = 2.0
"""How long the survivor of a closed room may take to be disconnected."""


async def watch(state: CallState, step: Watch) -> None:
    """Watch the room and the survivor by API, never by joining, until the room is gone or the window ends."""
    assert state.hung_up_ns is not None, "a scenario is only valid with a hang-up before the watch"
    clock = state.recorder.run.now_mono_ns
    deadline_ns = state.hung_up_ns + int(state.scenario.window_s * 1e9)
    survivor = state.human if state.planned.hangup is Side.CALLER else state.caller
    while True:
        late = clock() >= deadline_ns
        answered = True
        try:
            there = await state.room_is_there()
        except ApiCallError as error:
            if state.control.given_up(clock()):
                state.fail("watch the room", error.message, failure=error.failure)
            answered = False
        else:
            if not there:
                state.recorder.record(RoomClosed(room=state.room))
                if not survivor.is_gone:
                    await _wait_gone(survivor, SURVIVOR_WAIT_S)
                return
        if late:
            break
        await _wait_gone(survivor, LOOK_INTERVAL_S)  # a disconnected survivor is a reason to look at once
    if answered and await state.watcher.look_at_participants():
        state.recorder.record(RoomOccupied(room=state.room, participants=state.watcher.view.people))


async def _wait_gone(party: Party, timeout_s: float) -> None:
    """Wait until that side is disconnected, or the time is up. If it is disconnected already, wait the whole time."""
    media = party.media
    if party.is_gone or not isinstance(media, MediaParticipant):
        await asyncio.sleep(timeout_s)
        return
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(timeout_s):
            await media.gone.wait()


CALL_STEPS: dict[type, Callable[[CallState, Any], Awaitable[None]]] = {
    words.CreateRoom: create_room,
    words.CallJoin: join,
    words.CallWaitFor: wait_for,
    words.Merge: merge,
    words.AgentLeaves: leaves,
    words.HangUp: hang_up,
    words.Watch: watch,
}


JOIN_WAIT_S = 5.0
"""How long a join in progress may take. A join takes 0.1 s, and seconds on a busy machine."""


class CallTrial:
    """One call. `run` raises nothing but CancelledError; what went wrong is in the journal."""

    def __init__(self, context: CallContext, script: TeardownScript, planned: PlannedCall) -> None:
        self._context = context
        self._script = script
        self._state = CallState(context, planned)

    async def run(self) -> None:
        """Run the call and clean up."""
        state, planned = self._state, self._state.planned
        state.recorder.record(
            CallStarted(
                room=state.room,
                cleanup=planned.cleanup,
                agent_exit=planned.agent_exit,
                hangup=planned.hangup,
                hangup_style=state.scenario.hangup_style,
            )
        )
        self._context.unhandled.belongs(listener_name(state.room), state.recorder)
        await carry_out(state.recorder, self._carry_out, self._close)

    async def _carry_out(self) -> None:
        state = self._state
        try:
            await run_steps(self._script.steps, CALL_STEPS, state, under_test=CreateRoom)
        except JoinError as error:
            # all these participants are lkdiag's own
            state.fail("carry out the call", error.message, own=True)
        except ApiCallError as error:
            state.fail("carry out the call", error.message, failure=error.failure)
        finally:
            await state.watcher.end_close_looks()

    async def _close(self) -> None:
        """Delete the rooms and let all participants leave, whatever the trial's result.

        No join may be in progress when a room is deleted. Such a join creates the room again, or waits 15 s for a
        connection that does not come (seen with livekit 1.1.21), and a join can't be cancelled (see
        `MediaParticipant.join`).
        """
        context, state = self._context, self._state
        state.recorder.record(TrialClosing())
        watching = [*state.lookouts, *([] if state.outside is None else [state.outside])]
        for task in watching:
            task.cancel()
        await asyncio.gather(*watching, return_exceptions=True)
        if context.probe is not None:
            await context.probe.disengage(state.room)
        people = [state.caller.media, state.human.media, *([] if state.agent is None else [state.agent])]
        await asyncio.gather(*(one.wait_connected(JOIN_WAIT_S) for one in people))
        rooms = [state.room, *([state.human_room] if state.human_room_open else [])]
        await asyncio.gather(*(close_room(state.control, state.recorder, room) for room in rooms))
        await asyncio.gather(*(one.leave() for one in people), return_exceptions=True)
        if context.webhooks is not None:
            context.webhooks.unwatch(state.room)
