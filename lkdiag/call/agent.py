"""The AI agent of a call: a participant with a session, and a cleanup that may live in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.call.cleanup import INSIDE
from lkdiag.call.session import AgentSession, JobContext
from lkdiag.participant.media import MediaParticipant

if TYPE_CHECKING:
    from collections.abc import Collection

    from lkdiag.control import Control
    from lkdiag.timeline import TrialRecorder


class Agent:
    """Joins the caller room, and leaves it in one of the ways that a user's agent does."""

    def __init__(self, recorder: TrialRecorder, control: Control, room: str) -> None:
        self._participant = MediaParticipant(recorder, "probe")
        self.session = AgentSession(JobContext(room, control, recorder))

    async def join(self, url: str, token: str) -> None:
        """Join. Raises JoinError."""
        self._participant.on_participant_left = self.session.participant_disconnected
        await self._participant.join(url, token)

    async def wait_sees(self, identities: Collection[str], timeout_s: float) -> bool:
        """Whether the agent's own client knows of these people: of others it can't notice that they leave."""
        return await self._participant.wait_sees(identities, timeout_s)

    def attach(self, cleanup: str) -> None:
        """The calls are merged: register the cleanup, if it is one that lives in the agent."""
        if cleanup in INSIDE:
            INSIDE[cleanup](self.session)

    def close_session(self) -> None:
        """The session and its job context end; the room connection is still there."""
        self.session.close()

    async def wait_connected(self, timeout_s: float) -> None:
        """Wait until a join that was begun has succeeded or failed, or the time is up."""
        await self._participant.wait_connected(timeout_s)

    async def leave(self) -> None:
        """The room connection ends."""
        await self._participant.leave()
