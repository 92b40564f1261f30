"""The staged worker of `lkdiag worker`: its life, its end, and a line for each thing that happens to it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from lkdiag.cli.messages import give_up
from lkdiag.cli.recording import Shield
from lkdiag.client.workers import StagedWorker
from lkdiag.errors import ExitCode
from lkdiag.journal.recorder import Recorder
from lkdiag.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lkdiag.journal.event import Event
    from lkdiag.scenario.dispatch import JobType
    from lkdiag.scenario.fault import BehaviourSpec
    from lkdiag.settings import Credentials

IDS = {"worker": "worker_id", "job": "job_id", "room": "room"}


async def play(
    credentials: Credentials, agent_name: str, job_type: JobType, behaviour: BehaviourSpec, for_s: float | None
) -> str:
    """Run it until it is stopped, its time is up, or its behaviour has ended it; a sentence on which of them it was.

    Raises ConnectionLostError when it could not register.
    """
    stop = asyncio.Event()

    def show(event: Event) -> None:
        try:
            sys.stdout.write(f"{as_line(event)}\n")
            sys.stdout.flush()
        except OSError:  # nobody reads any more: `lkdiag worker … | head -3`
            give_up(sys.stdout)
            stop.set()

    recorder = Recorder(Shield().around(show), wall_ns=time.time_ns, mono_ns=time.monotonic_ns)
    recorder.hide(credentials.api_secret)
    worker = StagedWorker(credentials, recorder.for_trial(None), agent_name, job_type, behaviour)
    with _stopped_by_signals(stop):
        life, stopped = asyncio.create_task(_live(worker)), asyncio.create_task(stop.wait())
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


async def _live(worker: StagedWorker) -> None:
    await worker.open()
    await worker.wait_gone()


@contextlib.contextmanager
def _stopped_by_signals(stop: asyncio.Event) -> Iterator[None]:
    """Ctrl-C, SIGTERM and SIGHUP set `stop`; a second one ends it at once."""

    def on_signal() -> None:
        if stop.is_set():
            os._exit(ExitCode.INTERRUPTED)
        stop.set()

    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    # ignored by nohup, or by a shell that started lkdiag in the background
    before = {number: handler for number, handler in before.items() if handler is not signal.SIG_IGN}
    for number in before:
        loop.add_signal_handler(number, on_signal)
    try:
        yield
    finally:
        for number, handler in before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)


def as_line(event: Event) -> str:
    """`2026-11-21T03:49:50.123Z offered worker=AW_… job=AJ_… room=…`, and what else there is to say."""
    at = datetime.fromtimestamp(event.at_ns / 1e9, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    shown = {short: event.data[key] for short, key in IDS.items() if event.data.get(key)}
    shown |= {key: value for key, value in event.data.items() if key not in IDS.values()}
    if "server" in shown:
        shown["server"] = f"livekit-server {shown['server']['version']}"
    words = [f"{key}={_quoted(visible(str(value)))}" for key, value in shown.items()]
    return " ".join([at, f"{event.kind.removeprefix('staged.'):<13}", *words])


def _quoted(text: str) -> str:
    return f'"{text}"' if not text or " " in text else text
