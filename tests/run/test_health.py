"""lkdiag's watch of itself has no gap: whenever it stands still, that is seen."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, cast

import pytest

from lkdiag.journal.recorder import Recorder
from lkdiag.run.health import STALL_MS, health_watched
from tests.deadline import DEADLINE_S

if TYPE_CHECKING:
    from lkdiag.client.api_client import Control
    from lkdiag.journal.event import Event


class FakeControl:
    """Of which only the answer times are asked."""

    def take_answer_times(self) -> list[float]:
        return []


def stand_still() -> None:
    time.sleep(2 * STALL_MS / 1000)


@pytest.mark.parametrize("kind", ["lkdiag.limited", "lkdiag.sampled"])
async def test_a_stop_while_it_writes_down_what_it_saw_is_seen_too(kind: str) -> None:
    """A process may be stopped anywhere; here it stands still while it records an event of its own."""
    stopped, stalled = asyncio.Event(), asyncio.Event()

    def sink(event: Event) -> None:
        if event.kind == kind and not stopped.is_set():
            stopped.set()
            stand_still()
        elif event.kind == "lkdiag.stalled" and stopped.is_set():
            stalled.set()

    recorder = Recorder(sink, wall_ns=time.time_ns, mono_ns=time.monotonic_ns)
    async with asyncio.timeout(DEADLINE_S), health_watched(recorder, cast("Control", FakeControl())):
        await stalled.wait()


@pytest.mark.parametrize("kind", ["lkdiag.sampled", "lkdiag.stalled"])
async def test_a_watch_that_failed_is_not_passed_over(kind: str) -> None:
    """Whether it failed where it takes samples or where it feels the loop."""
    seen: list[Event] = []
    failed = asyncio.Event()

    def sink(event: Event) -> None:
        seen.append(event)
        if event.kind == kind:
            failed.set()
            raise ValueError(kind)

    recorder = Recorder(sink, wall_ns=time.time_ns, mono_ns=time.monotonic_ns)
    async with asyncio.timeout(DEADLINE_S), health_watched(recorder, cast("Control", FakeControl())):
        while not failed.is_set():
            stand_still()
            await asyncio.sleep(0.1)
    assert seen[-1].kind == "run.aborted"
    assert f"lkdiag's watch of itself failed: ValueError('{kind}')" == seen[-1].data["reason"]
