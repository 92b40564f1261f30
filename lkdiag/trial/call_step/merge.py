"""The merge: the human comes into the caller room. From then on the cleanups are armed, as in the SDK's own task."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from lkdiag.call.agent import Agent
from lkdiag.call.child import ChildParticipant
from lkdiag.call.cleanup import OUTSIDE
from lkdiag.call.cleanup.outside import WatchedCall
from lkdiag.trial.call_stage import CALLER, HUMAN, STEP_TIMEOUT_S
from lkdiag.trial.close import close_room
from lkdiag.trial.merge import merge_calls

if TYPE_CHECKING:
    from lkdiag.scenario.step import Merge
    from lkdiag.trial.call_stage import CallStage


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
    stage.recorder.record("call.merged", by=way)
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
