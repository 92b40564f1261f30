"""What lkdiag's participants can do, with media or by signalling alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from lkdiag.errors import LkdiagError

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from lkdiag.journal.recorder import TrialRecorder


class JoinError(LkdiagError):
    """The participant could not join its room."""


class Participant(Protocol):
    """Joins a room, and leaves it. Its events are in the journal."""

    gone: asyncio.Event
    """Set when it was disconnected, by itself or by the server."""

    async def join(self, url: str, token: str, on_agent_track: Callable[[str, str], None] | None = None) -> None:
        """Join. Raises JoinError."""

    async def wait_connected(self, timeout_s: float) -> None:
        """Wait until a join in progress has succeeded or failed, or the time is up."""

    async def leave(self) -> None:
        """Leave if still in the room, and free everything."""

    async def publish_audio(self) -> None:
        """Publish a microphone track (only with media)."""

    def sees(self) -> set[str]:
        """The identities of the other participants that its own client knows of (only with media)."""


class Joiner(Protocol):
    """Makes participants, all with media or all by signalling alone."""

    has_media: bool

    def participant(self, recorder: TrialRecorder, who: str, **about: str) -> Participant:
        """A participant that has not joined yet. `who` begins the kinds of its events; `about` holds fields of each."""
