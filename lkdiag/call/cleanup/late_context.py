"""The reported bug: the listener looks the job context up when somebody leaves, and by then it is gone.

https://github.com/livekit/agents-js/issues/1895; livekit-agents (Python) 1.8.9 does so in
beta/workflows/warm_transfer.py, _on_caller_participant_disconnected.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lkdiag.call.session import AgentSession


def attach(session: AgentSession) -> None:
    """Delete the room when somebody leaves."""

    async def on_disconnected(_identity: str) -> None:
        context = session.job_context()  # raises: the session was closed after the merge
        await context.delete_room()

    session.on_participant_disconnected(on_disconnected)
