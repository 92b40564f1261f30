"""What a threshold can be set on: each figure of a report by its name, for each kind of run."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from lkdiag.contract import Fallback, Mismatch, Outcome, TeardownOutcome
from lkdiag.report.teardown_value import TeardownReport
from lkdiag.report.value import DispatchReport

if TYPE_CHECKING:
    from collections.abc import Callable

    from lkdiag.report.teardown_value import TeardownSummary
    from lkdiag.report.value import DispatchSummary, Report
    from lkdiag.stats import Quantiles


class Unit(Enum):
    """In what a metric counts."""

    COUNT = "count"
    SHARE = "share"
    """From 0 to 1."""
    MS = "ms"


@dataclass(frozen=True)
class Measured:
    """A metric's value in a report; None where there is nothing to measure, and `about` says why."""

    value: float | None
    about: str = ""


@dataclass(frozen=True)
class Metric:
    """One figure."""

    unit: Unit
    meaning: str
    measure: Callable[[Report], Measured]


NOTHING = Measured(None, "no trial could be judged")
UNJUDGED = (Outcome.ERROR.value, Outcome.INCONCLUSIVE.value)
"""In the words of both contracts."""
QUANTILES = ("min", "p50", "p90", "p95", "p99", "max")


# -- of any run ---------------------------------------------------------------------------------------------------


def _leftovers(report: Report) -> Measured:
    return Measured(len(report.leftover_rooms))


LEFTOVER_ROOMS = Metric(
    Unit.COUNT, "rooms that nobody had closed, those that lkdiag deleted later included", _leftovers
)


def _judged(report: Report) -> int:
    return sum(count for outcome, count in _summary(report).outcomes.items() if outcome not in UNJUDGED)


def _summary(report: Report) -> DispatchSummary | TeardownSummary:
    assert isinstance(report, DispatchReport | TeardownReport), "there are no other kinds"
    return report.summary


def _trials(report: Report) -> Measured:
    return Measured(_summary(report).trials)


def _outcome(outcome: Outcome | TeardownOutcome, what: str) -> Metric:
    def measure(report: Report) -> Measured:
        summary = _summary(report)
        among = summary.trials if outcome in UNJUDGED else _judged(report)
        return Measured(summary.outcomes.get(outcome, 0), f"of {among}") if among else NOTHING

    return Metric(Unit.COUNT, f"{what} whose outcome is {outcome}", measure)


# -- of dispatch trials -------------------------------------------------------------------------------------------


def _dispatch(report: Report) -> DispatchReport:
    assert isinstance(report, DispatchReport), "the metrics are chosen by the run's kind"
    return report


def _lost_rate(report: Report) -> Measured:
    rate = _dispatch(report).summary.lost_rate
    if rate.value is None or rate.low is None or rate.high is None:
        return NOTHING
    return Measured(rate.count / rate.of, f"{rate.count} of {rate.of}, 95 %: {rate.low:g} to {rate.high:g}")


def _mismatch(*mismatches: Mismatch) -> Callable[[Report], Measured]:
    def measure(report: Report) -> Measured:
        counts = _dispatch(report).summary.mismatches
        among = _judged(report)
        return Measured(sum(counts.get(name, 0) for name in mismatches), f"of {among}") if among else NOTHING

    return measure


def _rescued(report: Report) -> Measured:
    summary = _dispatch(report).summary
    return (
        Measured(summary.rescued, f"of {summary.outcomes.get(Outcome.DROPPED, 0)} dropped")
        if _judged(report)
        else NOTHING
    )


def _not_rescued(report: Report) -> Measured:
    lost = _dispatch(report).summary.fallbacks.get(Fallback.LOST, 0)
    return Measured(lost) if _judged(report) else NOTHING


def _latency(name: str) -> Metric:
    def measure(report: Report) -> Measured:
        summary = _dispatch(report).summary
        dropped = summary.outcomes.get(Outcome.DROPPED, 0)
        lost = f"; {dropped} lost ones have no latency" if dropped else ""
        return _quantile(summary.latency_ms, name, f"agents that came: {{}}{lost}", "no agent came")

    return Metric(Unit.MS, f"latency, {_words(name)}: from the room's creation to the agent's joining", measure)


def _state_lag(name: str) -> Metric:
    def measure(report: Report) -> Measured:
        lag = _dispatch(report).summary.state_lag_ms
        return _quantile(lag, name, "agents whose job was listed: {}", "of no agent that came was a job listed")

    return Metric(Unit.MS, f"state lag, {_words(name)}: from the agent's joining until its job is listed", measure)


def _quantile(quantiles: Quantiles, name: str, about: str, without: str) -> Measured:
    value: float | None = getattr(quantiles, name)
    return Measured(None, without) if value is None else Measured(value, about.format(quantiles.count))


def _words(name: str) -> str:
    return {"min": "the least", "max": "the most", "p50": "the median"}.get(name, f"{name[1:]} % are within it")


DISPATCH: dict[str, Metric] = {
    "lost_rate": Metric(Unit.SHARE, "dropped trials among those that could be judged", _lost_rate),
    **{outcome.value: _outcome(outcome, "trials") for outcome in Outcome},
    "mismatches": Metric(
        Unit.COUNT, "trials whose dispatch state and room contradict each other", _mismatch(*Mismatch)
    ),
    **{
        mismatch.value.replace("-", "_"): Metric(Unit.COUNT, f"those of the kind {mismatch}", _mismatch(mismatch))
        for mismatch in Mismatch
    },
    "rescued": Metric(Unit.COUNT, "dropped trials that createDispatch brought an agent for", _rescued),
    "fallback_lost": Metric(Unit.COUNT, "trials whose fallback brought nobody either", _not_rescued),
    **{f"{name}_ms": _latency(name) for name in QUANTILES},
    **{f"state_lag_{name}_ms": _state_lag(name) for name in ("p50", "p95", "max")},
    "leftover_rooms": LEFTOVER_ROOMS,
    "trials": Metric(Unit.COUNT, "trials that were carried out, warm-up and control apart", _trials),
}


# -- of transfer teardowns ----------------------------------------------------------------------------------------


def _teardown(report: Report) -> TeardownReport:
    assert isinstance(report, TeardownReport), "the metrics are chosen by the run's kind"
    return report


def _leftover_rate(report: Report) -> Measured:
    left, judged = _teardown(report).summary.outcomes.get(TeardownOutcome.LEFTOVER, 0), _judged(report)
    return Measured(left / judged, f"{left} of {judged}") if judged else NOTHING


def _closed(name: str) -> Metric:
    def measure(report: Report) -> Measured:
        summary = _teardown(report).summary
        left = summary.outcomes.get(TeardownOutcome.LEFTOVER, 0)
        open_ = f"; {left} that were not closed have no such time" if left else ""
        return _quantile(summary.closed_ms, name, f"rooms that were closed: {{}}{open_}", "no room was closed")

    return Metric(Unit.MS, f"time to close, {_words(name)}: from the hang-up until the room is gone", measure)


def _stranded(report: Report) -> Measured:
    alone = [
        trial.survivor.stranded_ms
        for trial in _teardown(report).trials
        if trial.survivor is not None and trial.survivor.stranded_ms is not None
    ]
    if not _judged(report):
        return NOTHING
    return Measured(max(alone), f"the longest of {len(alone)}") if alone else Measured(0, "nobody was left alone")


TEARDOWN: dict[str, Metric] = {
    "leftover_rate": Metric(
        Unit.SHARE, "calls whose room was left over, among those that could be judged", _leftover_rate
    ),
    **{outcome.value: _outcome(outcome, "calls") for outcome in TeardownOutcome},
    **{f"closed_{name}_ms": _closed(name) for name in QUANTILES},
    "stranded_max_ms": Metric(Unit.MS, "how long a survivor was alone in the room, at most", _stranded),
    "leftover_rooms": LEFTOVER_ROOMS,
    "trials": Metric(Unit.COUNT, "calls that were played", _trials),
}

METRICS: dict[str, dict[str, Metric]] = {"dispatch": DISPATCH, "teardown": TEARDOWN, "watch": DISPATCH}
"""By the run's kind, then by name."""
