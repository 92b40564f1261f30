"""The figures against values from the literature and from counting by hand."""

from __future__ import annotations

import math
import random
from collections import Counter
from itertools import combinations, pairwise

import pytest

from lkdiag.stats import (
    Bin,
    Quantiles,
    Rate,
    RateDifference,
    exact_mid_p,
    histogram,
    trials_to_tell_ranks,
    trials_to_tell_rates,
)

_RANDOM = random.Random(1)
SPREAD = [_RANDOM.lognormvariate(6, 1) for _ in range(500)]


@pytest.mark.parametrize(
    ("count", "of", "low", "high"),
    [
        (0, 20, 0.0, 0.1611),
        (1, 10, 0.0179, 0.4042),
        (10, 10, 0.7225, 1.0),
        (5, 10, 0.2366, 0.7634),
        (3, 20, 0.0524, 0.3604),
        (0, 1, 0.0, 0.7935),
    ],
)
def test_wilson_interval_has_its_known_values(count: int, of: int, low: float, high: float) -> None:
    assert Rate.wilson(count, of) == Rate(count, of, round(count / of, 4), low, high)


def test_no_trial_gives_no_rate() -> None:
    assert Rate.wilson(0, 0) == Rate(0, 0, None, None, None)


@pytest.mark.parametrize("of", [1, 2, 7, 50, 3000])
def test_interval_contains_the_rate_and_stays_within_0_and_1(of: int) -> None:
    for count in {0, 1, of // 2, of - 1, of}:
        rate = Rate.wilson(count, of)
        assert rate.value is not None
        assert rate.low is not None
        assert rate.high is not None
        assert 0 <= rate.low <= rate.value <= rate.high <= 1


def test_more_trials_make_the_interval_narrower() -> None:
    widths = []
    for of in (10, 100, 1000):
        rate = Rate.wilson(of // 10, of)
        assert rate.low is not None
        assert rate.high is not None
        widths.append(rate.high - rate.low)
    assert widths == sorted(widths, reverse=True)


def test_quantiles_interpolate_between_the_closest_ranks() -> None:
    assert Quantiles.of([10, 20, 30, 40, 50]) == Quantiles(5, 10, 30, 46, 48, 49.6, 50)


def test_quantiles_do_not_need_sorted_values() -> None:
    values = [float(value) for value in range(1, 102)]
    shuffled = random.Random(4).sample(values, len(values))
    assert Quantiles.of(shuffled) == Quantiles(101, 1, 51, 91, 96, 100, 101)


def test_quantiles_of_two_lie_between_them() -> None:
    assert Quantiles.of([100, 200]) == Quantiles(2, 100, 150, 190, 195, 199, 200)


def test_quantiles_of_one_are_that_one() -> None:
    assert Quantiles.of([312.44]) == Quantiles(1, 312.4, 312.4, 312.4, 312.4, 312.4, 312.4)


def test_quantiles_of_none_are_none() -> None:
    assert Quantiles.of([]) == Quantiles(0, None, None, None, None, None, None)


@pytest.mark.parametrize("bins", [1, 2, 8, 10])
@pytest.mark.parametrize(
    "values",
    [
        [290.0, 300.0, 310.0, 6240.0, 15870.0],
        [1.0, 10.0, 100.0, 1000.0],
        [0.0, 0.3, 250.0],
        [-3.0, 5.0, 40.0],
        SPREAD,
    ],
)
def test_every_value_is_in_one_bin_and_the_counts_add_up(values: list[float], bins: int) -> None:
    found = histogram(values, bins)
    assert len(found) == bins
    assert sum(bar.count for bar in found) == len(values)
    for bar in found:
        assert bar.low < bar.high
        assert bar.count == sum(bar.low <= value < bar.high for value in values)
    for left, right in pairwise(found):
        assert left.high == right.low


def test_bins_grow_by_an_equal_ratio() -> None:
    lows = [bar.low for bar in histogram([1.0, 10_000.0], bins=4)]
    assert lows == pytest.approx([1, 10, 100, 1000])


@pytest.mark.parametrize(
    ("values", "bar"),
    [
        ([312.0, 312.0], Bin(312, 313, 2)),
        ([1000.2, 1041.0], Bin(1000, 1042, 2)),
        ([0.2, 0.9], Bin(0, 1, 2)),
        ([-2.5], Bin(-3, -2, 1)),
    ],
)
def test_values_close_together_share_one_bin(values: list[float], bar: Bin) -> None:
    assert histogram(values) == (bar,)


def test_no_values_no_bins() -> None:
    assert histogram([]) == ()


# -- two groups ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bad_a", "all_a", "bad_b", "all_b", "low", "high"),
    [  # Newcombe (1998), Statistics in Medicine 17:873-890, table II, method 10
        (48, 80, 56, 70, 0.0524, 0.3339),
        (3, 10, 9, 10, 0.1705, 0.8090),
        (2, 7, 6, 7, 0.0582, 0.8062),
        (0, 29, 5, 56, -0.0381, 0.1926),
        (0, 20, 0, 10, -0.1611, 0.2775),
        (0, 10, 0, 10, -0.2775, 0.2775),
        (0, 20, 10, 10, 0.6791, 1.0),
        (0, 10, 10, 10, 0.6075, 1.0),
    ],
)
def test_newcombe_interval_has_its_published_values(
    bad_a: int, all_a: int, bad_b: int, all_b: int, low: float, high: float
) -> None:
    found = RateDifference.newcombe(bad_a, all_a, bad_b, all_b)
    assert (found.low, found.high) == (low, high)
    turned = RateDifference.newcombe(bad_b, all_b, bad_a, all_a)
    assert (turned.value, turned.low, turned.high) == (-found.value, -high, -low)


def brute_force_mid_p(strata: list[tuple[int, int, int, int]]) -> float:
    """By dealing the bad ones out in every way there is, stratum by stratum."""
    if sum(a + b for a, _, b, _ in strata) in (0, sum(a + b for _, a, _, b in strata)):
        return 1.0
    totals = [0]
    for bad_a, all_a, bad_b, all_b in strata:
        ways = [sum(place >= all_a for place in places) for places in combinations(range(all_a + all_b), bad_a + bad_b)]
        totals = [total + way for total in totals for way in ways]
    often = Counter(totals)
    seen = often[sum(bad_b for _, _, bad_b, _ in strata)]
    return sum(n if n < seen else n / 2 for n in often.values() if n <= seen) / len(totals)


@pytest.mark.parametrize(
    "strata",
    [
        [(3, 4, 1, 4)],
        [(0, 3, 3, 3)],
        [(0, 5, 0, 6)],
        [(5, 5, 6, 6)],
        [(1, 6, 4, 7)],
        [(1, 1, 0, 1), (1, 1, 0, 1), (0, 1, 1, 1), (1, 1, 1, 1)],
        [(2, 3, 0, 2), (0, 4, 1, 3), (1, 2, 1, 2)],
    ],
)
def test_exact_mid_p_is_that_of_counting_every_permutation(strata: list[tuple[int, int, int, int]]) -> None:
    assert exact_mid_p(strata) == pytest.approx(brute_force_mid_p(strata))


def test_exact_mid_p_of_known_tables() -> None:
    # Agresti (2002), Categorical Data Analysis, section 3.5.1: the lady tasting tea; 34/70, less half of 32/70
    assert exact_mid_p([(3, 4, 1, 4)]) == pytest.approx(18 / 70)
    # six discordant pairs, all one way: McNemar's exact test, mid-p 2 * (1/2)**6 / 2
    assert exact_mid_p([(1, 1, 0, 1)] * 6 + [(1, 1, 1, 1)] * 9) == pytest.approx(1 / 64)
    assert exact_mid_p([(6, 40, 1, 40)]) == pytest.approx(0.0601, abs=5e-5)


@pytest.mark.parametrize(
    ("rate_a", "rate_b", "trials"),
    [
        # by hand from the formula: for 15 % and 5 %, (1.96 * sqrt(2 * .1 * .9) + .8416 * sqrt(.15 * .85 + .05 * .95))²
        # / .1² = 140.1
        (0.15, 0.05, 141),
        (0.10, 0.20, 199),
        (0.70, 0.50, 93),
        (0.5, 0.5, None),
    ],
)
def test_trials_to_tell_rates(rate_a: float, rate_b: float, trials: int | None) -> None:
    assert trials_to_tell_rates(rate_a, rate_b, 0.05) == trials
    assert trials_to_tell_rates(rate_b, rate_a, 0.05) == trials


def test_as_many_trials_do_tell_in_four_of_five() -> None:
    """By the exact power at that size: the sum over all outcomes that the test finds."""
    n = trials_to_tell_rates(0.4, 0.1, 0.05)
    assert n is not None

    def likely(k: int, p: float) -> float:
        return math.comb(n, k) * p**k * (1 - p) ** (n - k)

    power = sum(
        likely(a, 0.4) * likely(b, 0.1)
        for a in range(n + 1)
        for b in range(n + 1)
        if exact_mid_p([(a, n, b, n)]) <= 0.05
    )
    assert 0.75 < power < 0.85


def test_trials_to_tell_ranks() -> None:
    # Noether (1987), JASA 82:645: N = (z + z)^2 / (12 c (1 - c) (p - 1/2)^2), here with c = 1/2 and N / 2 a side
    assert trials_to_tell_ranks(0.7, 0.05) == 33
    assert trials_to_tell_ranks(0.3, 0.05) == 33
    assert trials_to_tell_ranks(0.5, 0.05) is None
