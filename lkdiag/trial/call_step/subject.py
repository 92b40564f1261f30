"""The user's own agent in a call: whether it came, whether it has left, and what of it was there at the hang-up.

It is only looked at. Nobody puts it out unless the user has asked for that (`--remove-agent`): in agents-js#1895 the
listener that deletes the room lives on in an agent whose session is closed.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from livekit import api

from lkdiag.control import ApiCallError
from lkdiag.trial.call_stage import LAST_LOOK_FAILED, STEP_TIMEOUT_S

if TYPE_CHECKING:
    from lkdiag.trial.call_stage import CallStage

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


async def wait_for(stage: CallStage) -> None:
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
        stage.recorder.record("subject.left")
        return
    if not stage.scenario.remove_agent:
        if gone is False:
            stage.recorder.record("subject.stayed", waited_s=stage.scenario.agent_leaves_within_s)
        return
    if gone is None:
        stage.fail(step, LAST_LOOK_FAILED, own=True)
    for one in list(stage.watcher.view.participants.values()):
        if one["kind"] == "agent":
            stage.recorder.record("subject.removed", identity=one["identity"])
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
