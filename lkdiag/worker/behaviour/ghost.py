"""Accepts the job and never joins: the dispatch stays JS_RUNNING for ever, and nobody is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.worker.behaviour.honest import Honest

if TYPE_CHECKING:
    from lkdiag.worker.behaviour.base import Assignment


class Ghost(Honest):
    """Accepts, and never joins."""

    async def on_assignment(self, assignment: Assignment) -> None:
        """Stay away."""
