"""Joins late (`slow:4s`), or answers the offer late (`slow:2s:answer`).

An answer that comes more than about 2.8 s after the offer is too late: livekit-server v1.13.5 gives up 3 s after the
dispatch (psrpc v0.7.2 client.go, DefaultClientTimeout, of which 0.2 s go by before the offer), and drops it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from lkdiag.errors import UsageError
from lkdiag.scenario.duration import parse_duration_s

if TYPE_CHECKING:
    from lkdiag.worker.behaviour.base import Assignment, Offer


class Slow:
    """Does what an honest worker does, once a delay has passed."""

    def __init__(self, delay: str, step: str = "join") -> None:
        if step not in ("join", "answer"):
            raise UsageError(f"slow can't be late at {step!r}", "slow:4s joins late, slow:4s:answer answers late")
        delay_s = parse_duration_s(delay)
        self._answer_delay_s = delay_s if step == "answer" else 0.0
        self._join_delay_s = delay_s if step == "join" else 0.0

    async def on_offer(self, offer: Offer) -> None:
        """Accept, late or at once."""
        await asyncio.sleep(self._answer_delay_s)
        await offer.accept()

    async def on_assignment(self, assignment: Assignment) -> None:
        """Join, late or at once."""
        await asyncio.sleep(self._join_delay_s)
        await assignment.join()
