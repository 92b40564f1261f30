"""Fix 3 of agents-js#1895: the built-in cleanup is turned off; teardown is the application's business."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lkdiag.call.session import AgentSession


def attach(session: AgentSession) -> None:
    """Nothing: nobody cleans up."""
    del session
