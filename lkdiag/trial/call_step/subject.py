"""The user's own agent in a call: whether it came, whether it has left, and what of it was there at the hang-up.

It is only looked at. Nobody puts it out unless the user has asked for that (`--remove-agent`): in agents-js#1895 the
listener that deletes the room lives on in an agent whose session is closed.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from livekit import api

from lkdiag.control import ApiCallError
from lkdiag.trial.call_stage import DENSE_INTERVAL_S, DENSE_S, STEP_TIMEOUT_S

if TYPE_CHECKING:
    from lkdiag.trial.call_stage import CallStage

WHERE = "bring your agent into the caller room"


async def look_out(stage: CallStage) -> None:
    """Look for the agent from the dispatch on: one that leaves at once is there for a tenth of a second."""
    webhooks = stage.context.webhooks
    if webhooks is not None:
        stage.lookouts.append(asyncio.create_task(_listen(stage), name="webhooks of the caller room"))
    stage.lookouts.append(asyncio.create_task(_look_densely(stage), name="looks for the agent"))


async def _look_densely(stage: CallStage) -> None:
    clock = stage.recorder.run.now_mono_ns
    until_ns = clock() + int(DENSE_S * 1e9)
    while clock() < until_ns and not stage.agent_came:
        await stage.look()
        await asyncio.sleep(DENSE_INTERVAL_S)


async def _listen(stage: CallStage) -> None:
    assert stage.context.webhooks is not None, "it is only called where webhooks are received"
    async for event in stage.context.webhooks.of_room(stage.room):
        if event.event == "participant_joined":
            stage.joins_told += 1
            if event.participant.kind == api.ParticipantInfo.Kind.AGENT:
                stage.note_agent(event.participant.identity, "webhook")


async def wait_for(stage: CallStage) -> None:
    """Until it was there once, or the caller is put out. Raises TrialError where it was not seen."""
    if await stage.saw(lambda _view: stage.agent_came or stage.caller.is_gone, STEP_TIMEOUT_S):
        return
    within = f"not seen within {STEP_TIMEOUT_S:g} s"
    tells = f"lkdiag dispatch-trial --agent-name {stage.scenario.agent_name} tells"
    try:
        dispatches = await stage.control.list_dispatch(stage.recorder, stage.room)
    except ApiCallError as error:
        stage.fail(WHERE, f"{within}, and listDispatch did not answer: {error.message}; {tells} more", own=True)
    if not any(dispatch.state.jobs for dispatch in dispatches):
        stage.fail(WHERE, f"{within}, and listDispatch shows no job of it; {tells} why")
    if stage.joins_told:
        stage.fail(WHERE, f"{within}: a worker took its job, and webhooks told of other joins only; {tells} why")
    between = "a worker took its job, so it may have come and gone between two looks"
    stage.fail(WHERE, f"{within}, but {between}; {tells} more", own=True)


async def wait_left(stage: CallStage) -> None:
    """Wait for it to leave; one that stays is put out only where the user wants that. Raises ApiCallError."""

    async def is_gone(timeout_s: float) -> bool:
        return await stage.saw(lambda view: not stage.agent_is_there(view), timeout_s)

    if await is_gone(stage.scenario.agent_leaves_within_s):
        stage.recorder.record("subject.left")
        return
    if not stage.scenario.remove_agent:
        stage.recorder.record("subject.stayed", waited_s=stage.scenario.agent_leaves_within_s)
        return
    for one in list(stage.watcher.view.participants.values()):
        if one["kind"] == "agent":
            stage.recorder.record("subject.removed", identity=one["identity"])
            try:
                await stage.control.remove_participant(stage.recorder, stage.room, one["identity"])
            except ApiCallError as error:
                if error.code != "not_found":  # it has just left by itself
                    raise
    if not await is_gone(STEP_TIMEOUT_S):
        stage.fail("put your agent out", f"still there after {STEP_TIMEOUT_S:g} s", own=True)


async def note_at_hang_up(stage: CallStage) -> None:
    """Record what of it is in the room now: its tracks, and how many of them are muted. Nothing without an answer."""
    try:
        listed = await stage.control.list_participants(stage.recorder, stage.room)
    except ApiCallError as error:
        if error.code != "not_found":
            return
        listed = []  # nobody is in a room that is not there
    agents = [one for one in listed if one.kind == api.ParticipantInfo.Kind.AGENT]
    stage.recorder.record(
        "subject.seen",
        agents=[
            {
                "identity": one.identity,
                "tracks": len(one.tracks),
                "muted": sum(track.muted for track in one.tracks),
            }
            for one in agents
        ],
    )
