"""A whole run of dispatch trials: preflight, probe, trials, clean-up."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from lkdiag.control import Control
from lkdiag.participant.signal import read_server_info
from lkdiag.scenario.dispatch import DispatchScenario, Method
from lkdiag.trial.close import close_room
from lkdiag.trial.dispatch import DispatchTrial, TrialContext
from lkdiag.trial.engine import Engine
from lkdiag.trial.preflight import check_project
from lkdiag.worker.probe import Probe

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Sequence

    from lkdiag.settings import Credentials
    from lkdiag.timeline import Recorder
    from lkdiag.trial.schedule import PlannedTrial


async def run_dispatch_trials(
    scenario: DispatchScenario,
    planned_trials: Sequence[PlannedTrial],
    credentials: Credentials,
    recorder: Recorder,
    run_id: str,
    stop: asyncio.Event,
) -> None:
    """Carry out a scenario, until done or stopped. Raises ConnectionLostError or CredentialsError before it began."""
    prefix = f"lkdiag-{run_id}"
    async with Control(credentials) as control, contextlib.AsyncExitStack() as stack:
        await check_project(credentials, control, recorder)
        probe: Probe | None = None
        if scenario.probe_is_subject or scenario.control:
            probe = Probe(credentials, recorder, _probe_name(scenario, prefix), scenario.job_type)
            stack.push_async_callback(probe.close)
            await probe.open()
        else:
            await describe_server(credentials, control, recorder, f"{prefix}-server")
        engine = Engine(control, recorder, f"{prefix}-")
        context = TrialContext(
            scenario, credentials, control, recorder, run_id, probe, on_unreachable=engine.note_unreachable
        )

        async def carry_out(planned: PlannedTrial) -> None:
            await DispatchTrial(context, planned).run()

        await engine.run(
            planned_trials,
            carry_out,
            stop,
            concurrency=scenario.concurrency,
            rate=scenario.rate,
            gap_s=scenario.gap_s,
        )


def _probe_name(scenario: DispatchScenario, prefix: str) -> str:
    """A name of its own, so that no other worker takes its jobs; none for automatic dispatch, where names bar it."""
    return "" if scenario.method is Method.AUTOMATIC else prefix


async def describe_server(credentials: Credentials, control: Control, recorder: Recorder, room: str) -> None:
    """Without a probe, whose registration tells it, the server is asked by a join in a room of its own.

    Registering a worker just for this would make the subject's first listing 5 s late.
    """
    try:
        info = await read_server_info(credentials, room)
    finally:
        await close_room(control, recorder.for_trial(None), room)
    if info is not None:
        recorder.record("server.described", server=info)
