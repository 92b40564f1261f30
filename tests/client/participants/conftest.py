"""What a participant records, and a token to join with."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from livekit import api

from lkdiag.journal.recorder import Recorder

if TYPE_CHECKING:
    from lkdiag.journal.event import Event
    from lkdiag.server.private import PrivateServer


class Journal:
    """What was recorded."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        recorder = Recorder(self.events.append, wall_ns=time.time_ns, mono_ns=time.monotonic_ns)
        self.trial = recorder.for_trial(1)

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [event.data for event in self.events if event.kind == kind]


@pytest.fixture
def journal() -> Journal:
    return Journal()


def token(server: PrivateServer, secret: str | None = None) -> str:
    grants = api.VideoGrants(room_join=True, room="room")
    return api.AccessToken(server.api_key, secret or server.api_secret).with_identity("me").with_grants(grants).to_jwt()
