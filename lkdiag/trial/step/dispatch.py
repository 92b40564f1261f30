"""Steps that call an agent: the dispatch under test by one of the four methods, the fallback, and a careless retry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from livekit import api

from lkdiag.control import ApiCallError
from lkdiag.participant.joining import JoinError
from lkdiag.scenario.dispatch import Caller, Method
from lkdiag.timeline.attribution import dispatch_under_test, identities_of, jobs_of
from lkdiag.trial.stage import DEPARTURE_TIMEOUT_S, FALLBACK, PRIMARY
from lkdiag.trial.step.wait import prove_heard
from lkdiag.trial.step.worker import replace_broken

if TYPE_CHECKING:
    from lkdiag.scenario.step import Dispatch, Fallback, Retry
    from lkdiag.trial.stage import Stage
    from lkdiag.trial.watch import RoomView

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
                stage.dispatch_id = await stage.create_dispatch("dispatch.created", stage.metadata(PRIMARY))
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
    kind = "room.existed" if room.sid == stage.room_sid else "room.created"
    stage.recorder.record(kind, room=room.name, sid=room.sid, creation_time_ms=room.creation_time_ms)
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
        fallback_id = await stage.create_dispatch("fallback.created", stage.metadata(FALLBACK))
    except ApiCallError as error:
        stage.recorder.record("fallback.failed", error=error.message, failure=error.failure)
        return

    def came(view: RoomView) -> bool:
        own = identities_of(jobs_of(dispatch_under_test(view.dispatches, stage.agent_name, fallback_id)))
        return any(agent["identity"] in own for agent in view.agents.values())

    stage.watcher.hurry()
    rescued = await stage.watcher.wait_until(came, stage.deadline_ns(stage.scenario.fallback_timeout_s))
    await prove_heard(stage, came=rescued)
    await stage.watcher.end_close_looks()
    await stage.confirm_room()
    stage.recorder.record("fallback.ended", agent_came=rescued)


async def retry(stage: Stage, step: Retry) -> None:
    """createDispatch once more, whatever became of the first: what impatient code does."""
    try:
        await stage.create_dispatch("retry.created", stage.metadata(FALLBACK))
    except ApiCallError as error:
        stage.fail_of("call the agent once more", error)
    stage.watcher.hurry()
