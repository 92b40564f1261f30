"""Declines a room's first offer and takes the later ones: a second createDispatch helps, waiting does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.worker.behaviour.honest import Honest

if TYPE_CHECKING:
    from lkdiag.worker.behaviour.base import Offer


class RejectThenAccept(Honest):
    """Declines the first offer of each room, takes the later ones."""

    def __init__(self) -> None:
        self._declined: set[str] = set()

    async def on_offer(self, offer: Offer) -> None:
        """Decline, if this room is new."""
        if offer.room in self._declined:
            await offer.accept()
        else:
            self._declined.add(offer.room)
            await offer.reject()
