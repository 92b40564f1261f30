"""The call could not be played, or lkdiag was not fit to judge it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.checks.teardown.verdict import TeardownOutcome
from lkdiag.checks.verdict import Finding, Severity

if TYPE_CHECKING:
    from lkdiag.checks.teardown.judged import JudgedCall


def judge(call: JudgedCall) -> Finding | None:
    """A finding for `error` and `inconclusive`."""
    if call.outcome not in (TeardownOutcome.ERROR, TeardownOutcome.INCONCLUSIVE):
        return None
    error = call.outcome is TeardownOutcome.ERROR
    return Finding(
        check="not-carried-out" if error else "not-fit",
        severity=Severity.FAIL if error else Severity.INCONCLUSIVE,
        title="the call could not be played" if error else "lkdiag can't judge this call",
        fact=call.reason,
        hint="this says nothing about your cleanup; a lower --concurrency, or less beside it on this machine, may help",
        trial=call.index,
        evidence=call.seqs("trial.failed", "trial.crashed", "trial.interrupted"),
    )
