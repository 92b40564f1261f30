"""Steps of the people on the line: the caller comes into the caller room, the human into one beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.trial.call_stage import DEPARTURE_TIMEOUT_S, EMPTY_TIMEOUT_S

if TYPE_CHECKING:
    from lkdiag.scenario.step import CallJoin
    from lkdiag.trial.call_stage import CallStage


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
