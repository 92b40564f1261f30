"""One call: the scenario's steps are played around caller, human and agent, then everything is closed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from lkdiag.call.session import listener_name
from lkdiag.control import ApiCallError
from lkdiag.participant.joining import JoinError
from lkdiag.scenario.step import CreateRoom
from lkdiag.trial.call_stage import CallContext, CallStage
from lkdiag.trial.call_step import CALL_STEPS
from lkdiag.trial.close import close_room
from lkdiag.trial.frame import carry_out
from lkdiag.trial.script import play

if TYPE_CHECKING:
    from lkdiag.scenario.script import TeardownScript
    from lkdiag.trial.schedule import PlannedCall

JOIN_WAIT_S = 5.0
"""How long somebody who is on the way into a room may take. A join takes 0.1 s, and seconds on a busy machine."""


class TeardownTrial:
    """One call's story. `run` never raises but when cancelled; what went wrong is in the journal."""

    def __init__(self, context: CallContext, script: TeardownScript, planned: PlannedCall) -> None:
        self._context = context
        self._script = script
        self._stage = CallStage(context, planned)

    async def run(self) -> None:
        """Play the call, and leave nothing behind."""
        stage, planned = self._stage, self._stage.planned
        stage.recorder.record(
            "trial.started",
            room=stage.room,
            cleanup=planned.cleanup,
            agent_exit=planned.agent_exit,
            hangup=planned.hangup,
            hangup_style=stage.scenario.hangup_style,
        )
        self._context.unhandled.belongs(listener_name(stage.room), stage.recorder)
        await carry_out(stage.recorder, self._play, self._close)

    async def _play(self) -> None:
        stage = self._stage
        try:
            await play(self._script.steps, CALL_STEPS, stage, under_test=CreateRoom)
        except JoinError as error:
            # lkdiag plays all of them itself
            stage.fail("play the call", error.message, own=True)
        except ApiCallError as error:
            stage.fail("play the call", error.message, failure=error.failure)
        finally:
            await stage.watcher.end_close_looks()

    async def _close(self) -> None:
        """Judged or not, the rooms go, and everybody in them.

        Nobody may be on the way into a room when it is deleted. Such a join makes the room anew, or waits for 15 s for
        a connection that does not come (seen with livekit 1.1.21), and a join can't be cancelled (see
        `MediaParticipant.join`).
        """
        context, stage = self._context, self._stage
        stage.recorder.record("trial.closing")
        watching = [*stage.lookouts, *([] if stage.outside is None else [stage.outside])]
        for task in watching:
            task.cancel()
        await asyncio.gather(*watching, return_exceptions=True)
        if context.probe is not None:
            await context.probe.disengage(stage.room)
        people = [stage.caller.media, stage.human.media, *([] if stage.agent is None else [stage.agent])]
        await asyncio.gather(*(one.wait_connected(JOIN_WAIT_S) for one in people))
        rooms = [stage.room, *([stage.human_room] if stage.human_room_open else [])]
        await asyncio.gather(*(close_room(stage.control, stage.recorder, room) for room in rooms))
        await asyncio.gather(*(one.leave() for one in people), return_exceptions=True)
        if context.webhooks is not None:
            context.webhooks.unwatch(stage.room)
