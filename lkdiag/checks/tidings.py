"""What webhooks tell of agents that no look at the participants has shown: they came and went between two looks.

livekit-server v1.13.5 sends `participant_joined` when the media are connected, and `participant_left` at the end; who
leaves before that has one webhook only, `participant_connection_aborted` (pkg/telemetry/events.go, ParticipantLeft).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lkdiag.checks.facts import DispatchFacts
    from lkdiag.timeline import Event, Timeline

LEFT = ("participant_left", "participant_connection_aborted")


def first_tidings(timeline: Timeline) -> tuple[Event, ...]:
    """For each such agent its first webhook, in the form of an `agent.joined` with the server's time of the join."""
    first: dict[str, Event] = {}
    for event in _tidings(timeline):
        first.setdefault(event.data["sid"], event)
    return tuple(
        replace(e, kind="agent.joined", data={"state": "joined", "tracks": [], **e.data}) for e in first.values()
    )


def last_tidings(timeline: Timeline) -> tuple[Event, ...]:
    """For each such agent that has left: the webhook that says so, in the form of an `agent.left`."""
    return tuple(replace(e, kind="agent.left") for e in _tidings(timeline) if e.data["event"] in LEFT)


def _tidings(timeline: Timeline) -> list[Event]:
    shown = {event.data["sid"] for event in timeline.of("agent.joined")}
    told = timeline.of("webhook.received")
    return [e for e in told if e.data.get("kind") == "agent" and "sid" in e.data and e.data["sid"] not in shown]


ABORTED_SINCE = (1, 10, 0)
"""`participant_connection_aborted` came with livekit/protocol#1166 (August 2025), after livekit-server 1.9.0: an older
server says nothing of an agent that leaves before its media are connected."""


def are_whole(facts: DispatchFacts) -> bool:
    """Whether the room's webhooks came from its beginning to its end: then they tell of everybody who was there.

    A room's webhooks are sent one after another (livekit protocol, webhook/url_notifier.go).
    """
    if facts.room is None or facts.run.server_version is None or facts.run.server_version < ABORTED_SINCE:
        return False
    of_room = [e for e in facts.story.of("webhook.received") if e.data.get("room_sid") == facts.room.data["sid"]]
    return {"room_started", "room_finished"} <= {event.data["event"] for event in of_room}
