"""The watch: by API, never by joining, until the room is gone or the window ends."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from lkdiag.control import ApiCallError
from lkdiag.participant.media import MediaParticipant
from lkdiag.scenario.teardown import Side
from lkdiag.trial.call_stage import LOOK_INTERVAL_S

if TYPE_CHECKING:
    from lkdiag.scenario.step import Watch
    from lkdiag.trial.call_stage import CallStage, Party

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
            if error.unreachable:
                stage.fail("watch the room", error.message, unreachable=True, own=True)
            answered = False
        else:
            if not there:
                stage.recorder.record("room.closed", room=stage.room)
                if not survivor.is_gone:
                    await _wait_gone(survivor, SURVIVOR_WAIT_S)
                return
        if late:
            break
        await _wait_gone(survivor, LOOK_INTERVAL_S)  # who is put out makes us look at once
    if answered and await stage.watcher.look_at_participants():
        stage.recorder.record("room.occupied", room=stage.room, participants=stage.watcher.view.people)


async def _wait_gone(party: Party, timeout_s: float) -> None:
    """Wait until that side is disconnected, or the time is up; once it is known to be, for the time alone."""
    media = party.media
    if party.is_gone or not isinstance(media, MediaParticipant):
        await asyncio.sleep(timeout_s)
        return
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(timeout_s):
            await media.gone.wait()
