"""F15: a webhook came long after what it tells of. Its `createdAt` has whole seconds: one second is never counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.contract import CheckSlug, Severity
from lkdiag.facts.webhooks import received
from lkdiag.judge.finding import Finding

if TYPE_CHECKING:
    from lkdiag.facts.dispatch import DispatchFacts
    from lkdiag.journal.event import Event
    from lkdiag.journal.participant_kinds import WebhookReceived
    from lkdiag.judge.trial import JudgedTrial

SLUG = CheckSlug.WEBHOOK_LATE
REFERENCE = "https://github.com/livekit/livekit/issues/3976"
LATE_MS = 1500.0
"""From so much on, for certain, it is late; a webhook takes some milliseconds (measured, server 1.13.5)."""


def judge(trial: JudgedTrial) -> Finding | None:
    """A finding about the latest of the webhooks that came late."""
    if not trial.judges_webhooks:
        return None
    facts = trial.facts
    first = {e.row.id: e for e in reversed(received(facts))}
    waits = [(wait_ms, event) for event in first.values() if (wait_ms := late_ms(facts, event)) >= LATE_MS]
    if not waits:
        return None
    wait_ms, event = max(waits, key=lambda item: (item[0], -item[1].seq))
    who = f" of {event.row.identity!r}" if event.row.identity is not None else ""
    return Finding(
        check=SLUG,
        severity=Severity.FAIL,
        title="a webhook came late",
        fact=(
            f"{event.row.event}{who} ({event.row.id}) came {wait_ms / 1000:.1f} s or more after its createdAt; "
            f"{len(waits)} of {len(first)} webhooks of the room were late"
        ),
        hint=(
            "the server sends the webhooks of a room one after another, and each again until it is answered with 200: "
            "one slow answer of the receiver delays all that follow. Answer first, work afterwards."
        ),
        trial=trial.index,
        evidence=tuple(sorted(event.seq for _, event in waits)),
        reference=REFERENCE,
    )


def late_ms(facts: DispatchFacts, event: Event[WebhookReceived]) -> float:
    """By how much it is late for certain, in milliseconds; 0 where the server's clock is not known well enough."""
    if facts.clock is None or not event.row.created_at_s:
        return 0.0
    made_ms = (event.row.created_at_s + 1) * 1000
    wait_ms = facts.clock.server_ms(event.mono_ns) - facts.clock.error_ms - made_ms
    from_ns = event.mono_ns - int((wait_ms + 1000) * 1e6)
    stood_ms = facts.run.stood_still.late_ms(from_ns, event.mono_ns)
    return float(max(0.0, wait_ms - stood_ms))
