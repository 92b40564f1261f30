"""A1: the agent never came, and the dispatch list shows no job (or no dispatch) that would explain it.

Why, as far as it can be told, is the diagnosis' matter (`judge/causes/`): the finding says what was seen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.contract import CheckSlug, Mismatch, Outcome, Severity, State
from lkdiag.journal.attribution import DECLINED
from lkdiag.journal.trial_kinds import DispatchListed, FallbackCreated, FallbackEnded, ObservationEnded
from lkdiag.journal.worker_kinds import JobAccepted, JobOffered, JobRejected
from lkdiag.judge.finding import Finding
from lkdiag.judge.wording import agent_word, fallback_sentence, seqs, timeout

if TYPE_CHECKING:
    from lkdiag.judge.diagnosed import DiagnosedTrial

SLUG = CheckSlug.DROPPED
STATES = {State.NO_DISPATCH: "no dispatch", State.NO_JOB: "the dispatch, but no job"}


def judge(trial: DiagnosedTrial) -> Finding | None:
    """A finding where nobody came; `false-running` and `wrong-worker` say more where they apply."""
    if trial.outcome is not Outcome.DROPPED or trial.mismatch in (Mismatch.FALSE_RUNNING, Mismatch.WRONG_WORKER):
        return None
    facts, explanation = trial.facts, trial.explanation
    cause = f"; {explanation.speaks_for[0]}" if explanation is not None and explanation.speaks_for else ""
    seen = STATES.get(trial.state, f"a job in the state {trial.state.upper()}")
    if facts.declined:
        seen = DECLINED
    return Finding(
        check=SLUG,
        severity=Severity.FAIL,
        title="no agent came in time",
        fact=(
            f"no {agent_word(facts).removeprefix('an ')} joined in {timeout(facts)}; listDispatch shows {seen}"
            f"{cause}.{fallback_sentence(trial)}"
        ),
        hint="" if explanation is None else explanation.statement,
        trial=trial.index,
        evidence=seqs(
            facts,
            DispatchListed,
            JobOffered,
            JobRejected,
            JobAccepted,
            ObservationEnded,
            FallbackCreated,
            FallbackEnded,
        ),
        reference="" if explanation is None else explanation.reference,
    )
