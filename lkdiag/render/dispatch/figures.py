"""The figures of dispatch trials as rows, one owner for every format that shows them as tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lkdiag.checks.verdict import Outcome
from lkdiag.render.wording import duration, rate, tally
from lkdiag.report.watch_value import WatchReport

if TYPE_CHECKING:
    from lkdiag.report.value import DispatchReport, DispatchSummary
    from lkdiag.stats import Quantiles

QUANTILES = ("n", "min", "p50", "p90", "p95", "p99", "max")
"""The columns of the table of measures."""

STAGES = ("dispatch", "job_started", "offered", "accepted", "assigned", "joined", "active", "first_track")
"""In the order in which a dispatch passes them, and in which they are shown."""

MEASURED_FROM = "Counted from the room's creation; state lag from the agent's joining"
WITH_START_LAG = "; start lag is how late a trial began"


def measured_from(report: DispatchReport) -> str:
    """What the measures count from. Without the start lag, waiting for lkdiag itself would be hidden."""
    return MEASURED_FROM + (WITH_START_LAG if report.summary.start_lag_ms.count else "")


@dataclass(frozen=True)
class Tally:
    """One row of counts: a text for each group."""

    label: str
    texts: tuple[str, ...]


@dataclass(frozen=True)
class Measure:
    """One row of quantiles, its texts in the order of `QUANTILES`."""

    label: str
    group: str
    texts: tuple[str, ...]


def groups(report: DispatchReport) -> dict[str, DispatchSummary]:
    """The subject's figures and, where there was one, the control's beside them."""
    found = {"subject": report.summary}
    if report.control is not None:
        found["control"] = report.control
    return found


def tallies(report: DispatchReport) -> tuple[Tally, ...]:
    """Outcomes, loss with its 95 % interval, rescued trials, mismatches."""
    summaries = groups(report).values()
    second = () if isinstance(report, WatchReport) else (Tally("rescued", tuple(rescued(one) for one in summaries)),)
    return (
        Tally("outcomes", tuple(tally(summary.outcomes) for summary in summaries)),
        Tally("lost", tuple(rate(summary.lost_rate) for summary in summaries)),
        *second,
        Tally("mismatches", tuple(tally(summary.mismatches) for summary in summaries)),
    )


def rescued(summary: DispatchSummary) -> str:
    """How many lost trials a second dispatch saved."""
    dropped = summary.outcomes.get(Outcome.DROPPED, 0)
    return f"{summary.rescued} of {dropped} dropped" if dropped else "none dropped"


def measures(report: DispatchReport) -> tuple[Measure, ...]:
    """Latency, its stages, state lag; each group's row right below the other's. Empty ones are left out."""
    found = groups(report)
    seen = dict.fromkeys(stage for summary in found.values() for stage in summary.stages_ms)
    stages = sorted(seen, key=lambda stage: STAGES.index(stage) if stage in STAGES else len(STAGES))
    rows = [_measure("latency", name, summary.latency_ms) for name, summary in found.items()]
    for stage in stages:
        rows += [
            _measure(f"→ {stage.replace('_', ' ')}", name, summary.stages_ms[stage])
            for name, summary in found.items()
            if stage in summary.stages_ms
        ]
    rows += [
        _measure("state lag", name, summary.state_lag_ms)
        for name, summary in found.items()
        if summary.state_lag_ms.count
    ]
    rows += [
        _measure("start lag", name, summary.start_lag_ms)
        for name, summary in found.items()
        if summary.start_lag_ms.count
    ]
    return tuple(rows)


def _measure(label: str, group: str, values: Quantiles) -> Measure:
    numbers = (values.min, values.p50, values.p90, values.p95, values.p99, values.max)
    return Measure(label, group, (str(values.count), *(duration(number) for number in numbers)))
