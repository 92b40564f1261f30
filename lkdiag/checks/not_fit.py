"""lkdiag was not fit to judge this trial, and says why instead of guessing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.checks.fitness import missed_stay
from lkdiag.checks.verdict import Finding, Outcome, Severity
from lkdiag.checks.wording import seqs

if TYPE_CHECKING:
    from lkdiag.checks.judged import JudgedTrial

SLUG = "not-fit"
AGAIN = "this says nothing about LiveKit or your worker; run it again, with less beside it on this machine"
CLOSER = (
    "webhooks tell of every agent, and --webhook-listen HOST:PORT receives them. Without them denser looks help: fewer "
    "rooms at a time, lkdiag nearer to the server, and --api-rate 30 or more for lkdiag watch"
)


def judge(trial: JudgedTrial) -> Finding | None:
    """A finding for an outcome `inconclusive`."""
    if trial.outcome is not Outcome.INCONCLUSIVE:
        return None
    return Finding(
        check=SLUG,
        severity=Severity.INCONCLUSIVE,
        title="lkdiag can't judge this trial",
        fact=trial.reason,
        hint=CLOSER if trial.reason == missed_stay(trial.facts) else AGAIN,
        trial=trial.index,
        evidence=seqs(trial.facts, "trial.interrupted", "trial.failed", "trial.crashed", "probe.join_failed"),
    )
