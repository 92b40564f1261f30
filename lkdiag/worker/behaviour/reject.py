"""Says that it is not available: the server asks the next worker, and drops the dispatch when there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.worker.behaviour.honest import Honest

if TYPE_CHECKING:
    from lkdiag.worker.behaviour.base import Offer


class Reject(Honest):
    """Declines every offer."""

    async def on_offer(self, offer: Offer) -> None:
        """Decline."""
        await offer.reject()
