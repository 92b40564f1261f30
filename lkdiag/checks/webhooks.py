"""Which webhooks a dispatch trial was told of, and which it had to be.

Measured on livekit-server 1.13.5: `room_started` when the room is made, `participant_joined` when somebody's media are
connected (hidden agents' too), `room_finished` when it is deleted; each after some milliseconds, once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lkdiag.checks.verdict import Outcome

if TYPE_CHECKING:
    from lkdiag.checks.facts import DispatchFacts
    from lkdiag.checks.judged import JudgedTrial
    from lkdiag.timeline import Event

PATIENCE_S = 4.5
"""How long a webhook may take before it is missed. A trial waits 5 s for the last one."""
JOINED = ("participant.joined", "participant.changed", "agent.joined", "agent.changed")


@dataclass(frozen=True)
class Expected:
    """A webhook that had to come: for what, and since when."""

    words: str
    since_ns: int


def are_judged(trial: JudgedTrial) -> bool:
    """Only where webhooks were to be received, and the trial went its way."""
    return trial.facts.run.webhooks and trial.outcome not in (Outcome.ERROR, Outcome.INCONCLUSIVE)


def received(facts: DispatchFacts) -> tuple[Event, ...]:
    """All of them, in the order of their coming."""
    return facts.story.of("webhook.received")


def missing(facts: DispatchFacts) -> tuple[Expected, ...]:
    """Those that had not come, although they were waited for long enough."""
    until_ns = facts.last_ns
    return tuple(e for e in _absent(facts) if _awake_s(facts, e.since_ns, until_ns) >= PATIENCE_S)


def _awake_s(facts: DispatchFacts, from_ns: int, until_ns: int) -> float:
    slept_ms = facts.run.stood_still.late_ms(from_ns, until_ns)
    return (until_ns - from_ns) / 1e9 - slept_ms / 1000


def _absent(facts: DispatchFacts) -> list[Expected]:
    heard = received(facts)
    ids = {name: {e.data["id"] for e in heard if e.data["event"] == name} for name in ("room_started", "room_finished")}
    rooms = {e.data["sid"]: e for e in facts.story.of("room.created")}
    deletions = [e for e in facts.story.of("api.called") if e.data["method"] == "DeleteRoom" and e.data["ok"]]
    found = []
    if len(ids["room_started"]) < len(rooms):
        found.append(Expected("room_started", max(e.mono_ns for e in rooms.values())))
    joined = {e.data.get("identity") for e in heard if e.data["event"] == "participant_joined"}
    for event in facts.story.of(*JOINED):
        identity = event.data["identity"]
        if event.data.get("state") == "active" and identity not in joined:
            joined.add(identity)
            found.append(Expected(f"participant_joined of {identity!r}", event.mono_ns))
    if len(ids["room_finished"]) < len(deletions):
        found.append(Expected("room_finished", deletions[-1].mono_ns))
    return found
