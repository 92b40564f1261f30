"""Steps of workers that lkdiag plays as somebody else's: one comes, one goes, one changes its ways."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.control import CallFailure
from lkdiag.errors import ConnectionLostError
from lkdiag.scenario.dispatch import Caller
from lkdiag.scenario.fault import HONEST
from lkdiag.scenario.workers import MAIN
from lkdiag.worker.staged import StagedWorker

if TYPE_CHECKING:
    from lkdiag.scenario.step import ChangeWorker, RegisterWorker, StopWorker
    from lkdiag.scenario.workers import WorkerSpec
    from lkdiag.trial.stage import Stage


async def register(stage: Stage, step: RegisterWorker) -> None:
    """A worker comes."""
    await open_worker(stage, step.worker)


async def open_worker(stage: Stage, name: str) -> None:
    """Register one of the scenario's workers. Raises TrialError."""
    spec = stage.cast.workers[name]
    worker = StagedWorker(
        stage.context.credentials,
        stage.recorder,
        _registered_name(spec, stage.agent_name),
        stage.scenario.job_type,
        spec.spec,
        rooms=lambda room: room == stage.room,
        publish=stage.scenario.effective_caller is not Caller.NONE,
        joiner=stage.context.joiner,
    )
    stage.workers[name] = worker
    try:
        await worker.open()
        await worker.ping()  # see worker/connection.py: it can't be found at once
    except ConnectionLostError as error:
        stage.fail(f"register the worker {name!r}", error.message, failure=CallFailure.UNANSWERED)
    stage.recorder.record("staged.plays", name=name, worker_id=worker.worker_id)


def _registered_name(spec: WorkerSpec, dispatched: str) -> str:
    if spec.agent_name == "dispatched":
        return dispatched
    return "" if spec.agent_name == "none" else f"{dispatched or 'lkdiag'}-other"


async def stop(stage: Stage, step: StopWorker) -> None:
    """A worker goes, with its agents."""
    worker = stage.workers.pop(step.worker, None)
    if worker is not None:
        await worker.close()
        stage.came = None


async def change(stage: Stage, step: ChangeWorker) -> None:
    """A worker behaves in another way from now on."""
    await stage.workers[step.worker].change(step.spec)


async def replace_broken(stage: Stage) -> None:
    """A fault strikes the dispatch under test alone: what comes after it meets an honest worker."""
    worker = stage.workers.get(MAIN)
    if stage.scenario.faults and not stage.scenario.fault_fallback and worker is not None:
        await worker.change(HONEST)
