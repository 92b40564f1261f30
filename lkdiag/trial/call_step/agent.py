"""Steps of the call's agent: the caller room with its dispatch, waiting for it, and the three ways for it to go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.call.agent import Agent
from lkdiag.call.child import ChildParticipant
from lkdiag.control import ApiCallError
from lkdiag.scenario.teardown import AgentExit
from lkdiag.trial.call_stage import DEPARTURE_TIMEOUT_S, EMPTY_TIMEOUT_S, STEP_TIMEOUT_S

if TYPE_CHECKING:
    from lkdiag.scenario.step import AgentLeaves, CallWaitFor, CreateRoom
    from lkdiag.trial.call_stage import CallStage


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


async def wait_for(stage: CallStage, step: CallWaitFor) -> None:
    """Until the agent is in the caller room."""
    await stage.wait_for("bring the agent into the caller room", stage.agent_is_there)


async def leaves(stage: CallStage, step: AgentLeaves) -> None:
    """It goes, in the way that the trial has planned; the user's own goes as it likes."""
    agent = stage.agent
    if isinstance(agent, ChildParticipant):
        await agent.kill()
    elif isinstance(agent, Agent):
        agent.close_session()
        if stage.planned.agent_exit is AgentExit.LEFT_ROOM:
            await agent.leave()
            await stage.wait_for("see the agent leave", lambda view: not stage.agent_is_there(view))
    else:
        await _subject_leaves(stage)


async def _subject_leaves(stage: CallStage) -> None:
    """The user's agent leaves by itself, or is put out."""
    if await stage.saw(lambda view: not stage.agent_is_there(view), stage.scenario.agent_leaves_within_s):
        stage.recorder.record("subject.left")
        return
    for one in list(stage.watcher.view.participants.values()):
        if one["kind"] == "agent":
            stage.recorder.record("subject.removed", identity=one["identity"])
            try:
                await stage.control.remove_participant(stage.recorder, stage.room, one["identity"])
            except ApiCallError as error:
                if not error.says_not_found:  # it has just left by itself
                    raise
    await stage.wait_for("see the agent leave", lambda view: not stage.agent_is_there(view))
