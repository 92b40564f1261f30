"""The agent is there, and the dispatch list says otherwise. The evidence fits no single cause, so none is named."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.checks import failed_present, unreported
from lkdiag.checks.diagnosis.value import Diagnosis, of_finding

if TYPE_CHECKING:
    from lkdiag.checks.judged import JudgedTrial


def diagnose(trial: JudgedTrial) -> Diagnosis | None:
    """What the finding says; what would tell."""
    found = of_finding(unreported.judge(trial), would_tell=("a longer --settle: whether the job is listed at all",))
    return found or of_finding(
        failed_present.judge(trial),
        would_tell=("the worker's log of this job: crashed, reconnected, or still at work",),
    )
