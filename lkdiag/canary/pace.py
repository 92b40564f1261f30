"""When the next trial is due: on a fixed grid, never two at once, and seldomer while the server does not answer."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

EVERY_MIN_S = 1.0
"""More often is load, and no canary: that is what dispatch-trial is for."""
BACK_OFF_S = 5.0
"""The least time between two trials while the server does not answer."""
LATE_SHARE = 0.1
"""A trial that is late by no more than this share of the interval still takes its place on the grid."""
ROOM_TO_JUDGE = 0.8


class Pace:
    """Places on the grid that have passed while a trial went on are skipped, and told to `on_skipped`."""

    def __init__(self, every_s: float, mono_ns: Callable[[], int], on_skipped: Callable[[int], object]) -> None:
        self._every_ns = int(every_s * 1e9)
        self._mono_ns = mono_ns
        self._on_skipped = on_skipped
        self._due_ns: int | None = None
        self._not_before_ns = 0

    def back_off(self) -> None:
        """The server did not answer."""
        self._not_before_ns = self._mono_ns() + int(BACK_OFF_S * 1e9)

    async def wait(self) -> None:
        """Until a trial is due; the first one is at once."""
        now_ns = self._mono_ns()
        due_ns = now_ns if self._due_ns is None else self._due_ns
        behind_ns = max(now_ns, self._not_before_ns) - due_ns
        if behind_ns > self._every_ns * LATE_SHARE:
            skipped = math.ceil(behind_ns / self._every_ns)
            self._on_skipped(skipped)
            due_ns += skipped * self._every_ns
        # taken before the wait: one that is stopped is not waited for again
        self._due_ns = due_ns + self._every_ns
        await asyncio.sleep(max(0, due_ns - now_ns) / 1e9)

    def spare_s(self) -> float:
        """How much time there is before the next trial, with some left to begin it in time."""
        return 0.0 if self._due_ns is None else max(0.0, (self._due_ns - self._mono_ns()) / 1e9 * ROOM_TO_JUDGE)
