"""Says that it is not available: the server asks the next worker, and gives up when there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lkdiag.worker.behaviour.base import Assignment, Offer


class Reject:
    """Declines every offer."""

    async def on_offer(self, offer: Offer) -> None:
        """Decline."""
        await offer.reject()

    async def on_assignment(self, assignment: Assignment) -> None:
        """Can't happen: only who accepts is given a job."""
