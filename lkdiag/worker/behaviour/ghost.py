"""Accepts the job and never joins: the dispatch stays JS_RUNNING for ever, and nobody is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lkdiag.worker.behaviour.base import Assignment, Offer


class Ghost:
    """Accepts, and stays away."""

    async def on_offer(self, offer: Offer) -> None:
        """Accept."""
        await offer.accept()

    async def on_assignment(self, assignment: Assignment) -> None:
        """Stay away."""
