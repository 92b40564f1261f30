"""Steps about the room itself: it is made before anybody is dispatched to it, or deleted in the middle of the story."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.control import ApiCallError
from lkdiag.trial.close import close_room, delete_room

if TYPE_CHECKING:
    from lkdiag.scenario.step import CreateRoom, DeleteRoom
    from lkdiag.trial.stage import Stage


async def create(stage: Stage, step: CreateRoom) -> None:
    """A room without the dispatch under test.

    It names an agent that nobody has, so that it gets no unnamed dispatch and starts no worker of the project.
    """
    try:
        await stage.create_room([(f"{stage.room}-nobody", "")])
    except ApiCallError as error:
        stage.fail_of("make the room", error)


async def delete(stage: Stage, step: DeleteRoom) -> None:
    """Delete it; with `gone`, wait until listRooms knows it no longer."""
    if step.gone:
        await close_room(stage.control, stage.recorder, stage.room)
    else:
        try:
            await delete_room(stage.control, stage.recorder, stage.room)
        except ApiCallError as error:
            stage.fail_of("delete the room", error)
    if stage.room_sid is not None:
        stage.deleted_sids.add(stage.room_sid)
    stage.room_sid = None
    stage.came = None
