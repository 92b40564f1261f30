"""A participant as the server describes it, in the journal's words."""

from __future__ import annotations

from typing import Any

from livekit import api

from lkdiag.enum_name import enum_name

AGENT_NAME_ATTRIBUTE = "lk.agent_name"
"""Set by the server on an agent's participant (livekit-server pkg/agent/worker.go, AgentNameAttributeKey)."""


def kind_of(participant: api.ParticipantInfo) -> str:
    """LiveKit's name in lower case."""
    return enum_name(api.ParticipantInfo.Kind, participant.kind).lower()


def described(participant: api.ParticipantInfo) -> dict[str, Any]:
    """From listParticipants, or from a webhook. `joined_at_ms` is the server's time (Unix, milliseconds)."""
    known: dict[str, Any] = {"hidden": True} if participant.permission.hidden else {}
    agent_name = participant.attributes.get(AGENT_NAME_ATTRIBUTE)
    if agent_name is not None:
        known["agent_name"] = agent_name
    return known | {
        "identity": participant.identity,
        "sid": participant.sid,
        "kind": kind_of(participant),
        "state": enum_name(api.ParticipantInfo.State, participant.state).lower(),
        "joined_at_ms": participant.joined_at_ms or participant.joined_at * 1000,
        "tracks": [track.sid for track in participant.tracks],
    }
