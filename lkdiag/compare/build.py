"""From two reports to their comparison. Pure, as judging is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.compare import dispatch, teardown
from lkdiag.compare.fairness import differences, warnings
from lkdiag.compare.value import Comparison, Result
from lkdiag.errors import UsageError
from lkdiag.report.teardown_value import TeardownReport
from lkdiag.report.value import DispatchReport

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lkdiag.compare.value import CellComparison, LatencyComparison, RateComparison
    from lkdiag.report.value import Report

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
        sides = dispatch.side(a), dispatch.side(b)
        rates, latency = dispatch.rates(a, b, alpha), dispatch.latency(a, b, alpha)
    elif isinstance(a, TeardownReport) and isinstance(b, TeardownReport):
        sides = teardown.side(a), teardown.side(b)
        rates, grid = teardown.rates(a, b, alpha), teardown.grid(a, b)
        cautions += teardown.warnings(grid)
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
