"""What of two runs of dispatch trials is compared: lost agents, contradictions, and how long the agents took."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from lkdiag.checks.verdict import Outcome
from lkdiag.compare.measure import compare_latency, compare_rates
from lkdiag.compare.ranks import LOST
from lkdiag.compare.side import UNJUDGED, side_of

if TYPE_CHECKING:
    from lkdiag.compare.value import LatencyComparison, RateComparison, Side
    from lkdiag.report.value import DispatchReport, TrialReport


def side(report: DispatchReport) -> Side:
    """The run, and the subject's trials of it."""
    return side_of(report, Counter(trial.outcome.value for trial in _subject(report)), report.summary.latency_ms)


def rates(a: DispatchReport, b: DispatchReport, alpha: float) -> tuple[RateComparison, ...]:
    """Lost agents; and, where there were any, contradictions between the dispatch state and the room."""
    judged_a, judged_b = _judged(a), _judged(b)
    lost_a, lost_b = (sum(t.outcome is Outcome.DROPPED for t in trials) for trials in (judged_a, judged_b))
    odd_a, odd_b = (sum(t.mismatch is not None for t in trials) for trials in (judged_a, judged_b))
    found = [compare_rates("lost", [(lost_a, len(judged_a), lost_b, len(judged_b))], alpha)]
    if odd_a or odd_b:
        found.append(compare_rates("mismatch", [(odd_a, len(judged_a), odd_b, len(judged_b))], alpha))
    return tuple(found)


def latency(a: DispatchReport, b: DispatchReport, alpha: float) -> LatencyComparison:
    """How long the agents took, the lost ones among them."""
    watched = 1000 * float(a.run.options["timeout_s"]), 1000 * float(b.run.options["timeout_s"])
    return compare_latency(_delays(a), _delays(b), watched, alpha)


def _subject(report: DispatchReport) -> list[TrialReport]:
    return [trial for trial in report.trials if trial.role == "subject"]


def _judged(report: DispatchReport) -> list[TrialReport]:
    return [trial for trial in _subject(report) if trial.outcome.value not in UNJUDGED]


def _delays(report: DispatchReport) -> list[float]:
    """In milliseconds. An agent of which the server did not say when it joined is left out."""
    found = []
    for trial in _judged(report):
        delay = LOST if trial.outcome is Outcome.DROPPED else trial.latency_ms
        if delay is not None:
            found.append(delay)
    return found
