"""lkdiag was not fit to judge this trial, or this call, and says why instead of guessing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.contract import CheckSlug, Outcome, Severity, TeardownOutcome
from lkdiag.facts.validity import missed_stay
from lkdiag.journal.participant_kinds import ProbeJoinFailed
from lkdiag.journal.trial_kinds import TrialCrashed, TrialFailed, TrialInterrupted
from lkdiag.judge.checks import seen_in_part
from lkdiag.judge.finding import Finding
from lkdiag.judge.wording import seqs

if TYPE_CHECKING:
    from lkdiag.judge.call import JudgedCall
    from lkdiag.judge.trial import JudgedTrial

SLUG = CheckSlug.NOT_FIT
AGAIN = "this says nothing about LiveKit or your worker; run it again, with less beside it on this machine"
CLOSER = (
    "webhooks tell of every agent, and --webhook-listen HOST:PORT receives them. Without them denser looks help: fewer "
    "rooms at a time, lkdiag nearer to the server, and --api-rate 30 or more for lkdiag watch"
)
OF_A_CALL = "this says nothing about your cleanup; a lower --concurrency, or less beside it on this machine, may help"


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
        evidence=seqs(trial.facts, TrialInterrupted, TrialFailed, TrialCrashed, ProbeJoinFailed),
    )


def judge_watched(trial: JudgedTrial) -> Finding | None:
    """As of a trial, but where the call itself gave too little to see."""
    return None if seen_in_part.judge(trial) is not None else judge(trial)


def judge_call(call: JudgedCall) -> Finding | None:
    """A finding for an outcome `inconclusive` of a call."""
    if call.outcome is not TeardownOutcome.INCONCLUSIVE:
        return None
    return Finding(
        check=SLUG,
        severity=Severity.INCONCLUSIVE,
        title="lkdiag can't judge this call",
        fact=call.reason,
        hint=OF_A_CALL,
        trial=call.index,
        evidence=call.seqs(TrialFailed, TrialCrashed, TrialInterrupted),
    )
