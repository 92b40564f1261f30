"""A participant with media leaves at once, and says that it left, also where livekit.rtc does not."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest
from livekit import api, rtc

from lkdiag.participant import media
from lkdiag.participant.joining import JoinError
from lkdiag.participant.media import MediaParticipant
from lkdiag.timeline import Event, Recorder
from tests.deadline import DEADLINE_S

if TYPE_CHECKING:
    from lkdiag.server.private import PrivateServer


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


@pytest.mark.server
@pytest.mark.parametrize("told", [True, False], ids=["told", "not told"])
async def test_a_leave_is_recorded_once_though_livekit_rtc_does_not_always_tell_of_it(
    private_server: PrivateServer, monkeypatch: pytest.MonkeyPatch, told: bool
) -> None:
    """On a busy machine the end of its queue overtakes its own `disconnected`: the state changes, and that is all."""
    hear = rtc.Room._on_room_event
    if not told:

        def hear_the_state_alone(room: rtc.Room, event: object) -> None:
            if event.WhichOneof("message") != "disconnected":  # type: ignore[attr-defined]
                hear(room, event)  # type: ignore[arg-type]

        monkeypatch.setattr(rtc.Room, "_on_room_event", hear_the_state_alone)
    events = list[Event]()
    recorder = Recorder(events.append, wall_ns=time.time_ns, mono_ns=time.monotonic_ns).for_trial(1)
    participant = MediaParticipant(recorder, "caller")
    token = api.AccessToken(private_server.api_key, private_server.api_secret).with_identity("caller")
    await participant.join(private_server.url, token.with_grants(api.VideoGrants(room_join=True, room="room")).to_jwt())
    await participant.leave()
    await participant.leave()
    assert participant.gone.is_set()
    ends = [event.data for event in events if event.kind == "caller.disconnected"]
    assert ends == [{"reason": "CLIENT_INITIATED"}]


async def test_who_was_never_in_does_not_leave() -> None:
    events = list[Event]()
    recorder = Recorder(events.append, wall_ns=time.time_ns, mono_ns=time.monotonic_ns).for_trial(1)
    participant = MediaParticipant(recorder, "caller")
    with pytest.raises(JoinError):
        await participant.join("ws://127.0.0.1:9", "token")
    await participant.leave()
    assert [event.kind for event in events] == ["caller.joining", "caller.join_failed"]
