"""Compares two small groups of delays, some of which are only known to be longer than the watch.

A lost agent has no delay, and leaving it out would make the worse run look the faster one. All trials are watched for
the same time here, so a lost one is longer than every delay that was seen, and as long as any other lost one. Gehan's
test for censored samples (Gehan, 1965, Biometrika 52:203-223) then is the Wilcoxon-Mann-Whitney test with the lost
ones as a tie at the top, which needs no assumption about how long they would have taken.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

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
