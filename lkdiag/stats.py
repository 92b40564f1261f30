"""The figures of a report: quantiles, rates with their uncertainty, and the bins of a histogram."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist, quantiles
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Quantiles:
    """Of a set of measurements, in their own unit. All None but the count when there are none."""

    count: int
    min: float | None = None
    p50: float | None = None
    p90: float | None = None
    p95: float | None = None
    p99: float | None = None
    max: float | None = None

    @classmethod
    def of(cls, values: Sequence[float]) -> Quantiles:
        """Linear interpolation between the closest ranks (R type 7, numpy's default), rounded to 0.1."""
        if not values:
            return cls(0)
        cuts = [values[0]] * 99 if len(values) == 1 else quantiles(values, n=100, method="inclusive")
        low, p50, p90, p95, p99, high = (
            round(value, 1) for value in (min(values), cuts[49], cuts[89], cuts[94], cuts[98], max(values))
        )
        return cls(len(values), low, p50, p90, p95, p99, high)


@dataclass(frozen=True)
class Rate:
    """A share of trials, with its 95 % Wilson score interval. None all through when there were none."""

    count: int
    of: int
    value: float | None
    low: float | None
    high: float | None

    @classmethod
    def wilson(cls, count: int, of: int) -> Rate:
        """Wilson (1927), without continuity correction: sound for small counts and for 0 of n."""
        if of == 0:
            return cls(count, of, None, None, None)
        z = NormalDist().inv_cdf(0.975)
        p = count / of
        centre = (p + z * z / (2 * of)) / (1 + z * z / of)
        half = z / (1 + z * z / of) * math.sqrt(p * (1 - p) / of + z * z / (4 * of * of))
        low = 0.0 if count == 0 else max(0.0, centre - half)
        high = 1.0 if count == of else min(1.0, centre + half)
        return cls(count, of, round(p, 4), round(low, 4), round(high, 4))


@dataclass(frozen=True)
class Bin:
    """One bar of a histogram: values from `low` up to, not including, `high`."""

    low: float
    high: float
    count: int


def histogram(values: Sequence[float], bins: int = 10) -> tuple[Bin, ...]:
    """Bars of equal ratio (delays spread over decades), covering every value; empty without values.

    `bins` is at least 1. Below 1 no ratio makes sense: such values fall into the first bar.
    """
    if not values:
        return ()
    lowest, highest = min(values), max(values)
    low, high = max(lowest, 1.0), max(highest, 1.0)
    if high / low < 1.05:
        return (Bin(math.floor(lowest), math.floor(highest) + 1, len(values)),)
    ratio = (high / low) ** (1 / bins)
    edges = [lowest, *(low * ratio**step for step in range(1, bins)), math.nextafter(high, math.inf)]
    counts = [0] * bins
    for value in values:
        position = next((i for i in range(bins - 1, 0, -1) if value >= edges[i]), 0)
        counts[position] += 1
    return tuple(Bin(edges[i], edges[i + 1], counts[i]) for i in range(bins))


def fisher_exact(bad_a: int, all_a: int, bad_b: int, all_b: int) -> float:
    """One-sided p-value of Fisher's exact test: how likely A had so many of all the bad ones by chance."""
    bad, everything = bad_a + bad_b, all_a + all_b
    ways = math.comb(everything, bad)
    most = min(bad, all_a)
    return sum(math.comb(all_a, k) * math.comb(all_b, bad - k) for k in range(bad_a, most + 1)) / ways
