"""Never answers the availability request: after 3 s the server drops the dispatch, and asks no other worker."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lkdiag.worker.behaviour.base import Assignment, Offer


class Silent:
    """Takes notice of the offer, and says nothing."""

    async def on_offer(self, offer: Offer) -> None:
        """Leave the server without an answer."""

    async def on_assignment(self, assignment: Assignment) -> None:
        """Can't happen: only who accepts is given a job."""
