"""The hang-up: one side goes, with a goodbye or without."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from lkdiag.call.child import ChildParticipant
from lkdiag.control import ApiCallError
from lkdiag.scenario.teardown import HangupStyle, Side
from lkdiag.trial.call_step import subject

if TYPE_CHECKING:
    from lkdiag.scenario.step import HangUp
    from lkdiag.trial.call_stage import CallStage, Party

GOODBYE_S = 1.0
"""A goodbye is seen at once. One that is still not seen by then was lost on its way: livekit.rtc may close its socket
before it has sent it (livekit 1.1.21, seen on a busy machine)."""
LOOK_INTERVAL_S = 0.05


async def hang_up(stage: CallStage, step: HangUp) -> None:
    """The side that the trial has planned goes."""
    side = stage.planned.hangup
    party = stage.caller if side is Side.CALLER else stage.human
    if stage.context.probe is None:
        await subject.note_at_hang_up(stage)
    stage.recorder.record("call.hanging_up", side=side, identity=party.identity)
    lost = stage.scenario.hangup_style is HangupStyle.LOST
    if lost and isinstance(party.media, ChildParticipant):
        await party.media.kill()
    else:
        await party.media.leave()
    _note(stage, party)
    if not lost and await _is_still_listed(stage, party):
        await _put_out(stage, party)


def _note(stage: CallStage, party: Party) -> None:
    event = stage.recorder.record("call.hung_up", side=stage.planned.hangup, identity=party.identity)
    stage.hung_up_ns = event.mono_ns


async def _is_still_listed(stage: CallStage, party: Party) -> bool:
    deadline_ns = stage.recorder.run.now_mono_ns() + int(GOODBYE_S * 1e9)
    while True:
        answered = await stage.watcher.look_at_participants()
        listed = any(one["identity"] == party.identity for one in stage.watcher.view.participants.values())
        if not answered or not listed:
            return False
        if stage.recorder.run.now_mono_ns() >= deadline_ns:
            return True
        await asyncio.sleep(LOOK_INTERVAL_S)


async def _put_out(stage: CallStage, party: Party) -> None:
    """What a SIP service does for a line that has said goodbye. From here on it has hung up."""
    try:
        await stage.control.remove_participant(stage.recorder, stage.room, party.identity)
    except ApiCallError as error:
        if error.code != "not_found":
            raise
    _note(stage, party)
