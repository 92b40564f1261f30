"""F11: the job went to a worker that is not the one under test, or another agent came than the one that was called."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.checks import wrong_worker
from lkdiag.checks.diagnosis import outside
from lkdiag.checks.diagnosis.value import Cause, Diagnosis, of_finding
from lkdiag.checks.outcome import sent_by_another_worker
from lkdiag.checks.verdict import Mismatch

if TYPE_CHECKING:
    from lkdiag.checks.judged import JudgedTrial

TELL_IDS = "the worker ids in your workers' logs ('registered worker'), beside those above"


def diagnose(trial: JudgedTrial) -> Diagnosis | None:
    """Certain where lkdiag's own worker was called; else a stranger in the room may as well be there by chance."""
    if trial.mismatch is not Mismatch.WRONG_WORKER:
        return None
    finding = wrong_worker.judge(trial)
    if sent_by_another_worker(trial.facts) is not None:
        return of_finding(finding, Cause.FOREIGN_WORKER, would_tell=(TELL_IDS,))
    assert finding is not None, "the mismatch has its finding"
    weighing = outside.weigh(trial)
    # one of the right name may be there as well
    weighing.causes.append(Cause.FOREIGN_WORKER)
    weighing.first(Cause.WRONG_NAME, Cause.FOREIGN_WORKER)
    weighing.speaks_for.insert(0, finding.fact)
    return weighing.diagnosis("the agent that was called did not come, and another one is there", finding.reference)
