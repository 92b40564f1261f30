"""One journal's worth of trials, one after another at the canary's pace, whatever becomes of the server meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lkdiag.call.unhandled import UnhandledErrors
from lkdiag.control import Control
from lkdiag.errors import ConnectionLostError
from lkdiag.trial.close import close_room
from lkdiag.trial.dispatch import DispatchTrial
from lkdiag.trial.engine import Engine
from lkdiag.trial.preflight import check_project
from lkdiag.trial.run import describe_server, probe_of
from lkdiag.trial.schedule import PlannedTrial, plan_trials
from lkdiag.trial.stage import TrialContext

if TYPE_CHECKING:
    from collections.abc import Callable

    from lkdiag.canary.pace import Pace
    from lkdiag.canary.rooms import OwnRooms
    from lkdiag.scenario.script import DispatchScript
    from lkdiag.settings import Credentials
    from lkdiag.timeline import Recorder
    from lkdiag.worker.probe import Probe

SETTLED_S = 3.0
"""After a trial, until it is judged: what proves that the probe's socket was alive may come with the next beat, 2.5 s
later (worker/connection.py)."""
REOPEN_INTERVAL_S = 5.0


@dataclass(frozen=True)
class Course:
    """What is the same for all journals of a canary."""

    pace: Pace
    rooms: OwnRooms
    on_over: Callable[[int], object]
    """Told of each trial that is over, when everything about it has been said."""

    async def run(
        self,
        script: DispatchScript,
        credentials: Credentials,
        recorder: Recorder,
        run_id: str,
        stop: asyncio.Event,
        *,
        must_answer: bool,
    ) -> None:
        """Carry out the script's trials, until done or stopped.

        With `must_answer`, the first time, it raises ConnectionLostError or CredentialsError where nothing can come of
        it; later on it waits for a server that does not answer.
        """
        prefix = f"lkdiag-{run_id}"
        gc.collect()
        gc.freeze()  # what is there to stay needs no looking at after each trial
        async with Control(credentials) as control, contextlib.AsyncExitStack() as stack:
            stack.enter_context(UnhandledErrors().caught())
            if must_answer:
                await check_project(credentials, control, recorder)
            probe = probe_of(script, credentials, recorder, prefix)
            if probe is None:
                await describe_server(credentials, control, recorder, f"{prefix}-server")
            else:
                await self._open(probe, stack, must_answer=must_answer)
            context = TrialContext(credentials, control, recorder, run_id, probe, None, self.pace.back_off)

            async def play_trial(planned: PlannedTrial) -> None:
                await self._play(context, script, planned)

            await Engine(control, recorder, f"{prefix}-").run(
                plan_trials(script.settings, script.cases), play_trial, stop
            )

    async def _open(self, probe: Probe, stack: contextlib.AsyncExitStack, *, must_answer: bool) -> None:
        stack.push_async_callback(probe.close)
        if must_answer:
            await probe.open()
            await probe.ping()
            return
        opening = asyncio.create_task(_keep_opening(probe), name="probe")
        stack.push_async_callback(_end, opening)

    async def _play(self, context: TrialContext, script: DispatchScript, planned: PlannedTrial) -> None:
        if not planned.warmup:
            await self.pace.wait()
        for room in self.rooms.left:  # of a trial that could not reach the server any more
            if not await close_room(context.control, context.recorder.for_trial(None), room):
                break
        probe = context.probe
        if probe is not None and await probe.wait_registered(0):
            await probe.ping()
        try:
            await DispatchTrial(context, script, planned).run()
            await asyncio.sleep(min(SETTLED_S, self.pace.spare_s()))
        finally:
            self.on_over(planned.index)
            gc.collect()  # a room of livekit.rtc (1.1.21) keeps its sockets until it is collected: 280 in 60 trials


async def _keep_opening(probe: Probe) -> None:
    """Trials wait for it, and say so where it does not come."""
    while True:
        try:
            await probe.open()
        except ConnectionLostError:
            await asyncio.sleep(REOPEN_INTERVAL_S)
        else:
            return


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
