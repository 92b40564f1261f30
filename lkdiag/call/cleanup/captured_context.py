"""Fix 1 of agents-js#1895: the context is captured while it exists, and used later."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lkdiag.call.session import AgentSession


def attach(session: AgentSession) -> None:
    """Delete the room when somebody leaves."""
    context = session.job_context()

    async def on_disconnected(_identity: str) -> None:
        await context.delete_room()

    session.on_participant_disconnected(on_disconnected)
