"""Makes a run's participants: with media, or by signalling alone."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from lkdiag.client.participant import Joiner, Participant
    from lkdiag.journal.recorder import TrialRecorder


class MediaJoiner:
    """Uses `livekit.rtc`, and imports it before any trial: the import takes 0.2 s, which would be a stall."""

    has_media = True

    def __init__(self) -> None:
        from lkdiag.client.media import MediaParticipant

        self._make = MediaParticipant

    def participant(self, recorder: TrialRecorder, who: str, **about: str) -> Participant:
        """A participant with media."""
        return self._make(recorder, who, **about)


@contextlib.asynccontextmanager
async def open_joiner(*, by_signal: bool) -> AsyncIterator[Joiner]:
    """The Joiner of a run."""
    if not by_signal:
        yield MediaJoiner()
        return
    from lkdiag.client.signal import SignalJoiner

    async with SignalJoiner() as joiner:
        yield joiner
