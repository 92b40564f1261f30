"""A whole run of transfer teardowns: preflight, probe, webhooks, calls, clean-up."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from lkdiag.call.unhandled import UnhandledErrors
from lkdiag.control import Control
from lkdiag.scenario.dispatch import JobType
from lkdiag.trial.engine import Engine
from lkdiag.trial.merge import MergeWay
from lkdiag.trial.preflight import check_project
from lkdiag.trial.run import describe_server
from lkdiag.trial.teardown import CallContext, TeardownTrial
from lkdiag.worker.probe import Probe

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Sequence

    from lkdiag.call.webhooks import WebhookListener
    from lkdiag.scenario.teardown import TeardownScenario
    from lkdiag.settings import Credentials
    from lkdiag.timeline import Recorder
    from lkdiag.trial.schedule import PlannedCall


async def run_teardowns(
    scenario: TeardownScenario,
    planned_calls: Sequence[PlannedCall],
    credentials: Credentials,
    recorder: Recorder,
    run_id: str,
    stop: asyncio.Event,
    webhooks: WebhookListener | None,
) -> None:
    """Carry out a scenario, until done or stopped. Raises ConnectionLostError or CredentialsError before it began."""
    prefix = f"lkdiag-{run_id}"
    unhandled = UnhandledErrors()
    async with Control(credentials) as control, contextlib.AsyncExitStack() as stack:
        stack.enter_context(unhandled.caught())
        await check_project(credentials, control, recorder)
        probe: Probe | None = None
        if scenario.agent_name is None:
            probe = Probe(credentials, recorder, prefix, JobType.ROOM)
            stack.push_async_callback(probe.close)
            await probe.open()
        else:
            await describe_server(credentials, control, recorder, f"{prefix}-server")
        engine = Engine(control, recorder, f"{prefix}-")
        context = CallContext(
            scenario, credentials, control, recorder, run_id, probe, webhooks, unhandled, MergeWay(),
            on_unreachable=engine.note_unreachable,
        )  # fmt: skip

        async def carry_out(planned: PlannedCall) -> None:
            await TeardownTrial(context, planned).run()

        await engine.run(planned_calls, carry_out, stop, concurrency=scenario.concurrency)
