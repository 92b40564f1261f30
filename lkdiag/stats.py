"""The figures of a report: quantiles, rates with their uncertainty and their difference, the bins of a histogram."""

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
        low, high = _wilson(count, of)
        return cls(count, of, round(count / of, 4), round(low, 4), round(high, 4))


def _wilson(count: int, of: int) -> tuple[float, float]:
    z = NormalDist().inv_cdf(0.975)
    p = count / of
    centre = (p + z * z / (2 * of)) / (1 + z * z / of)
    half = z / (1 + z * z / of) * math.sqrt(p * (1 - p) / of + z * z / (4 * of * of))
    low = 0.0 if count == 0 else max(0.0, centre - half)
    high = 1.0 if count == of else min(1.0, centre + half)
    return low, high


@dataclass(frozen=True)
class RateDifference:
    """By how much B's rate is above A's, with its 95 % interval. From -1 to 1."""

    value: float
    low: float
    high: float

    @classmethod
    def newcombe(cls, bad_a: int, all_a: int, bad_b: int, all_b: int) -> RateDifference:
        """Newcombe's hybrid score interval, without continuity correction; neither group may be empty.

        Newcombe (1998), Interval estimation for the difference between independent proportions, Statistics in
        Medicine 17:873-890, method 10: from the Wilson intervals of both rates. Sound for small counts and for 0 of n.
        """
        a, b = bad_a / all_a, bad_b / all_b
        (low_a, high_a), (low_b, high_b) = _wilson(bad_a, all_a), _wilson(bad_b, all_b)
        return cls(
            round(b - a, 4),
            round(b - a - math.hypot(b - low_b, high_a - a), 4),
            round(b - a + math.hypot(high_b - b, a - low_a), 4),
        )


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


EXACT_MAX = 2000
"""Trials, up to which the ways are counted in whole numbers; of more they have thousands of digits."""


def fisher_exact(bad_a: int, all_a: int, bad_b: int, all_b: int) -> float:
    """One-sided p-value of Fisher's exact test: how likely A had so many of all the bad ones by chance."""
    bad, everything = bad_a + bad_b, all_a + all_b
    most = min(bad, all_a)
    if everything > EXACT_MAX:
        log_ways = _log_comb(everything, bad)
        terms = (_log_comb(all_a, k) + _log_comb(all_b, bad - k) - log_ways for k in range(bad_a, most + 1))
        return min(1.0, math.fsum(map(math.exp, terms)))
    ways = math.comb(everything, bad)
    return sum(math.comb(all_a, k) * math.comb(all_b, bad - k) for k in range(bad_a, most + 1)) / ways


def _log_comb(of: int, chosen: int) -> float:
    """The natural logarithm of the number of ways; of none there is none."""
    if not 0 <= chosen <= of:
        return -math.inf
    return math.lgamma(of + 1) - math.lgamma(chosen + 1) - math.lgamma(of - chosen + 1)


Stratum = tuple[int, int, int, int]
"""Bad ones of A and how many A has in all, then the same of B."""


def exact_mid_p(strata: Sequence[Stratum]) -> float:
    """Two-sided mid-p value of Fisher's exact test: how often chance alone makes two groups at least so different.

    With several strata, each is a comparison of its own kind of trial, and what is judged is the sum of B's bad ones
    over all of them, given the bad ones in each (the exact form of Cochran-Mantel-Haenszel's test; with one trial a
    side and stratum it is McNemar's). Of outcomes as likely as what was seen, half are counted: Lydersen, Fagerland &
    Laake (2009), Recommended tests for association in 2x2 tables, Statistics in Medicine 28:1159-1175; Fisher's own
    p-value is above the true one in small groups.
    """
    ways = {0: 1}
    for bad_a, all_a, bad_b, all_b in strata:
        bad = bad_a + bad_b
        spread: dict[int, int] = {}
        for k in range(max(0, bad - all_a), min(bad, all_b) + 1):
            here = math.comb(all_b, k) * math.comb(all_a, bad - k)
            for already, count in ways.items():
                spread[already + k] = spread.get(already + k, 0) + count * here
        ways = spread
    if len(ways) == 1:
        return 1.0  # all or none were bad: it could not have come out otherwise
    seen = ways[sum(bad_b for _, _, bad_b, _ in strata)]
    rarer = sum(count for count in ways.values() if count < seen)
    as_rare = sum(count for count in ways.values() if count == seen)
    return (2 * rarer + as_rare) / (2 * sum(ways.values()))


POWER = 0.8
"""Of the experiments that are asked for when trials are too few: four in five then show the difference."""


def trials_to_tell_rates(rate_a: float, rate_b: float, alpha: float) -> int | None:
    """How many trials each side needs so that a difference of these rates is found with 80 % power; None for none.

    Fleiss, Levin & Paik (2003), Statistical Methods for Rates and Proportions, 3rd ed., eq. 4.14 (two-sided, without
    continuity correction).
    """
    if rate_a == rate_b:
        return None
    z_alpha, z_beta = NormalDist().inv_cdf(1 - alpha / 2), NormalDist().inv_cdf(POWER)
    mean = (rate_a + rate_b) / 2
    apart = z_alpha * math.sqrt(2 * mean * (1 - mean))
    spread = z_beta * math.sqrt(rate_a * (1 - rate_a) + rate_b * (1 - rate_b))
    return math.ceil(((apart + spread) / (rate_a - rate_b)) ** 2)


def trials_to_tell_ranks(slower: float, alpha: float) -> int | None:
    """How many trials each side needs to find that B is slower in this share of pairs, with 80 % power; None for half.

    Noether (1987), Sample size determination for some common nonparametric tests, JASA 82:645-647, for two groups of
    one size.
    """
    if slower == 0.5:
        return None
    z_alpha, z_beta = NormalDist().inv_cdf(1 - alpha / 2), NormalDist().inv_cdf(POWER)
    return math.ceil((z_alpha + z_beta) ** 2 / (6 * (slower - 0.5) ** 2))
