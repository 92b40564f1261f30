"""What webhooks tell of agents that no poll has shown: they came and went between two polls.

livekit-server v1.13.5 sends `participant_joined` when the media are connected, and `participant_left` at the end; who
leaves before that has one webhook only, `participant_connection_aborted` (pkg/telemetry/events.go, ParticipantLeft).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from lkdiag.journal.event import Event
from lkdiag.journal.participant_kinds import AgentJoined, AgentLeft, WebhookReceived

if TYPE_CHECKING:
    from lkdiag.journal.event import Data
    from lkdiag.journal.timeline import Timeline

LEFT = ("participant_left", "participant_connection_aborted")

R = TypeVar("R", AgentJoined, AgentLeft)


def joins_by_webhook(timeline: Timeline) -> tuple[Event[AgentJoined], ...]:
    """For each such agent its first webhook, in the form of an `agent.joined` with the server's time of the join."""
    first: dict[str | None, Event[WebhookReceived]] = {}
    for event in _webhooks_of_unseen(timeline):
        first.setdefault(event.row.sid, event)
    return tuple(_as(AgentJoined, event, {"state": "joined", "tracks": [], **event.data}) for event in first.values())


def leaves_by_webhook(timeline: Timeline) -> tuple[Event[AgentLeft], ...]:
    """For each such agent that has left: the webhook that says so, in the form of an `agent.left`."""
    return tuple(
        _as(AgentLeft, event, event.data) for event in _webhooks_of_unseen(timeline) if event.row.event in LEFT
    )


def is_told(event: Event[AgentJoined]) -> bool:
    """Whether a webhook told of it, and no look at the participants."""
    return "event" in event.data


def _as(kind: type[R], event: Event[WebhookReceived], data: Data) -> Event[R]:
    return Event(event.seq, kind.KIND, event.at_ns, event.mono_ns, event.trial, data)


def _webhooks_of_unseen(timeline: Timeline) -> list[Event[WebhookReceived]]:
    shown = {event.row.sid for event in timeline.of(AgentJoined)}
    told = timeline.of(WebhookReceived)
    return [e for e in told if e.row.kind == "agent" and e.row.sid is not None and e.row.sid not in shown]
