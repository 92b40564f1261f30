"""Which trials a report has to show in full, and which stand for others. The same for every kind of run."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from lkdiag.checks.teardown.verdict import TeardownOutcome
from lkdiag.checks.verdict import Outcome, Severity
from lkdiag.report.teardown_value import TeardownReport, TeardownTrial
from lkdiag.report.value import DispatchReport, TrialReport
from lkdiag.scenario.teardown import Cleanup

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lkdiag.report.value import Report

Trial = TrialReport | TeardownTrial
OneTrial = TypeVar("OneTrial", TrialReport, TeardownTrial)


def trials_of(report: Report) -> Sequence[Trial]:
    """The report's trials, whichever kind they are."""
    return report.trials if isinstance(report, DispatchReport | TeardownReport) else ()


def finished_trials(report: Report) -> int:
    """How many trials the figures rest on: the subject's."""
    return report.summary.trials if isinstance(report, DispatchReport | TeardownReport) else 0


def planned_trials(report: Report) -> int | None:
    """How many of them the scenario asked for; None where its options do not say."""
    options = report.run.options
    planned = options.get("count")
    if not isinstance(planned, int) or options.get("duration_s") is not None:
        return None
    if isinstance(report, TeardownReport):
        # the user's own agent goes as it likes
        own = options.get("cleanups") == [Cleanup.SUBJECT]
        for name in ("cleanups", "hangups") if own else ("cleanups", "agent_exits", "hangups"):
            played = options.get(name)
            if not isinstance(played, list | tuple):
                return None
            planned *= len(played)
    return planned


def is_failing(trial: Trial) -> bool:
    """Anything but delivered without a mismatch, or closed; or with a finding that is more than a note."""
    if isinstance(trial, TeardownTrial):
        odd = trial.outcome is not TeardownOutcome.CLOSED
    else:
        odd = trial.outcome is not Outcome.DELIVERED or trial.mismatch is not None
    return odd or any(finding.severity is not Severity.NOTE for finding in trial.findings)


def failing(trials: Iterable[OneTrial]) -> tuple[OneTrial, ...]:
    """The failing ones, the control's among them."""
    return tuple(trial for trial in trials if is_failing(trial))


def told_title(told: Iterable[Trial]) -> str:
    """Above the stories of these trials: some may be delivered, with a note."""
    return "Failing trials" if all(is_failing(trial) for trial in told) else "Trials with findings"


def first_of_each_kind(trials: Iterable[OneTrial]) -> tuple[OneTrial, ...]:
    """The first trial with each kind of finding (of each outcome, where a trial has none)."""
    seen: set[str] = set()
    chosen = []
    for trial in trials:
        kinds = {finding.check for finding in trial.findings} or {f"outcome {trial.outcome}"}
        if not kinds <= seen:
            chosen.append(trial)
            seen |= kinds
    return tuple(chosen)


def room_prefix(trials: Iterable[Trial]) -> str:
    """What all room names begin with, up to a dash; the whole name where all are the same."""
    names = {trial.room for trial in trials}
    if len(names) < 2:
        return "".join(names)
    first, last = min(names), max(names)
    same = next((at for at, char in enumerate(first) if char != last[at]), len(first))
    return first[: first.rfind("-", 0, same) + 1]
