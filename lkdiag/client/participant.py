"""What a participant of lkdiag's can do, however it joins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from lkdiag.errors import LkdiagError

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from lkdiag.journal.recorder import TrialRecorder


class JoinError(LkdiagError):
    """This participant could not get into its room."""


class Participant(Protocol):
    """One that joins a room, and leaves it. What becomes of it is in the journal, in its own lane."""

    gone: asyncio.Event
    """Set when it was disconnected, by whomever."""

    async def join(self, url: str, token: str, on_agent_track: Callable[[str, str], None] | None = None) -> None:
        """Join. Raises JoinError."""

    async def wait_connected(self, timeout_s: float) -> None:
        """Wait until a join that was begun has succeeded or failed, or the time is up."""

    async def leave(self) -> None:
        """Leave, if still there; afterwards nothing of it is left."""

    async def publish_audio(self) -> None:
        """Publish a microphone track; only one with media can."""

    def sees(self) -> set[str]:
        """The identities of the others that its own client knows of; only one with media can tell."""


class Joiner(Protocol):
    """Makes participants that join in one way."""

    has_media: bool

    def participant(self, recorder: TrialRecorder, who: str, **about: str) -> Participant:
        """One that has not joined yet. `who` is its lane, `about` stands in each of its events."""
