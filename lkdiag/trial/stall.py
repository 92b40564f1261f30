"""Watches lkdiag itself: how late its own event loop comes, by more than a trial can bear."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lkdiag.timeline import Recorder

INTERVAL_S = 0.05
STALL_MS = 200.0
"""A tenth of the 2 s after which a delivery is late."""


async def watch_stalls(recorder: Recorder) -> None:
    """Record `lkdiag.stalled` each time the loop came `STALL_MS` or more too late. Runs until cancelled.

    Both clocks are looked at: on Linux the monotonic one stands still while the machine is suspended.
    """
    while True:
        mono_ns, wall_ns = recorder.now_mono_ns(), recorder.now_wall_ns()
        await asyncio.sleep(INTERVAL_S)
        passed_ms = max(recorder.now_mono_ns() - mono_ns, recorder.now_wall_ns() - wall_ns) / 1e6
        late_ms = passed_ms - INTERVAL_S * 1000
        if late_ms >= STALL_MS:
            recorder.record("lkdiag.stalled", began_mono_ns=mono_ns, late_ms=round(late_ms, 1))
