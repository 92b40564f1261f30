"""Runs the worker of `lkdiag worker` until it ends, and writes a line for each thing that happens to it."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from lkdiag.cli.messages import Shield, write_stdout
from lkdiag.cli.recording import handle_signals
from lkdiag.client.workers import SimulatedWorker
from lkdiag.journal.recorder import Recorder
from lkdiag.text import utc, visible

if TYPE_CHECKING:
    from lkdiag.journal.event import Event
    from lkdiag.scenario.dispatch import JobType
    from lkdiag.scenario.fault import BehaviourSpec
    from lkdiag.settings import Credentials

IDS = {"worker": "worker_id", "job": "job_id", "room": "room"}


async def run_worker(
    credentials: Credentials, agent_name: str, job_type: JobType, behaviour: BehaviourSpec, for_s: float | None
) -> str:
    """Run it until it is stopped, its time is up, or its behaviour ends it; a sentence that says which.

    Raises ConnectionLostError when it could not register.
    """
    stop = asyncio.Event()

    def show(event: Event) -> None:
        try:
            is_read = write_stdout(lambda file: file.write(f"{as_line(event)}\n"))
        except OSError:
            is_read = False
        if not is_read:  # `lkdiag worker … | head -3`
            stop.set()

    recorder = Recorder(Shield().around(show), wall_ns=time.time_ns, mono_ns=time.monotonic_ns)
    recorder.hide(credentials.api_secret)
    worker = SimulatedWorker(credentials, recorder.for_trial(None), agent_name, job_type, behaviour)
    with handle_signals(stop, lambda _: None, lambda _: None):
        life, stopped = asyncio.create_task(_work(worker)), asyncio.create_task(stop.wait())
        await asyncio.wait({life, stopped}, timeout=for_s, return_when=asyncio.FIRST_COMPLETED)
        over = life.done()
        life.cancel()
        stopped.cancel()
        await asyncio.wait({life, stopped})
        await worker.close()
    if over:
        life.result()
        return "The worker has died and does not come back, as its behaviour has it."
    return "Stopped." if stop.is_set() else "The time is up."


async def _work(worker: SimulatedWorker) -> None:
    await worker.open()
    await worker.wait_gone()


def as_line(event: Event) -> str:
    """`2026-11-21T03:49:50.123Z offered worker=AW_… job=AJ_… room=…`, and what else there is to say."""
    shown = {short: event.data[key] for short, key in IDS.items() if event.data.get(key)}
    shown |= {key: value for key, value in event.data.items() if key not in IDS.values()}
    if "server" in shown:
        shown["server"] = f"livekit-server {shown['server']['version']}"
    words = [f"{key}={_quoted(visible(str(value)))}" for key, value in shown.items()]
    return " ".join([utc(event.at_ns), f"{event.kind.removeprefix('staged.'):<13}", *words])


def _quoted(text: str) -> str:
    return f'"{text}"' if not text or " " in text else text
