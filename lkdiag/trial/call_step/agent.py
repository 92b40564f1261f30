"""Steps of the call's agent: the caller room with its dispatch, waiting for it, and the ways for it to go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.call.agent import Agent
from lkdiag.call.child import ChildParticipant
from lkdiag.scenario.teardown import AgentExit
from lkdiag.trial.call_stage import DEPARTURE_TIMEOUT_S, EMPTY_TIMEOUT_S, STEP_TIMEOUT_S
from lkdiag.trial.call_step import subject

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
    if context.probe is None:
        await subject.look_out(stage)


async def wait_for(stage: CallStage, step: CallWaitFor) -> None:
    """Until the agent is in the caller room; the user's own may have left it again."""
    if stage.context.probe is None:
        await subject.wait_for(stage)
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
        await subject.wait_left(stage)
