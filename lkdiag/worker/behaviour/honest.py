"""Does what a good worker does: accepts at once, joins at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lkdiag.worker.behaviour.base import Assignment, Offer


class Honest:
    """Accepts and joins."""

    async def on_offer(self, offer: Offer) -> None:
        """Accept."""
        await offer.accept()

    async def on_assignment(self, assignment: Assignment) -> None:
        """Join."""
        await assignment.join()
