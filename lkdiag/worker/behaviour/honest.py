"""The no-op of the family: a good worker. The others derive from it, and say only what they do otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from lkdiag.worker.behaviour.base import Assignment, Line, Offer


class Honest:
    """Accepts at once, joins at once, stays."""

    own_worker: ClassVar[bool] = False
    hidden: ClassVar[bool] = False
    arguments: ClassVar[str] = ""

    async def on_registered(self, line: Line) -> None:
        """Nothing to do."""

    async def on_offer(self, offer: Offer) -> None:
        """Accept."""
        await offer.accept()

    async def on_assignment(self, assignment: Assignment) -> None:
        """Join."""
        await assignment.join()
