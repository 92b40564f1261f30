"""Which webhooks a dispatch trial was told of, and which it had to be.

Measured on livekit-server 1.13.5: `room_started` when the room is made, `participant_joined` when somebody's media are
connected (hidden agents' too), `room_finished` when it is deleted; each after some milliseconds, once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lkdiag.journal.participant_kinds import Shown, WebhookReceived
from lkdiag.journal.trial_kinds import ApiCalled, RoomCreated

if TYPE_CHECKING:
    from lkdiag.facts.dispatch import DispatchFacts
    from lkdiag.journal.event import Event

PATIENCE_S = 4.5
"""How long a webhook may take before it is missed. A trial waits 5 s for the last one."""


@dataclass(frozen=True)
class Expected:
    """A webhook that had to come: for what, and since when."""

    words: str
    since_ns: int


def received(facts: DispatchFacts) -> tuple[Event[WebhookReceived], ...]:
    """All of them, in the order of their coming."""
    return facts.story.of(WebhookReceived)


def missing(facts: DispatchFacts) -> tuple[Expected, ...]:
    """Those that had not come, although they were waited for long enough."""
    until_ns = facts.last_ns
    return tuple(e for e in _absent(facts) if _awake_s(facts, e.since_ns, until_ns) >= PATIENCE_S)


def _awake_s(facts: DispatchFacts, from_ns: int, until_ns: int) -> float:
    slept_ms = facts.run.stood_still.late_ms(from_ns, until_ns)
    return (until_ns - from_ns) / 1e9 - slept_ms / 1000


def _absent(facts: DispatchFacts) -> list[Expected]:
    heard = received(facts)
    ids = {name: {e.row.id for e in heard if e.row.event == name} for name in ("room_started", "room_finished")}
    rooms = {e.row.sid: e for e in facts.story.of(RoomCreated)}
    deletions = [e for e in facts.story.of(ApiCalled) if e.row.method == "DeleteRoom" and e.row.ok]
    found = []
    if len(ids["room_started"]) < len(rooms):
        found.append(Expected("room_started", max(e.mono_ns for e in rooms.values())))
    joined = {e.row.identity for e in heard if e.row.event == "participant_joined"}
    for event in facts.story.of(Shown):
        identity = event.row.identity
        if event.row.state == "active" and identity not in joined:
            joined.add(identity)
            found.append(Expected(f"participant_joined of {identity!r}", event.mono_ns))
    if len(ids["room_finished"]) < len(deletions):
        found.append(Expected("room_finished", deletions[-1].mono_ns))
    return found
