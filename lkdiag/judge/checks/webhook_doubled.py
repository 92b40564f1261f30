"""F15: one and the same webhook (its event id) came twice."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from lkdiag.contract import CheckSlug, Severity
from lkdiag.facts.webhooks import received
from lkdiag.judge.finding import Finding

if TYPE_CHECKING:
    from lkdiag.judge.trial import JudgedTrial

SLUG = CheckSlug.WEBHOOK_DOUBLED
REFERENCE = "https://github.com/livekit/livekit/issues/1130"
AROUND_NS = 10_000_000_000


def judge(trial: JudgedTrial) -> Finding | None:
    """A finding that names the ids. Where lkdiag itself stood still, the second sending is its own doing."""
    if not trial.judges_webhooks:
        return None
    heard = received(trial.facts)
    counts = Counter(event.row.id for event in heard)
    again = [e for e in heard if counts[e.row.id] > 1]
    if not again or any(_stood_still(trial, e.mono_ns) for e in again):
        return None
    names = {e.row.id: e.row.event for e in again}
    return Finding(
        check=SLUG,
        severity=Severity.FAIL,
        title="a webhook came more than once",
        fact=", ".join(f"{event} ({name}) came {counts[name]} times" for name, event in names.items()),
        hint=(
            "the server sends a webhook again that was not answered with 200 in time. Nothing is wrong with that, if "
            "the receiver knows by the event's id what it has had already."
        ),
        trial=trial.index,
        evidence=tuple(event.seq for event in again),
        reference=REFERENCE,
    )


def _stood_still(trial: JudgedTrial, at_ns: int) -> bool:
    return any(trial.facts.run.stood_still.during(at_ns - AROUND_NS, at_ns + AROUND_NS))
