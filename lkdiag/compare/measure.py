"""One measure of two runs: rates and delays, with the test that fits them and the verdict on it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from statistics import NormalDist
from typing import TYPE_CHECKING

from lkdiag.compare.value import LatencyComparison, RateComparison, Result
from lkdiag.stats import Rate, RateDifference, exact_mid_p, trials_to_tell_ranks, trials_to_tell_rates

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lkdiag.stats import Stratum


# Compares two small groups of delays, some of which are only known to be longer than the watch.
#
# A lost agent has no delay, and leaving it out would make the worse run look the faster one. All trials are watched for
# the same time here, so a lost one is longer than every delay that was seen, and as long as any other lost one. Gehan's
# test for censored samples (Gehan, 1965, Biometrika 52:203-223) then is the Wilcoxon-Mann-Whitney test with the lost
# ones as a tie at the top, which needs no assumption about how long they would have taken.

LOST = math.inf
"""The delay of an agent that did not come within the watch."""
EXACT_MAX = 100
"""Trials of both groups together, up to which every permutation is counted; above, the normal approximation."""


@dataclass(frozen=True)
class RankComparison:
    """What the two groups' ranks say. Delays are in the unit that they were given in."""

    slower: float
    """Share of the pairs (one of each group) in which B's took longer; of pairs alike, half."""
    p_value: float
    """Two-sided: how often chance alone makes two groups at least so different."""
    shift: float | None
    """By how much B's take longer (Hodges & Lehmann, 1963: the median of all pairs' differences); None where that
    pair has a lost one in it."""
    low: float | None
    high: float | None
    """Its 95 % interval; None where that end has a lost one in it, or the trials are too few for one."""


def compare_ranks(a: Sequence[float], b: Sequence[float]) -> RankComparison:
    """Compare B's delays to A's; neither may be empty. `LOST` is longer than every number, and as long as itself."""
    doubled = _doubled_midranks([*a, *b])
    rank_sum = sum(doubled[len(a) :])
    pairs = len(a) * len(b)
    slower = (rank_sum / 2 - len(b) * (len(b) + 1) / 2) / pairs
    if len(set(doubled)) == 1:
        p_value = 1.0
    elif len(doubled) <= EXACT_MAX:
        p_value = _exact(doubled, len(b), rank_sum)
    else:
        p_value = _approximate(doubled, len(b), rank_sum)
    differences = sorted(_difference(mine, other) for other in a for mine in b)
    middle = (differences[(pairs - 1) // 2], differences[pairs // 2])
    outside = _outside(len(a), len(b))
    return RankComparison(
        slower=round(slower, 4),
        p_value=p_value,
        shift=_rounded(middle[0] if middle[0] == middle[1] else (middle[0] + middle[1]) / 2),
        low=_rounded(differences[outside - 1]) if outside else None,
        high=_rounded(differences[pairs - outside]) if outside else None,
    )


def _difference(mine: float, other: float) -> float:
    return 0.0 if mine == other else mine - other  # of two lost ones nothing is known


def _rounded(value: float) -> float | None:
    return round(value, 1) if math.isfinite(value) else None


def _doubled_midranks(values: Sequence[float]) -> list[int]:
    """Twice each value's rank, so that the mean rank of those alike is a whole number."""
    order = sorted(values)
    first: dict[float, int] = {}
    count: dict[float, int] = {}
    for rank, value in enumerate(order, start=1):
        first.setdefault(value, rank)
        count[value] = count.get(value, 0) + 1
    return [2 * first[value] + count[value] - 1 for value in values]


def _rank_sums(ranks: Sequence[int], size: int) -> dict[int, int]:
    """In how many ways a group of this size can have each sum of these ranks.

    The numbers of ways are the digits of one large number for each size: adding a rank is one shift and one sum.
    """
    width = len(ranks) + 1  # bits: there are fewer than 2 ** len(ranks) groups
    least = min(ranks)
    ways = [1] + [0] * size
    for done, rank in enumerate(ranks, start=1):
        for chosen in range(min(size, done), 0, -1):
            ways[chosen] += ways[chosen - 1] << ((rank - least) * width)
    digits, mask, found, total = ways[size], (1 << width) - 1, {}, size * least
    data = digits.to_bytes((digits.bit_length() + 7) // 8, "little")
    for at in range(digits.bit_length() // width + 1):
        start = at * width
        here = int.from_bytes(data[start // 8 : (start + width) // 8 + 1], "little") >> (start % 8) & mask
        if here:
            found[total + at] = here
    return found


def _exact(doubled: Sequence[int], size: int, seen: int) -> float:
    """The permutation test: of all ways to deal these ranks out, the share that is at least so far off the middle."""
    ways = _rank_sums(doubled, size)
    twice_mean = size * (len(doubled) + 1) * 2  # of a doubled sum, and doubled again
    off = abs(2 * seen - twice_mean)
    far = sum(count for total, count in ways.items() if abs(2 * total - twice_mean) >= off)
    return far / sum(ways.values())


def _approximate(doubled: Sequence[int], size: int, seen: int) -> float:
    """Normal, with the correction for ties and for continuity (Lehmann, 1975, Nonparametrics, section 1.4)."""
    everything = len(doubled)
    other = everything - size
    alike: dict[int, int] = {}
    for rank in doubled:
        alike[rank] = alike.get(rank, 0) + 1
    ties = sum(count**3 - count for count in alike.values())
    variance = size * other / 12 * (everything + 1 - ties / (everything * (everything - 1)))
    off = abs(seen / 2 - size * (everything + 1) / 2)
    return min(1.0, 2 * (1 - NormalDist().cdf(max(0.0, off - 0.5) / math.sqrt(variance))))


def _outside(size_a: int, size_b: int) -> int:
    """Which difference, counted from either end, is the end of the 95 % interval; 0: the trials are too few.

    By the distribution of Mann & Whitney's U without ties (Lehmann, 1975, section 2.5).
    """
    everything = size_a + size_b
    if everything > EXACT_MAX:
        z = NormalDist().inv_cdf(0.975)
        return max(0, math.floor(size_a * size_b / 2 - z * math.sqrt(size_a * size_b * (everything + 1) / 12)))
    ways = _rank_sums(range(1, everything + 1), size_b)
    limit, below, found = 0.025 * sum(ways.values()), 0, 0
    for total in sorted(ways):
        below += ways[total]
        if below > limit:
            break
        found += 1
    return found


# The sentences of a comparison, as somebody would say them who has understood the statistics.

VERBS = {
    "lost": ("loses fewer", "loses more", "Neither lost an agent"),
    "mismatch": ("contradicts itself less often", "contradicts itself more often", "Neither contradicted itself"),
    "left-open": ("leaves fewer rooms open", "leaves more rooms open", "Neither left a room open"),
    "not-closed-in-time": ("closes more in time", "closes fewer in time", "Both closed every room in time"),
}
"""By measure: when B has less of it, when B has more, when neither has any."""


MOST = 5000
"""Trials. Who would need more to see a difference is not helped by seeing it."""


def chance(p_value: float) -> str:
    """`6 of 100 such pairs`: in how many pairs of runs chance alone makes as large a difference."""
    if p_value < 0.001:
        return "fewer than 1 of 1,000 such pairs"
    if p_value < 0.01 or 0.045 <= p_value < 0.055:  # 5 of 100 might be either side of the usual limit
        return f"{round(1000 * p_value)} of 1,000 such pairs"
    return f"{min(99, round(100 * p_value))} of 100 such pairs"


def points(share: float) -> str:
    """A difference of shares in percentage points, without its sign: `16`."""
    return f"{abs(100 * share):.2g}"


def about(trials: int) -> str:
    """Two digits say all that such an estimate knows: `about 140`."""
    size = 10 ** max(0, len(str(trials)) - 2)
    return f"about {round(trials / size) * size:,}"


def enough(needed: int | None, a: int, b: int) -> str:
    """`20 trials can't tell; about 140 each could.`"""
    have = f"{a} trial{'' if a == 1 else 's'}" if a == b else f"{a} and {b} trials"
    if needed is None or needed <= min(a, b) or needed > MOST:
        return f"{have} can't tell."
    return f"{have} can't tell; {about(needed)} each could."


def rate_sentence(
    name: str,
    a: Rate,
    b: Rate,
    difference: RateDifference | None,
    p_value: float | None,
    above: float,
    result: Result,
    needed: int | None,
) -> str:
    """What is to be said of it; `above` is by how many B has more than chance would give it.

    `B loses fewer: 1 of 40 against 6 of 40; chance alone does so in 6 of 100 such pairs.`
    """
    less, more, neither = VERBS[name]
    counts = f"{b.count} of {b.of} against {a.count} of {a.of}"
    if difference is None or p_value is None:
        return f"Can't be compared: {_without(a.of, b.of)}."
    if result is Result.TOO_FEW:
        return f"{counts}: so few trials can't tell, whatever comes out."
    unseen = f"a difference of {points(max(-difference.low, difference.high))} points could have stayed unseen"
    if a.count == b.count == 0:
        return f"{neither}: 0 of {a.of} and 0 of {b.of}; {unseen}."
    if above == 0:
        return f"As often in B as in A: {counts}; {unseen}."
    said = f"B {less if above < 0 else more}: {counts}; chance alone does so in {chance(p_value)}"
    if result is Result.NO_DIFFERENCE:
        return f"{said}. {enough(needed, a.of, b.of)}"
    return f"{said}."


def latency_sentence(ranks: RankComparison | None, result: Result, needed: int | None, a: int, b: int) -> str:
    """`B is faster, by 120 ms: it comes first in 91 of 100 pairs; chance alone does so in …`"""
    if ranks is None:
        return f"Can't be compared: {_without(a, b)}."
    if result is Result.TOO_FEW:
        return "So few trials can't tell, whatever comes out."
    if ranks.slower == 0.5:
        return "Neither is faster."
    faster = ranks.slower < 0.5
    word = "faster" if faster else "slower"
    by = "" if ranks.shift is None or round(abs(ranks.shift)) == 0 else f", by {_duration(abs(ranks.shift))}"
    place = "first" if faster else "last"
    share = 100 * (1 - ranks.slower if faster else ranks.slower)
    pairs = "every pair" if share == 100 else f"{share:.0f} of 100 pairs"
    if needed is not None and needed > MOST:
        return f"About as fast: of one agent each, B's comes {place} in {pairs}."
    said = (
        f"B is {word}{by}: of one agent each, B's comes {place} in {pairs}; "
        f"chance alone does so in {chance(ranks.p_value)}"
    )
    if result is Result.NO_DIFFERENCE:
        return f"{said}. {enough(needed, a, b)}"
    return f"{said}."


def _without(a: int, b: int) -> str:
    """Which of them has nothing to compare."""
    if not a and not b:
        return "neither run has a trial that could be judged"
    return f"{'B' if a else 'A'} has no trial that could be judged"


def _duration(ms: float) -> str:
    return f"{ms:.0f} ms" if ms < 999.5 else f"{ms / 1000:.2f} s"


NOTHING_ALIKE = "Can't be compared: the runs have no kind of trial in common."


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
    return RateComparison(name, a, b, difference, _rounded_p(p_value), result, needed, sentence)


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
        p_value=None if ranks is None else _rounded_p(ranks.p_value),
        result=result,
        trials_to_tell=needed,
        sentence=latency_sentence(ranks, result, needed, len(a), len(b)),
    )


def _result(above: float, p_value: float, alpha: float) -> Result:
    """`above`: by how much B is worse."""
    if above == 0 or p_value > alpha:
        return Result.NO_DIFFERENCE
    return Result.WORSE if above > 0 else Result.BETTER


def _rounded_p(p_value: float | None) -> float | None:
    return None if p_value is None else float(f"{p_value:.3g}")
