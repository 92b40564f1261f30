"""The figures against values from the literature and from counting by hand."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from lkdiag.stats import Bin, Quantiles, Rate, histogram

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
