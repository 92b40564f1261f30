"""A participant with media leaves at once, and says that it left, also where livekit.rtc does not."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from livekit import rtc

from lkdiag.client import media
from lkdiag.client.media import MediaParticipant
from lkdiag.client.participant import JoinError
from tests.deadline import DEADLINE_S

from .conftest import token

if TYPE_CHECKING:
    from lkdiag.server.private import PrivateServer

    from .conftest import Journal


async def test_nobody_waits_for_a_track_of_a_room_that_is_gone(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """livekit.rtc never answers a publish_track that was under way when the room was disconnected."""
    monkeypatch.setattr(media, "CONNECT_TIMEOUT_S", 3600.0)
    participant = MediaParticipant(journal.trial, "probe")
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
    private_server: PrivateServer, journal: Journal, monkeypatch: pytest.MonkeyPatch, told: bool
) -> None:
    """On a busy machine the end of its queue overtakes its own `disconnected`: the state changes, and that is all."""
    hear = rtc.Room._on_room_event
    if not told:

        def hear_the_state_alone(room: rtc.Room, event: object) -> None:
            if event.WhichOneof("message") != "disconnected":  # type: ignore[attr-defined]
                hear(room, event)  # type: ignore[arg-type]

        monkeypatch.setattr(rtc.Room, "_on_room_event", hear_the_state_alone)
    participant = MediaParticipant(journal.trial, "caller")
    await participant.join(private_server.url, token(private_server))
    await participant.leave()
    await participant.leave()
    assert participant.gone.is_set()
    assert journal.of("caller.disconnected") == [{"reason": "CLIENT_INITIATED"}]


async def test_who_was_never_in_does_not_leave(journal: Journal) -> None:
    participant = MediaParticipant(journal.trial, "caller")
    with pytest.raises(JoinError):
        await participant.join("ws://127.0.0.1:9", "no token")
    await participant.leave()
    assert [event.kind for event in journal.events] == ["caller.joining", "caller.join_failed"]
