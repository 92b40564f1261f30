"""lkdiag's watch of itself has no gap: whenever it stands still, that is seen."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, cast

import pytest

from lkdiag.timeline import Event, Recorder
from lkdiag.trial.health import STALL_MS, watch_health

if TYPE_CHECKING:
    from lkdiag.control import Control


class FakeControl:
    """Of which only the answer times are asked."""

    def take_answer_times(self) -> list[float]:
        return []


@pytest.mark.parametrize("kind", ["lkdiag.limited", "lkdiag.sampled"])
async def test_a_stop_while_it_writes_down_what_it_saw_is_seen_too(kind: str) -> None:
    """A process may be stopped anywhere; here it stands still while it records an event of its own."""
    stopped, stalled = asyncio.Event(), asyncio.Event()

    def sink(event: Event) -> None:
        if event.kind == kind and not stopped.is_set():
            stopped.set()
            time.sleep(2 * STALL_MS / 1000)
        elif event.kind == "lkdiag.stalled" and stopped.is_set():
            stalled.set()

    recorder = Recorder(sink, wall_ns=time.time_ns, mono_ns=time.monotonic_ns)
    watch = asyncio.create_task(watch_health(recorder, cast("Control", FakeControl())))
    try:
        async with asyncio.timeout(30):
            await stalled.wait()
    finally:
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)
