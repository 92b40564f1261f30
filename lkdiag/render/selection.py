"""Which trials a report has to show in full, and which stand for others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.checks.verdict import Outcome, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lkdiag.report.value import Report, TrialReport


def is_failing(trial: TrialReport) -> bool:
    """Anything but delivered without a mismatch, or with a finding that is more than a note."""
    return (
        trial.outcome is not Outcome.DELIVERED
        or trial.mismatch is not None
        or any(finding.severity is not Severity.NOTE for finding in trial.findings)
    )


def failing(report: Report) -> tuple[TrialReport, ...]:
    """The failing trials, the control's among them, without the warm-up."""
    return tuple(trial for trial in report.trials if is_failing(trial))


def first_of_each_kind(trials: Iterable[TrialReport]) -> tuple[TrialReport, ...]:
    """The first trial with each kind of finding (of each outcome, where a trial has none)."""
    seen: set[str] = set()
    chosen = []
    for trial in trials:
        kinds = {finding.check for finding in trial.findings} or {f"outcome {trial.outcome}"}
        if not kinds <= seen:
            chosen.append(trial)
            seen |= kinds
    return tuple(chosen)


def room_prefix(report: Report) -> str:
    """What all room names begin with, up to a dash; the whole name where all are the same."""
    names = {trial.room for trial in report.trials}
    if len(names) < 2:
        return "".join(names)
    first, last = min(names), max(names)
    same = next((at for at, char in enumerate(first) if char != last[at]), len(first))
    return first[: first.rfind("-", 0, same) + 1]
