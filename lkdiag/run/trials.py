"""A whole run of dispatches or calls: preflight, probe, trials, clean-up."""

from __future__ import annotations

import contextlib
import gc
from typing import TYPE_CHECKING, Protocol

from lkdiag.client.api_client import Control
from lkdiag.client.joiner import open_joiner
from lkdiag.client.signal import read_server_info
from lkdiag.client.workers import Probe
from lkdiag.journal.run_kinds import ServerDescribed
from lkdiag.run.call_session import UnhandledErrors
from lkdiag.run.close import close_room
from lkdiag.run.dispatch import DispatchTrial
from lkdiag.run.dispatch_state import TrialContext
from lkdiag.run.engine import Engine
from lkdiag.run.load_shape import MEDIA_RAMP_S, LoadShape
from lkdiag.run.plan import PlannedCall, PlannedTrial, plan_calls, plan_trials, uses_simulated_worker
from lkdiag.run.preflight import check_project
from lkdiag.scenario.dispatch import JobType, JoinBy, Method
from lkdiag.scenario.script import DispatchScript

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator

    from lkdiag.client.webhooks import WebhookListener
    from lkdiag.journal.recorder import Recorder
    from lkdiag.scenario.script import TeardownScript
    from lkdiag.scenario.shard import Shard
    from lkdiag.settings import Credentials


JOINS_A_CALL = 3
"""Caller, agent, and human."""


class ScriptChooser(Protocol):
    """Chooses the scenario of a trial."""

    def __call__(self, trial: int, *, warmup: bool) -> DispatchScript:
        """The scenario for this trial number."""


async def run_script(
    script: DispatchScript | TeardownScript,
    credentials: Credentials,
    recorder: Recorder,
    run_id: str,
    stop: asyncio.Event,
    webhooks: WebhookListener | None = None,
    *,
    mix: ScriptChooser | None = None,
    server_pid: int | None = None,
    shard: Shard | None = None,
) -> None:
    """Run a scenario until it is done or stopped. Raises ConnectionLostError or CredentialsError before it begins.

    With a `mix`, each trial takes its scenario from the mix; `script` still gives the settings of the run. `server_pid`
    is a server on this machine, whose load is measured. With a `shard`, only its trials run.
    """
    prefix = f"lkdiag-{run_id}"
    unhandled = UnhandledErrors()
    async with Control(credentials) as control, contextlib.AsyncExitStack() as stack:
        stack.enter_context(unhandled.caught())
        await check_project(credentials, control, recorder)
        by_signal = isinstance(script, DispatchScript) and script.settings.join is JoinBy.SIGNAL
        joiner = await stack.enter_async_context(open_joiner(by_signal=by_signal))
        probe = probe_of(script, credentials, recorder, prefix)
        if probe is not None:
            stack.push_async_callback(probe.close)
            await probe.open()
            await probe.ping()
        else:
            await describe_server(credentials, control, recorder, f"{prefix}-server")
        engine = Engine(control, recorder, f"{prefix}-", server_pid)
        stack.enter_context(_imports_frozen())
        if isinstance(script, DispatchScript):
            context = TrialContext(
                credentials, control, recorder, run_id, probe, webhooks, engine.note_unreachable, mixed=bool(mix),
                joiner=joiner,
            )  # fmt: skip

            async def run_trial(planned: PlannedTrial) -> None:
                own = mix(planned.index, warmup=planned.warmup) if mix else script
                await DispatchTrial(context, own, planned).run()

            trials = plan_trials(script.settings, script.cases, shard)
            await engine.run(trials, run_trial, stop, LoadShape.of(script.settings))
        else:
            # imported here: a call needs media, which a run of dispatches may not need
            from lkdiag.run.call import CallTrial
            from lkdiag.run.call_state import CallContext, MergeMethod

            calls = CallContext(
                script.settings, credentials, control, recorder, run_id, probe, webhooks, unhandled, MergeMethod(),
                engine.note_unreachable,
            )  # fmt: skip

            async def run_call(planned: PlannedCall) -> None:
                await CallTrial(calls, script, planned).run()

            shape = LoadShape(script.settings.concurrency, ramp_s=JOINS_A_CALL * MEDIA_RAMP_S)
            await engine.run(plan_calls(script.settings), run_call, stop, shape)


@contextlib.contextmanager
def _imports_frozen() -> Iterator[None]:
    """Exclude everything loaded so far from garbage collection: each full one blocked the loop for 30-50 ms."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def probe_of(
    script: DispatchScript | TeardownScript, credentials: Credentials, recorder: Recorder, prefix: str
) -> Probe | None:
    """lkdiag's own worker, if any trial needs it.

    It has a name of its own, so that no other worker takes its jobs. For automatic dispatch it has none, because
    automatic dispatch passes over named workers.
    """
    if not isinstance(script, DispatchScript):
        return Probe(credentials, recorder, prefix, JobType.ROOM) if script.settings.agent_name is None else None
    settings = script.settings
    if not settings.control and (not settings.probe_is_subject or uses_simulated_worker(script)):
        return None
    name = "" if settings.method is Method.AUTOMATIC else prefix
    return Probe(credentials, recorder, name, settings.job_type)


async def describe_server(credentials: Credentials, control: Control, recorder: Recorder, room: str) -> None:
    """In a run without a probe: record what the server is, from its answer to a join of a separate room.

    A probe's registration would tell the same, but registering a worker just for this would make the subject's first
    listing 5 s late.
    """
    try:
        info = await read_server_info(credentials, room)
    finally:
        await close_room(control, recorder.for_trial(None), room)
    if info is not None:
        recorder.record(ServerDescribed(server=info))
