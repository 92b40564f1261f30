"""One call that is merged and hung up: the scenario's steps are carried out, then everything is closed.

To add a step: its type in `scenario/step.py`, a function here, and a line in CALL_STEPS."""

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
    CallStage,
    merge_calls,
)
from lkdiag.run.cleanups import OUTSIDE, WatchedCall
from lkdiag.run.close import close_room
from lkdiag.run.engine import carry_out, play
from lkdiag.scenario import steps as words
from lkdiag.scenario.call import AgentExit, HangupStyle, Side
from lkdiag.scenario.steps import CreateRoom

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from lkdiag.run.call_state import Party
    from lkdiag.run.plan import PlannedCall
    from lkdiag.scenario.script import TeardownScript
    from lkdiag.scenario.steps import AgentLeaves, CallJoin, CallWaitFor, HangUp, Merge, Watch


# Steps of the people on the line: the caller comes into the caller room, the human into one beside it.


async def join(stage: CallStage, step: CallJoin) -> None:
    """Somebody is on the line."""
    if step.who == "caller":
        await stage.join(stage.caller, stage.room)
    else:
        await _bring_human(stage)


async def _bring_human(stage: CallStage) -> None:
    # named, so that the room gets no unnamed dispatch and starts no worker of the project
    nobody = [(f"{stage.human_room}-nobody", "")]
    stage.human_room_open = True
    await stage.control.create_room(
        stage.recorder,
        stage.human_room,
        empty_timeout_s=EMPTY_TIMEOUT_S,
        departure_timeout_s=DEPARTURE_TIMEOUT_S,
        dispatches=nobody,
    )
    await stage.join(stage.human, stage.human_room)


# The user's own agent in a call: whether it came, whether it has left, and what of it was there at the hang-up.
#
# It is only looked at. Nobody puts it out unless the user has asked for that (`--remove-agent`): in agents-js#1895 the
# listener that deletes the room lives on in an agent whose session is closed.

WHERE = "bring your agent into the caller room"
CLOSE_FOR_S = 2.0
"""For so long after its dispatch lkdiag looks densely for the agent: so it sees one that leaves at once."""


async def look_out(stage: CallStage) -> None:
    """Look for the agent from now on: one that leaves at once is there for a tenth of a second."""
    stage.watcher.begin(CLOSE_FOR_S)
    webhooks = stage.context.webhooks
    if webhooks is not None:
        stage.lookouts.append(asyncio.create_task(_listen(stage), name="webhooks of the caller room"))


async def _listen(stage: CallStage) -> None:
    assert stage.context.webhooks is not None, "it is only called where webhooks are received"
    async for event in stage.context.webhooks.of_room(stage.room):
        if event.event in ("participant_joined", "participant_connection_aborted"):
            stage.joins_told += 1
            if event.participant.kind == api.ParticipantInfo.Kind.AGENT:
                stage.note_agent(event.participant.identity, "webhook")


async def wait_for_subject(stage: CallStage) -> None:
    """Until it was there once, or the caller is put out. Raises TrialError where it was not seen."""
    seen = await stage.saw(lambda _view: stage.agent_came or stage.caller.is_gone, STEP_TIMEOUT_S)
    await stage.watcher.end_close_looks()
    if seen:
        return
    within = f"not seen within {STEP_TIMEOUT_S:g} s"
    if seen is None:
        stage.fail(WHERE, f"{within}, and {LAST_LOOK_FAILED}", own=True)
    tells = f"lkdiag dispatch-trial --agent-name {stage.scenario.agent_name} tells"
    try:
        dispatches = await stage.control.list_dispatch(stage.recorder, stage.room, known=True)
    except ApiCallError as error:
        stage.fail(WHERE, f"{within}, and listDispatch did not answer: {error.message}; {tells} more", own=True)
    if not dispatches:  # the room was made with one
        stage.fail(WHERE, f"{within}, and listDispatch does not list its dispatch; {tells} more", own=True)
    if not any(dispatch.state.jobs for dispatch in dispatches):
        stage.fail(WHERE, f"{within}, and listDispatch shows no job of it; {tells} why")
    if stage.joins_told:
        stage.fail(WHERE, f"{within}: a worker took its job, and webhooks told of other joins only; {tells} why")
    between = "a worker took its job, so it may have come and gone between two looks"
    stage.fail(WHERE, f"{within}, but {between}; {tells} more", own=True)


async def wait_left(stage: CallStage) -> None:
    """Wait for it to leave; put out one that stays only where the user wants that. Raises ApiCallError, TrialError.

    A last look that failed tells neither that it has left nor that it stays.
    """
    step = "put your agent out"

    async def is_gone(timeout_s: float) -> bool | None:
        return await stage.saw(lambda view: not stage.agent_is_there(view), timeout_s)

    gone = await is_gone(stage.scenario.agent_leaves_within_s)
    if gone:
        stage.recorder.record(SubjectLeft())
        return
    if not stage.scenario.remove_agent:
        if gone is False:
            stage.recorder.record(SubjectStayed(waited_s=stage.scenario.agent_leaves_within_s))
        return
    if gone is None:
        stage.fail(step, LAST_LOOK_FAILED, own=True)
    for one in list(stage.watcher.view.participants.values()):
        if one["kind"] == "agent":
            stage.recorder.record(SubjectRemoved(identity=one["identity"]))
            try:
                await stage.control.remove_participant(stage.recorder, stage.room, one["identity"])
            except ApiCallError as error:
                if not error.says_not_found:  # it has just left by itself
                    raise
    gone = await is_gone(STEP_TIMEOUT_S)
    if not gone:
        stage.fail(step, LAST_LOOK_FAILED if gone is None else f"still there after {STEP_TIMEOUT_S:g} s", own=True)


async def note_at_hang_up(stage: CallStage) -> None:
    """Record what of it is in the room now: its tracks, and how many of them are muted. Nothing without an answer."""
    known = [one["identity"] for one in stage.watcher.view.participants.values()]
    try:
        listed = await stage.control.list_participants(stage.recorder, stage.room, known=known)
    except ApiCallError as error:
        if not error.says_not_found:
            return
        listed = []  # nobody is in a room that is not there
    agents = [one for one in listed if one.kind == api.ParticipantInfo.Kind.AGENT]
    stage.recorder.record(
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


# Steps of the call's agent: the caller room with its dispatch, waiting for it, and the ways for it to go.


async def create_room(stage: CallStage, step: CreateRoom) -> None:
    """The caller room, with the agent's dispatch."""
    context = stage.context
    if context.webhooks is not None:
        context.webhooks.watch(stage.room, stage.recorder)
    name = stage.scenario.agent_name
    if context.probe is not None:
        if not await context.probe.wait_registered(STEP_TIMEOUT_S):
            context.on_unreachable()
            stage.fail("wait for the probe", f"not registered again within {STEP_TIMEOUT_S:g} s", own=True)
        context.probe.engage(stage.room, stage.recorder, lambda _metadata: stage, publish=False)
        name = context.probe.agent_name
    room = await context.control.create_room(
        stage.recorder,
        stage.room,
        empty_timeout_s=EMPTY_TIMEOUT_S,
        departure_timeout_s=DEPARTURE_TIMEOUT_S,
        dispatches=[(name or "", "")],
    )
    stage.room_sid = room.sid
    if context.probe is None:
        await look_out(stage)


async def wait_for(stage: CallStage, step: CallWaitFor) -> None:
    """Until the agent is in the caller room; the user's own may have left it again."""
    if stage.context.probe is None:
        await wait_for_subject(stage)
        return
    await stage.wait_for("bring the agent into the caller room", stage.agent_is_there)


async def leaves(stage: CallStage, step: AgentLeaves) -> None:
    """It goes, in the way that the trial has planned; the user's own goes, or stays, as it likes."""
    agent = stage.agent
    if isinstance(agent, ChildParticipant):
        await agent.kill()
    elif isinstance(agent, Agent):
        agent.close_session()
        if stage.planned.agent_exit is AgentExit.LEFT_ROOM:
            await agent.leave()
            await stage.wait_for("see the agent leave", lambda view: not stage.agent_is_there(view))
    else:
        await wait_left(stage)


# The merge: the human comes into the caller room. From then on the cleanups are armed, as in the SDK's own task.


async def merge(stage: CallStage, step: Merge) -> None:
    """Two calls become one."""
    context = stage.context

    async def rejoin() -> None:
        await stage.human.media.leave()
        stage.human.new_line()
        await stage.join(stage.human, stage.room)

    if stage.caller.is_gone or not await stage.room_is_there():
        stage.fail("merge the calls", "the caller room was closed before the human could be brought in", own=True)
    way = await merge_calls(context.merge, stage.control, stage.recorder, stage.human_room, HUMAN, stage.room, rejoin)
    stage.recorder.record(CallMerged(by=way))
    stage.human_room_open = not await close_room(stage.control, stage.recorder, stage.human_room)
    if context.probe is None:
        # the user's agent may be gone already, and may have taken the room with it
        await stage.wait_for("bring both into one room", stage.both_are_there_or_put_out)
        return
    await stage.wait_for("bring all three into one room", stage.all_are_there)
    await _arm_cleanup(stage)


async def _arm_cleanup(stage: CallStage) -> None:
    agent, cleanup = stage.agent, stage.planned.cleanup
    if isinstance(agent, Agent) and not await agent.wait_sees({CALLER, HUMAN}, STEP_TIMEOUT_S):
        stage.fail(
            "let the agent see both sides", f"its client was not told of them within {STEP_TIMEOUT_S:g} s", own=True
        )
    if isinstance(agent, ChildParticipant):
        await agent.attach(cleanup)
    elif agent is not None:
        agent.attach(cleanup)
    if cleanup in OUTSIDE:
        call = WatchedCall(stage.room, (CALLER, HUMAN), stage.control, stage.recorder, stage.context.webhooks)
        stage.outside = asyncio.ensure_future(OUTSIDE[cleanup](call))


# The hang-up: one side goes, with a goodbye or without.

GOODBYE_S = 1.0
"""A goodbye is seen at once. One that is still not seen by then was lost on its way: livekit.rtc may close its socket
before it has sent it (livekit 1.1.21, seen on a busy machine)."""
GONE_INTERVAL_S = 0.05


async def hang_up(stage: CallStage, step: HangUp) -> None:
    """The side that the trial has planned goes."""
    side = stage.planned.hangup
    party = stage.caller if side is Side.CALLER else stage.human
    if stage.context.probe is None:
        await note_at_hang_up(stage)
    stage.recorder.record(CallHangingUp(side=side, identity=party.identity))
    lost = stage.scenario.hangup_style is HangupStyle.LOST
    if lost and isinstance(party.media, ChildParticipant):
        await party.media.kill()
    else:
        await party.media.leave()
    _note(stage, party)
    if not lost and await _is_still_listed(stage, party):
        await _put_out(stage, party)


def _note(stage: CallStage, party: Party) -> None:
    event = stage.recorder.record(CallHungUp(side=stage.planned.hangup, identity=party.identity))
    stage.hung_up_ns = event.mono_ns


async def _is_still_listed(stage: CallStage, party: Party) -> bool:
    deadline_ns = stage.recorder.run.now_mono_ns() + int(GOODBYE_S * 1e9)
    while True:
        answered = await stage.watcher.look_at_participants()
        listed = any(one["identity"] == party.identity for one in stage.watcher.view.participants.values())
        if not answered or not listed:
            return False
        if stage.recorder.run.now_mono_ns() >= deadline_ns:
            return True
        await asyncio.sleep(GONE_INTERVAL_S)


async def _put_out(stage: CallStage, party: Party) -> None:
    """What a SIP service does for a line that has said goodbye. From here on it has hung up."""
    try:
        await stage.control.remove_participant(stage.recorder, stage.room, party.identity)
    except ApiCallError as error:
        if not error.says_not_found:
            raise
    _note(stage, party)


# The watch: by API, never by joining, until the room is gone or the window ends.

SURVIVOR_WAIT_S = 2.0
"""How long the survivor of a closed room may take to notice: the news is on its way to it."""


async def watch(stage: CallStage, step: Watch) -> None:
    """What becomes of the room and of the one who is left."""
    assert stage.hung_up_ns is not None, "a scenario is only valid with a hang-up before the watch"
    clock = stage.recorder.run.now_mono_ns
    deadline_ns = stage.hung_up_ns + int(stage.scenario.window_s * 1e9)
    survivor = stage.human if stage.planned.hangup is Side.CALLER else stage.caller
    while True:
        late = clock() >= deadline_ns
        answered = True
        try:
            there = await stage.room_is_there()
        except ApiCallError as error:
            if stage.control.given_up(clock()):
                stage.fail("watch the room", error.message, failure=error.failure)
            answered = False
        else:
            if not there:
                stage.recorder.record(RoomClosed(room=stage.room))
                if not survivor.is_gone:
                    await _wait_gone(survivor, SURVIVOR_WAIT_S)
                return
        if late:
            break
        await _wait_gone(survivor, LOOK_INTERVAL_S)  # who is put out makes us look at once
    if answered and await stage.watcher.look_at_participants():
        stage.recorder.record(RoomOccupied(room=stage.room, participants=stage.watcher.view.people))


async def _wait_gone(party: Party, timeout_s: float) -> None:
    """Wait until that side is disconnected, or the time is up; once it is known to be, for the time alone."""
    media = party.media
    if party.is_gone or not isinstance(media, MediaParticipant):
        await asyncio.sleep(timeout_s)
        return
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(timeout_s):
            await media.gone.wait()


CALL_STEPS: dict[type, Callable[[CallStage, Any], Awaitable[None]]] = {
    words.CreateRoom: create_room,
    words.CallJoin: join,
    words.CallWaitFor: wait_for,
    words.Merge: merge,
    words.AgentLeaves: leaves,
    words.HangUp: hang_up,
    words.Watch: watch,
}


# One call: the scenario's steps are played around caller, human and agent, then everything is closed.

JOIN_WAIT_S = 5.0
"""How long somebody who is on the way into a room may take. A join takes 0.1 s, and seconds on a busy machine."""


class TeardownTrial:
    """One call's story. `run` never raises but when cancelled; what went wrong is in the journal."""

    def __init__(self, context: CallContext, script: TeardownScript, planned: PlannedCall) -> None:
        self._context = context
        self._script = script
        self._stage = CallStage(context, planned)

    async def run(self) -> None:
        """Play the call, and leave nothing behind."""
        stage, planned = self._stage, self._stage.planned
        stage.recorder.record(
            CallStarted(
                room=stage.room,
                cleanup=planned.cleanup,
                agent_exit=planned.agent_exit,
                hangup=planned.hangup,
                hangup_style=stage.scenario.hangup_style,
            )
        )
        self._context.unhandled.belongs(listener_name(stage.room), stage.recorder)
        await carry_out(stage.recorder, self._play, self._close)

    async def _play(self) -> None:
        stage = self._stage
        try:
            await play(self._script.steps, CALL_STEPS, stage, under_test=CreateRoom)
        except JoinError as error:
            # lkdiag plays all of them itself
            stage.fail("play the call", error.message, own=True)
        except ApiCallError as error:
            stage.fail("play the call", error.message, failure=error.failure)
        finally:
            await stage.watcher.end_close_looks()

    async def _close(self) -> None:
        """Judged or not, the rooms go, and everybody in them.

        Nobody may be on the way into a room when it is deleted. Such a join makes the room anew, or waits for 15 s for
        a connection that does not come (seen with livekit 1.1.21), and a join can't be cancelled (see
        `MediaParticipant.join`).
        """
        context, stage = self._context, self._stage
        stage.recorder.record(TrialClosing())
        watching = [*stage.lookouts, *([] if stage.outside is None else [stage.outside])]
        for task in watching:
            task.cancel()
        await asyncio.gather(*watching, return_exceptions=True)
        if context.probe is not None:
            await context.probe.disengage(stage.room)
        people = [stage.caller.media, stage.human.media, *([] if stage.agent is None else [stage.agent])]
        await asyncio.gather(*(one.wait_connected(JOIN_WAIT_S) for one in people))
        rooms = [stage.room, *([stage.human_room] if stage.human_room_open else [])]
        await asyncio.gather(*(close_room(stage.control, stage.recorder, room) for room in rooms))
        await asyncio.gather(*(one.leave() for one in people), return_exceptions=True)
        if context.webhooks is not None:
            context.webhooks.unwatch(stage.room)
