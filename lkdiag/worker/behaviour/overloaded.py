"""Reports that it is full: it is never asked, and nobody is told why the agent does not come.

livekit-server adds up what the workers of a name have free below the target load of 0.7, and without any offers the job
to nobody (v1.13.5 pkg/service/agentservice.go, JobRequestAffinity; pkg/agent/config.go, DefaultTargetLoad).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from lkdiag.worker.behaviour.honest import Honest

if TYPE_CHECKING:
    from lkdiag.worker.behaviour.base import Line, Offer


class Overloaded(Honest):
    """Reports a load of 1.0 and WS_FULL; declines what it is offered all the same."""

    own_worker: ClassVar[bool] = True

    async def on_registered(self, line: Line) -> None:
        """Report it, before any other load."""
        await line.report_load(1.0, available=False)

    async def on_offer(self, offer: Offer) -> None:
        """Decline, as livekit-agents does over its limit (worker.py, _answer_availability)."""
        await offer.reject()
