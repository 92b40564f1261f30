"""Joins late (`slow:4s`, `slow:4s:join`), or answers the offer late (`slow:2s:answer`).

`offer` and `accept` are other words for `answer`: between the offer and the assignment a worker says one thing only,
and that is its answer (livekit_agent.proto, AvailabilityResponse).

An answer that comes more than about 2.8 s after the offer is too late: livekit-server v1.13.5 gives up 3 s after the
dispatch (psrpc v0.7.2 client.go, DefaultClientTimeout, of which 0.2 s go by before the offer), and drops it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, ClassVar

from lkdiag.errors import UsageError
from lkdiag.scenario.duration import parse_duration_s
from lkdiag.worker.behaviour.honest import Honest

if TYPE_CHECKING:
    from lkdiag.worker.behaviour.base import Assignment, Offer

ANSWER = ("answer", "offer", "accept")


class Slow(Honest):
    """Joins late, or answers the offer late."""

    arguments: ClassVar[str] = ":4s[:join|:answer]"

    def __init__(self, delay: str, step: str = "join") -> None:
        if step != "join" and step not in ANSWER:
            raise UsageError(f"slow can't be late at {step!r}", "slow:4s joins late, slow:4s:answer answers late")
        delay_s = parse_duration_s(delay)
        self._answer_delay_s = delay_s if step in ANSWER else 0.0
        self._join_delay_s = delay_s if step == "join" else 0.0

    async def on_offer(self, offer: Offer) -> None:
        """Accept, late or at once."""
        await asyncio.sleep(self._answer_delay_s)
        await offer.accept()

    async def on_assignment(self, assignment: Assignment) -> None:
        """Join, late or at once."""
        await asyncio.sleep(self._join_delay_s)
        await assignment.join()
