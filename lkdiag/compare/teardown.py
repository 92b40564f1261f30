"""What of two runs of transfer teardowns is compared: the rooms left open, cell by cell of the grid."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from lkdiag.checks.teardown.verdict import TeardownOutcome
from lkdiag.compare.measure import compare_rates
from lkdiag.compare.side import UNJUDGED, side_of
from lkdiag.compare.value import CellComparison
from lkdiag.scenario.teardown import Cleanup
from lkdiag.stats import Quantiles

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lkdiag.compare.value import RateComparison, Side
    from lkdiag.report.teardown_value import TeardownCell, TeardownReport, TeardownTrial
    from lkdiag.stats import Stratum

Cell = tuple[str, str, str]
AS_SEEN = "as seen"
"""Stands for the exits of the user's own agent."""


def side(report: TeardownReport) -> Side:
    """The run, and its trials."""
    return side_of(report, Counter(trial.outcome.value for trial in report.trials), None)


def rates(a: TeardownReport, b: TeardownReport, alpha: float) -> tuple[RateComparison, ...]:
    """Rooms left open; and, where there were any, rooms that were closed late.

    Trials are compared with those of their own cell only: what differs between cells is no difference of the runs.
    """
    left = _strata(a, b, (TeardownOutcome.LEFTOVER,))
    late = _strata(a, b, (TeardownOutcome.LEFTOVER, TeardownOutcome.SLOW))
    found = [compare_rates("left-open", left, alpha)]
    if late != left:
        found.append(compare_rates("not-closed-in-time", late, alpha))
    return tuple(found)


def grid(a: TeardownReport, b: TeardownReport) -> tuple[CellComparison, ...]:
    """Every cell that either played, in the order of the report's grid."""
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


def warnings(cells: Iterable[CellComparison]) -> tuple[str, ...]:
    """What was played in one of them only."""
    alone = sum(not cell.a or not cell.b for cell in cells)
    if not alone:
        return ()
    return (f"{alone} cell{'s' if alone > 1 else ''} of the grid played in one run only: left out of the rates",)


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
