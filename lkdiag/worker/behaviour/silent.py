"""Never answers the availability request: 3 s after the dispatch the server drops it, and asks no other worker."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.worker.behaviour.honest import Honest

if TYPE_CHECKING:
    from lkdiag.worker.behaviour.base import Offer


class Silent(Honest):
    """Never answers an offer."""

    async def on_offer(self, offer: Offer) -> None:
        """Leave the server without an answer."""
