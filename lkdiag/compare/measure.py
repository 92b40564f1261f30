"""One measure of two runs: rates and delays, with the test that fits them and the verdict on it."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from lkdiag.compare.ranks import LOST, compare_ranks
from lkdiag.compare.value import LatencyComparison, RateComparison, Result
from lkdiag.compare.wording import latency_sentence, rate_sentence
from lkdiag.stats import Rate, RateDifference, exact_mid_p, trials_to_tell_ranks, trials_to_tell_rates

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lkdiag.stats import Stratum


NOTHING_ALIKE = "Can't be compared: no kind of trial was played in both."


def compare_rates(name: str, strata: Sequence[Stratum], alpha: float) -> RateComparison:
    """Compare how often it happened. Trials of different kinds are compared within their own kind (stratum) only."""
    alike = [stratum for stratum in strata if stratum[1] and stratum[3]] or strata
    bad_a, all_a, bad_b, all_b = (sum(column) for column in zip(*alike, strict=True)) if alike else (0, 0, 0, 0)
    a, b = Rate.wilson(bad_a, all_a), Rate.wilson(bad_b, all_b)
    difference, p_value, needed, above = None, None, None, 0.0
    result = Result.TOO_FEW
    if all_a and all_b:
        difference = RateDifference.newcombe(bad_a, all_a, bad_b, all_b)
        p_value, above = exact_mid_p(alike), _above(alike)
        if exact_mid_p([(0, of_a, of_b, of_b) for _, of_a, _, of_b in alike]) <= alpha:
            result = _result(above, p_value, alpha)
            if result is Result.NO_DIFFERENCE and above * difference.value > 0:
                needed = trials_to_tell_rates(bad_a / all_a, bad_b / all_b, alpha)
    sentence = NOTHING_ALIKE
    if strata:
        sentence = rate_sentence(name, a, b, difference, p_value, above, result, needed)
    return RateComparison(name, a, b, difference, _rounded(p_value), result, needed, sentence)


def _above(strata: Sequence[Stratum]) -> float:
    """How many more bad ones B has than its share of all the bad ones, stratum by stratum."""
    found = sum(bad_b - Fraction(all_b * (bad_a + bad_b), all_a + all_b) for bad_a, all_a, bad_b, all_b in strata)
    return float(found)


def compare_latency(
    a: Sequence[float], b: Sequence[float], watched_ms: tuple[float, float], alpha: float
) -> LatencyComparison:
    """Compare delays in milliseconds, the lost ones among them as `LOST`. Both count as watched for the same time."""
    watched = min(watched_ms)
    a, b = ([LOST if value > watched else value for value in values] for values in (a, b))
    result, needed, ranks = Result.TOO_FEW, None, None
    if a and b:
        ranks = compare_ranks(a, b)
        if compare_ranks([0.0] * len(a), [1.0] * len(b)).p_value <= alpha:
            result = _result(ranks.slower - 0.5, ranks.p_value, alpha)
            if result is Result.NO_DIFFERENCE:
                needed = trials_to_tell_ranks(ranks.slower, alpha)
    return LatencyComparison(
        watched_ms=watched,
        lost_a=a.count(LOST),
        lost_b=b.count(LOST),
        slower=None if ranks is None else ranks.slower,
        shift_ms=None if ranks is None else ranks.shift,
        shift_low_ms=None if ranks is None else ranks.low,
        shift_high_ms=None if ranks is None else ranks.high,
        p_value=None if ranks is None else _rounded(ranks.p_value),
        result=result,
        trials_to_tell=needed,
        sentence=latency_sentence(ranks, result, needed, len(a), len(b)),
    )


def _result(above: float, p_value: float, alpha: float) -> Result:
    """`above`: by how much B is worse."""
    if above == 0 or p_value > alpha:
        return Result.NO_DIFFERENCE
    return Result.WORSE if above > 0 else Result.BETTER


def _rounded(p_value: float | None) -> float | None:
    return None if p_value is None else float(f"{p_value:.3g}")
