"""One dispatch trial: its workers are engaged, the scenario's steps are played, everything is closed."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING

from lkdiag.control import ApiCallError, CallFailure
from lkdiag.scenario.dispatch import Caller
from lkdiag.scenario.fault import HONEST
from lkdiag.scenario.step import ChangeWorker, Dispatch, RegisterWorker, Retry, StopWorker
from lkdiag.trial.cast import cast_trial
from lkdiag.trial.close import close_room
from lkdiag.trial.frame import carry_out
from lkdiag.trial.script import play
from lkdiag.trial.stage import FALLBACK, Stage, TrialContext
from lkdiag.trial.step import STEPS
from lkdiag.trial.step.worker import open_worker
from lkdiag.trial.watch import SightLostError
from lkdiag.worker.behaviour import make_behaviour

if TYPE_CHECKING:
    from lkdiag.scenario.script import DispatchScript
    from lkdiag.trial.schedule import PlannedTrial
    from lkdiag.worker.behaviour.base import Behaviour

PROBE_WAIT_S = 15.0
"""How long a trial waits for a probe that has lost its socket and is registering again."""
JOIN_WAIT_S = 5.0
"""How long the room stays open for an agent of lkdiag's that is on its way into it."""
WEBHOOK_WAIT_S = 5.0
"""How long the webhook of the room's end may take; the server sends it at once, and again after a failure."""
EMPTY_TIMEOUT_MARGIN_S = 30
HIDDEN = (RegisterWorker, StopWorker, ChangeWorker)
"""Steps that break something on purpose: ground truth, like the draw."""


class DispatchTrial:
    """One room's story. `run` never raises but when cancelled; what went wrong is in the journal."""

    def __init__(self, context: TrialContext, script: DispatchScript, planned: PlannedTrial) -> None:
        self._context = context
        self._script = script
        self._planned = planned
        self._cast = cast_trial(script, planned, context.run_id, context.probe)
        empty_timeout_s = _longest_s(script) + EMPTY_TIMEOUT_MARGIN_S
        self._stage = Stage(context, script.settings, planned, self._cast, empty_timeout_s=empty_timeout_s)

    async def run(self) -> None:
        """Carry it out, and leave nothing behind."""
        stage, scenario = self._stage, self._script.settings
        stage.recorder.record(
            "trial.started",
            role=self._planned.role,
            warmup=self._planned.warmup,
            on_probe=stage.on_probe,
            method=scenario.method,
            room=stage.room,
            agent_name=stage.agent_name,
            caller=scenario.effective_caller,
            case=dict(self._planned.case) or None,
        )
        await carry_out(stage.recorder, self._carry_out, self._close)

    async def _carry_out(self) -> None:
        stage = self._stage
        if self._context.webhooks is not None:
            self._context.webhooks.watch(stage.room, stage.recorder, stage.watcher.hear)
        await self._engage_workers()
        steps = self._script.steps_of(self._planned.case)
        try:
            await play(steps, STEPS, stage, under_test=Dispatch, hidden=HIDDEN)
            if any(isinstance(step, Retry) for step in steps):
                await stage.watcher.look()  # whom it has brought
        except SightLostError as error:
            stage.fail("watch the room", str(error), failure=CallFailure.UNANSWERED)

    async def _engage_workers(self) -> None:
        stage, drawn = self._stage, self._cast.drawn
        if self._script.settings.faults or self._script.workers or self._context.mixed:
            stage.recorder.record("fault.drawn", behaviour=str(drawn), scenario=self._script.name)
        if stage.on_probe:
            await self._engage_probe()
        for name, spec in self._cast.workers.items():
            if spec.register == "at-start":
                await open_worker(stage, name)

    async def _engage_probe(self) -> None:
        """Have the probe take the room's offers."""
        probe, stage, drawn = self._context.probe, self._stage, self._cast.drawn
        assert probe is not None, "a run with a trial on the probe has one"
        under_test = make_behaviour(drawn)
        later = under_test if self._script.settings.fault_fallback else make_behaviour(HONEST)

        def behaviour(metadata: str) -> Behaviour:
            return later if metadata == FALLBACK else under_test

        if not await probe.wait_registered(PROBE_WAIT_S):
            self._context.on_unreachable()  # before the next trial begins the server is asked whether it is there
            stage.fail("wait for the probe", f"lkdiag's worker was not registered again within {PROBE_WAIT_S:g} s")
        publish = self._script.settings.effective_caller is not Caller.NONE
        probe.engage(
            stage.room, stage.recorder, behaviour, publish=publish, joiner=self._context.joiner,
            on_joined=stage.watcher.wake,
        )  # fmt: skip

    async def _close(self) -> None:
        """End what goes on, and leave nothing behind; a close look that crashed is told of afterwards."""
        (crashed,) = await asyncio.gather(self._stage.watcher.end_close_looks(), return_exceptions=True)
        await self._close_room()
        if crashed is not None:
            raise crashed

    async def _close_room(self) -> None:
        """Delete the room first, so that everybody in it sees how it ends; then leave."""
        stage, probe, webhooks = self._stage, self._context.probe, self._context.webhooks
        workers = list(stage.workers.values())
        if probe is not None:
            await probe.wait_joined(stage.room, JOIN_WAIT_S)
        await asyncio.gather(*(worker.wait_joined(JOIN_WAIT_S) for worker in workers))
        if stage.room_sid is not None or not stage.deleted_sids or await self._came_back():
            await close_room(stage.control, stage.recorder, stage.room)
        if webhooks is not None:
            await webhooks.wait_finished(stage.room, WEBHOOK_WAIT_S)
            webhooks.unwatch(stage.room)
        if probe is not None:
            await probe.disengage(stage.room)
        await asyncio.gather(*(worker.close() for worker in workers))
        await asyncio.gather(*(participant.leave() for participant in stage.people.values()))

    async def _came_back(self) -> bool:
        """A room that was deleted in the story is there again: an agent that was on its way has made it anew."""
        try:
            return await self._stage.control.find_room(self._stage.recorder, self._stage.room, known=False) is not None
        except ApiCallError:
            return False


def _longest_s(script: DispatchScript) -> int:
    """More than a trial can take: afterwards its room goes by itself, should lkdiag be killed."""
    scenario = script.settings
    longest_s = scenario.timeout_s + 2 * scenario.settle_s + scenario.fallback_timeout_s
    return math.ceil(longest_s + script.waits_s)
