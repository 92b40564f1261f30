"""A participant of a kind, or in a state, that the installed library does not know."""

from __future__ import annotations

import pytest
from livekit import api

from lkdiag.client.api_client import described, kind_of

KINDS, STATES = api.ParticipantInfo.Kind, api.ParticipantInfo.State


@pytest.mark.parametrize(
    ("kind", "state", "told"),
    [
        (KINDS.Value("SIP"), STATES.Value("ACTIVE"), ("sip", "active")),
        (max(KINDS.values()) + 1, STATES.Value("JOINED"), (f"unknown_{max(KINDS.values()) + 1}", "joined")),
        (KINDS.Value("AGENT"), 99, ("agent", "unknown_99")),
    ],
)
def test_kind_and_state(kind: int, state: int, told: tuple[str, str]) -> None:
    """As the server sends them: protobuf keeps the number of what it has no name for."""
    sent = b"\x0a\x04PA_1\x12\x03ann" + bytes([0x18, state]) + bytes([0x70, kind])
    participant = api.ParticipantInfo.FromString(sent)
    assert (participant.sid, participant.identity) == ("PA_1", "ann")
    known = described(participant)
    assert (known["kind"], known["state"]) == told
    assert kind_of(participant) == told[0]
