"""The reported bug: the listener looks the job context up when somebody leaves, and by then it is gone.

https://github.com/livekit/agents-js/issues/1895. Measured: @livekit/agents (Node) 1.4.5 to 1.4.11 have the bug where
rtc-node was used in `prewarm`; 1.5.0 captures the context, and closes the room. livekit-agents (Python) looks it up
late too (beta/workflows/warm_transfer.py, _on_caller_participant_disconnected), and that works: its listener still
runs in the job's context. 1.3.12, 1.5.17 and 1.8.9 closed the room in 0.1 s.
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
