"""A participant with media leaves at once, also where its track will never be published."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from lkdiag.participant import media
from lkdiag.participant.media import MediaParticipant
from lkdiag.timeline import Recorder
from tests.deadline import DEADLINE_S

if TYPE_CHECKING:
    import pytest


async def test_nobody_waits_for_a_track_of_a_room_that_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """livekit.rtc never answers a publish_track that was under way when the room was disconnected."""
    monkeypatch.setattr(media, "CONNECT_TIMEOUT_S", 3600.0)
    recorder = Recorder(wall_ns=time.time_ns, mono_ns=time.monotonic_ns).for_trial(1)
    participant = MediaParticipant(recorder, "probe")
    participant._connecting = asyncio.create_task(asyncio.sleep(0))
    publishing = asyncio.create_task(asyncio.Event().wait())
    participant._publishing = publishing  # type: ignore[assignment]
    leaving = asyncio.create_task(participant.leave())
    await asyncio.sleep(0)
    assert not leaving.done(), "the room is there: the track may still be published"
    participant.gone.set()
    async with asyncio.timeout(DEADLINE_S):
        await leaving
    assert publishing.cancelled()
