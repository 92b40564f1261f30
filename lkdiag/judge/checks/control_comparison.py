"""The user's worker compared with lkdiag's own in the same run: is it the platform, or the worker?

The two groups are compared by Fisher's exact test: with few trials a difference may be chance, and then it is said so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.contract import CheckSlug, Outcome, Severity
from lkdiag.judge.causes.log import by_the_log
from lkdiag.judge.finding import Finding
from lkdiag.stats import fisher_exact

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lkdiag.judge.context import TrialSummary

SLUG = CheckSlug.CONTROL_COMPARISON
LIKELY = 0.05


def judge(subject: Sequence[TrialSummary], control: Sequence[TrialSummary]) -> Finding | None:
    """What the control says about where a failure lies; None without a control, or where nothing failed."""
    bad_subject, all_subject = _failures(subject)
    bad_control, all_control = _failures(control)
    if not control or not (bad_subject or bad_control):
        return None
    counts = (
        f"the subject failed in {bad_subject} of {all_subject} trials, the control in {bad_control} of {all_control}"
    )
    severity = Severity.NOTE
    if not all_control or not all_subject:
        title, hint = "the control can't tell", "one of the two has no trial that could be judged"
        severity = Severity.INCONCLUSIVE
    elif bad_control and not bad_subject:
        title = "only the control is affected"
        hint = "lkdiag's own worker failed and yours did not: look at the control's findings before you trust either"
    elif bad_control and not _more_often(bad_subject, all_subject, bad_control, all_control):
        title = "both are affected: the platform"
        hint = (
            "lkdiag's own worker, registered beside yours, fails as well: the cause is not your worker alone. Look at "
            "what they share: the project, its region, the network from here."
        )
    elif bad_control:
        title = "both are affected, the subject far more often"
        hint = (
            "lkdiag's own worker, registered beside yours, fails as well, which speaks for the platform or the network "
            "from here; but yours fails more often than chance explains: it has a trouble of its own."
        )
    elif _more_often(bad_subject, all_subject, bad_control, all_control):
        title = "only the subject is affected: the worker"
        hint = (
            "lkdiag's own worker, on the same project at the same time, was delivered each time: the platform "
            "dispatches. "
        ) + (
            by_the_log([t for t in subject if _failed(t)])
            or "Look at your worker: is it there, under that name, below its load limit, and does it answer?"
        )
    else:
        title = "the control is fine, but it is too small to tell"
        hint = (
            "the control was delivered each time, which speaks for the platform; with so few trials it may be chance. "
            "A higher --count, or --control-share 0.5, would tell."
        )
    return Finding(
        check=SLUG,
        severity=severity,
        title=title,
        fact=counts,
        hint=hint,
        trials=tuple(t.index for t in (*subject, *control) if _failed(t)),
    )


def _more_often(bad_subject: int, all_subject: int, bad_control: int, all_control: int) -> bool:
    return fisher_exact(bad_subject, all_subject, bad_control, all_control) <= LIKELY


def _failed(trial: TrialSummary) -> bool:
    return trial.outcome in (Outcome.DROPPED, Outcome.DELAYED) or trial.mismatch is not None


def _failures(trials: Sequence[TrialSummary]) -> tuple[int, int]:
    judged = [t for t in trials if t.outcome not in (Outcome.ERROR, Outcome.INCONCLUSIVE)]
    return sum(_failed(t) for t in judged), len(judged)
