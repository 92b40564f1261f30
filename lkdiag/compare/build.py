"""From two reports to their comparison. Pure, as judging is."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from lkdiag.compare.fairness import differences, warnings
from lkdiag.compare.measure import LOST, compare_latency, compare_rates
from lkdiag.compare.value import CellComparison, Comparison, Result, Side
from lkdiag.contract import Outcome, TeardownOutcome
from lkdiag.errors import UsageError
from lkdiag.report.teardown_value import TeardownReport
from lkdiag.report.value import DispatchReport
from lkdiag.scenario.call import Cleanup
from lkdiag.stats import Quantiles

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lkdiag.compare.value import LatencyComparison, RateComparison
    from lkdiag.report.teardown_value import TeardownCell, TeardownTrial
    from lkdiag.report.value import Report, TrialReport
    from lkdiag.stats import Stratum


# One of the two runs, as a comparison shows it.

UNJUDGED = ("error", "inconclusive")
"""Outcomes of trials of which nothing can be said: they are left out, and counted."""


def side_of(report: Report, outcomes: Mapping[str, int], latency_ms: Quantiles | None) -> Side:
    """The run, with its trials counted by outcome."""
    judged = {name: outcomes[name] for name in sorted(outcomes) if name not in UNJUDGED}
    return Side(
        run=report.run.id,
        command=report.run.command,
        started_at=report.run.started_at,
        finished_at=report.run.finished_at,
        interrupted=report.run.interrupted,
        subject=report.environment.subject,
        trials=sum(outcomes.values()),
        judged=sum(judged.values()),
        left_out={name: outcomes[name] for name in UNJUDGED if outcomes.get(name)},
        outcomes=judged,
        latency_ms=latency_ms,
    )


# What of two runs of dispatch trials is compared: lost agents, contradictions, and how long the agents took.


def dispatch_side(report: DispatchReport) -> Side:
    """The run, and the subject's trials of it."""
    return side_of(report, Counter(trial.outcome.value for trial in _subject(report)), report.summary.latency_ms)


def dispatch_rates(a: DispatchReport, b: DispatchReport, alpha: float) -> tuple[RateComparison, ...]:
    """Lost agents; and, where there were any, contradictions between the dispatch state and the room."""
    judged_a, judged_b = _judged(a), _judged(b)
    lost_a, lost_b = (sum(t.outcome is Outcome.DROPPED for t in trials) for trials in (judged_a, judged_b))
    odd_a, odd_b = (sum(t.mismatch is not None for t in trials) for trials in (judged_a, judged_b))
    found = [compare_rates("lost", [(lost_a, len(judged_a), lost_b, len(judged_b))], alpha)]
    if odd_a or odd_b:
        found.append(compare_rates("mismatch", [(odd_a, len(judged_a), odd_b, len(judged_b))], alpha))
    return tuple(found)


def dispatch_latency(a: DispatchReport, b: DispatchReport, alpha: float) -> LatencyComparison:
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


# What of two runs of transfer teardowns is compared: the rooms left open, cell by cell of the grid.

Cell = tuple[str, str, str]
AS_SEEN = "as seen"
"""Stands for the exits of the user's own agent."""


def teardown_side(report: TeardownReport) -> Side:
    """The run, and its trials."""
    return side_of(report, Counter(trial.outcome.value for trial in report.trials), None)


def teardown_rates(a: TeardownReport, b: TeardownReport, alpha: float) -> tuple[RateComparison, ...]:
    """Rooms left open; and, where there were any, rooms that were closed late.

    Trials are compared with those of their own cell only: what differs between cells is no difference of the runs.
    """
    left = _strata(a, b, (TeardownOutcome.LEFTOVER,))
    late = _strata(a, b, (TeardownOutcome.LEFTOVER, TeardownOutcome.SLOW))
    found = [compare_rates("left-open", left, alpha)]
    if late != left:
        found.append(compare_rates("not-closed-in-time", late, alpha))
    return tuple(found)


def compare_cells(a: TeardownReport, b: TeardownReport) -> tuple[CellComparison, ...]:
    """Every cell that either run has, in the order of the report's grid."""
    outcomes = [_cells(report.trials) for report in (a, b)]
    closed = [{cell: _closed_ms(alike) for cell, alike in trials.items()} for trials in outcomes]
    found = []
    for cell in dict.fromkeys(_cell(one) for report in (a, b) for one in report.summary.grid):
        ours, theirs = (_counts(trials.get(cell, [])) for trials in outcomes)
        found.append(
            CellComparison(
                *cell,
                a=ours,
                b=theirs,
                closed_ms_a=closed[0].get(cell),
                closed_ms_b=closed[1].get(cell),
                differs=bool(ours) and bool(theirs) and _shares(ours) != _shares(theirs),
            )
        )
    return tuple(found)


def cell_warnings(cells: Iterable[CellComparison]) -> tuple[str, ...]:
    """A note on the cells that only one run has."""
    alone = sum(not cell.a or not cell.b for cell in cells)
    if not alone:
        return ()
    return (f"{alone} cell{'s' if alone > 1 else ''} of the grid in one run only: left out of the rates",)


def _strata(a: TeardownReport, b: TeardownReport, bad: Sequence[TeardownOutcome]) -> list[Stratum]:
    cells_a, cells_b = _cells(a.trials), _cells(b.trials)
    return [(*_bad(cells_a[cell], bad), *_bad(cells_b[cell], bad)) for cell in cells_a if cell in cells_b]


def _cells(trials: Iterable[TeardownTrial]) -> dict[Cell, list[TeardownTrial]]:
    found: dict[Cell, list[TeardownTrial]] = {}
    for trial in trials:
        found.setdefault(_cell(trial), []).append(trial)
    return found


def _cell(one: TeardownTrial | TeardownCell) -> Cell:
    """How the user's own agent left was not chosen but seen: it may be just what made the difference."""
    agent_exit = AS_SEEN if one.cleanup == Cleanup.SUBJECT else one.agent_exit
    return one.cleanup, agent_exit, one.hangup


def _closed_ms(trials: Iterable[TeardownTrial]) -> float | None:
    """The median of the closed ones."""
    done = (TeardownOutcome.CLOSED, TeardownOutcome.SLOW)
    return Quantiles.of([one.closed_ms for one in trials if one.outcome in done and one.closed_ms is not None]).p50


def _bad(trials: Iterable[TeardownTrial], bad: Sequence[TeardownOutcome]) -> tuple[int, int]:
    judged = [trial for trial in trials if trial.outcome.value not in UNJUDGED]
    return sum(trial.outcome in bad for trial in judged), len(judged)


def _counts(trials: Iterable[TeardownTrial]) -> dict[str, int]:
    return dict(sorted(Counter(trial.outcome.value for trial in trials).items()))


def _shares(outcomes: dict[str, int]) -> dict[str, float]:
    return {name: count / sum(outcomes.values()) for name, count in outcomes.items()}


ALPHA = 0.05
ORDER = (Result.WORSE, Result.BETTER, Result.NO_DIFFERENCE, Result.TOO_FEW)
"""What weighs most comes first: the first that any measure has is the comparison's."""


def compare(a: Report, b: Report, alpha: float = ALPHA) -> Comparison:
    """Compare two runs of the same kind, B measured against A. Raises UsageError for others.

    A measure differs when chance alone makes two runs so different in at most the share `alpha` of pairs.
    """
    found = differences(a, b)
    cautions = warnings(a, b, found)
    latency: LatencyComparison | None = None
    grid: tuple[CellComparison, ...] = ()
    if isinstance(a, DispatchReport) and isinstance(b, DispatchReport):
        sides = dispatch_side(a), dispatch_side(b)
        rates, latency = dispatch_rates(a, b, alpha), dispatch_latency(a, b, alpha)
    elif isinstance(a, TeardownReport) and isinstance(b, TeardownReport):
        sides = teardown_side(a), teardown_side(b)
        rates, grid = teardown_rates(a, b, alpha), compare_cells(a, b)
        cautions += cell_warnings(grid)
    else:
        raise _not_comparable(a, b)
    measures: list[RateComparison | LatencyComparison] = [*rates, *([] if latency is None else [latency])]
    result = next(one for one in ORDER if any(measure.result is one for measure in measures))
    return Comparison(
        kind=a.run.kind,
        a=sides[0],
        b=sides[1],
        differences=found,
        warnings=cautions,
        rates=rates,
        latency=latency,
        grid=grid,
        result=result,
        headline=_headline(result, measures),
        alpha=alpha,
    )


def _not_comparable(a: Report, b: Report) -> UsageError:
    hint = "name two runs of dispatch trials, or two of transfer teardowns"
    if a.run.kind == b.run.kind:
        return UsageError(f"runs of the kind {a.run.kind!r} can't be compared", hint)
    return UsageError(f"A is a {a.run.kind} run and B a {b.run.kind} run: they have nothing to compare", hint)


def _headline(result: Result, measures: Sequence[RateComparison | LatencyComparison]) -> str:
    better = any(measure.result is Result.BETTER for measure in measures)
    return {
        Result.WORSE: "B is worse in one thing and better in another." if better else "B is worse than A.",
        Result.BETTER: "B is better than A.",
        Result.NO_DIFFERENCE: "No difference that chance alone would not make.",
        Result.TOO_FEW: "Too few trials to tell anything.",
    }[result]
