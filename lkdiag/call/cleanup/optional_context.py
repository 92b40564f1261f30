"""Fix 2 of agents-js#1895: the context is looked up optionally; when it is gone, that is logged and nothing is done."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lkdiag.call.session import AgentSession


def attach(session: AgentSession) -> None:
    """Delete the room when somebody leaves, if that is still possible."""

    async def on_disconnected(identity: str) -> None:
        context = session.job_context_or_none()
        if context is None:
            session.log(f"{identity} left, and there is no job context any more: the room is not deleted")
            return
        await context.delete_room()

    session.on_participant_disconnected(on_disconnected)
