"""Steps in which time goes by: the watch for the agent, waiting for something else, and a pause on purpose."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from lkdiag.scenario.step import Pause, WaitFor, Watch
    from lkdiag.trial.stage import Stage
    from lkdiag.trial.watch import RoomView

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
    stage.recorder.record("observation.ended", agent_came=came)


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
        stage.recorder.record("agent.track_missing", waited_s=round(left_s, 1))


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
    stage.recorder.record("trial.paused", for_s=step.for_s)
    await asyncio.sleep(step.for_s)
