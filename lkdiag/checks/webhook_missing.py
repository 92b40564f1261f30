"""F15: something happened in the room, and the webhook that says so did not come."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.checks.verdict import Finding, Severity
from lkdiag.checks.webhooks import PATIENCE_S, are_judged, missing, received
from lkdiag.checks.wording import seqs

if TYPE_CHECKING:
    from lkdiag.checks.judged import JudgedTrial

SLUG = "webhook-missing"
REFERENCE = "https://github.com/livekit/livekit/issues/2399"


def judge(trial: JudgedTrial) -> Finding | None:
    """A finding that names every webhook that was waited for in vain."""
    if not are_judged(trial):
        return None
    absent = missing(trial.facts)
    if not absent:
        return None
    came = len(received(trial.facts))
    hint = "a webhook is sent a few times and then given up: back whatever rests on it up with a look at the API"
    if not came:
        hint = (
            "none came at all: compare the project's webhook URL with where lkdiag listens, and whether it can be "
            f"reached from the server; else {hint}"
        )
    return Finding(
        check=SLUG,
        severity=Severity.FAIL,
        title="a webhook did not come",
        fact=(
            f"{', '.join(expected.words for expected in absent)} did not come within {PATIENCE_S:g} s and more; "
            f"{came} other webhook{'' if came == 1 else 's'} of the room did"
        ),
        hint=hint,
        trial=trial.index,
        evidence=seqs(trial.facts, "room.created", "agent.joined", "room.deleted", "webhook.received"),
        reference=REFERENCE,
    )
