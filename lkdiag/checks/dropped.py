"""A1: the agent never came, and the dispatch list shows no job (or no dispatch) that would explain it.

Why, as far as it can be told, is the diagnosis' matter (`diagnosis/`): the finding says what was seen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.checks import declines
from lkdiag.checks.verdict import Finding, Mismatch, Outcome, Severity, State
from lkdiag.checks.wording import agent_word, fallback_sentence, seqs, timeout

if TYPE_CHECKING:
    from lkdiag.checks.judged import JudgedTrial

SLUG = "dropped"
STATES = {State.NO_DISPATCH: "no dispatch", State.NO_JOB: "the dispatch, but no job"}


def judge(trial: JudgedTrial) -> Finding | None:
    """A finding where nobody came; `false-running` and `wrong-worker` say more where they apply."""
    if trial.outcome is not Outcome.DROPPED or trial.mismatch in (Mismatch.FALSE_RUNNING, Mismatch.WRONG_WORKER):
        return None
    facts, explanation = trial.facts, trial.explanation
    cause = f"; {explanation.speaks_for[0]}" if explanation is not None and explanation.speaks_for else ""
    seen = STATES.get(trial.state, f"a job in the state {trial.state.upper()}")
    if facts.declined:
        seen = declines.WORDS
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
            "dispatch.listed",
            "job.offered",
            "job.rejected",
            "job.accepted",
            "observation.ended",
            "fallback.created",
            "fallback.ended",
        ),
        reference="" if explanation is None else explanation.reference,
    )
