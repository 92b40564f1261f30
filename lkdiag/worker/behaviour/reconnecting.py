"""Its socket drops just when the job is offered, and it registers again a little later.

livekit-server asks the next worker at once, and this one not again: a dispatch is offered to a worker that is there,
or to nobody (v1.13.5 pkg/service/agentservice.go, JobRequest).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from lkdiag.scenario.duration import parse_duration_s
from lkdiag.worker.behaviour.honest import Honest

if TYPE_CHECKING:
    from lkdiag.worker.behaviour.base import Offer


class Reconnecting(Honest):
    """Loses its socket at each offer, and registers again after 1 s, or after the time given."""

    own_worker: ClassVar[bool] = True
    arguments: ClassVar[str] = "[:1s]"

    def __init__(self, back_after: str = "1s") -> None:
        self._back_after_s = parse_duration_s(back_after)

    async def on_offer(self, offer: Offer) -> None:
        """Lose the socket."""
        await offer.line.drop(self._back_after_s)
