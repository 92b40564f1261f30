"""The rank test against every permutation, against published values, and against what it has to be."""

from __future__ import annotations

import random
from itertools import combinations
from statistics import median

import pytest

from lkdiag.compare import measure
from lkdiag.compare.measure import LOST, compare_ranks


def superiority(a: list[float], b: list[float]) -> float:
    return sum(1.0 if mine > other else 0.5 if mine == other else 0 for other in a for mine in b) / len(a) / len(b)


def brute_force_p(a: list[float], b: list[float]) -> float:
    everything, off = a + b, abs(superiority(a, b) - 0.5)
    found = []
    for chosen in combinations(range(len(everything)), len(b)):
        rest = [value for place, value in enumerate(everything) if place not in chosen]
        found.append(abs(superiority(rest, [everything[place] for place in chosen]) - 0.5) >= off - 1e-9)
    return sum(found) / len(found)


@pytest.mark.parametrize("seed", range(25))
def test_p_value_is_that_of_counting_every_permutation(seed: int) -> None:
    """With ties, and with lost ones on both sides."""
    drawn = random.Random(seed)
    a, b = ([drawn.choice([1.0, 2.0, 3.5, 7.0, LOST]) for _ in range(drawn.randint(1, 5))] for _ in "ab")
    found = compare_ranks(a, b)
    assert found.p_value == pytest.approx(brute_force_p(a, b))
    assert found.slower == pytest.approx(superiority(a, b), abs=1e-4)


def test_published_example() -> None:
    """Hollander & Wolfe (1999), example 4.1, permeability of chorioamnion at term and before: W = 30, one-sided
    P = 0.1272, so two-sided 0.2544; Hodges-Lehmann 0.305, interval (-0.15, 0.76) at 95 %. R's wilcox.test has them."""
    at_term = [0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46]
    before = [1.15, 0.88, 0.90, 0.74, 1.21]
    found = compare_ranks([1000 * x for x in before], [1000 * x for x in at_term])
    assert found.p_value == pytest.approx(0.2544, abs=5e-5)
    assert (found.shift, found.low, found.high) == (305.0, -150.0, 760.0)
    assert found.slower == pytest.approx(35 / 50)


def test_gehan_with_all_censored_at_the_end_is_this_test() -> None:
    """Gehan's score of a trial: how many others are known to be shorter, less how many are known to be longer."""
    a, b = [3.0, 5.0, LOST, LOST], [1.0, 2.0, 4.0, LOST, 2.5]

    def gehan(mine: list[float], others: list[float]) -> int:
        return sum((x > y) - (x < y) for x in mine for y in others)

    everything, seen = a + b, abs(gehan(b, a))
    scores = []
    for chosen in combinations(range(len(everything)), len(b)):
        mine = [everything[place] for place in chosen]
        rest = [value for place, value in enumerate(everything) if place not in chosen]
        scores.append(abs(gehan(mine, rest)) >= seen)
    assert compare_ranks(a, b).p_value == pytest.approx(sum(scores) / len(scores))


def test_approximation_meets_the_exact_test_where_both_do(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = random.Random(5)
    a = [round(drawn.lognormvariate(6, 0.5), -1) for _ in range(40)]
    b = [round(drawn.lognormvariate(6.2, 0.5), -1) for _ in range(38)] + [LOST, LOST]
    exact = compare_ranks(a, b)
    monkeypatch.setattr(measure, "EXACT_MAX", 0)
    near = compare_ranks(a, b)
    assert near.p_value == pytest.approx(exact.p_value, abs=0.003)
    assert (near.shift, near.slower) == (exact.shift, exact.slower)
    assert exact.low is not None
    assert near.low == pytest.approx(exact.low, abs=15)


def test_shift_is_the_median_of_all_differences() -> None:
    a, b = [1.0, 4.0, 9.0], [2.0, 8.0, 20.0, 21.0]
    assert compare_ranks(a, b).shift == median(mine - other for mine in b for other in a)


def test_shift_that_rests_on_lost_ones_is_not_known() -> None:
    found = compare_ranks([1.0, 2.0], [LOST, LOST, LOST])
    assert (found.shift, found.low, found.high, found.slower) == (None, None, None, 1.0)


@pytest.mark.parametrize(("a", "b"), [([5.0], [5.0]), ([LOST] * 4, [LOST] * 3), ([7.0] * 60, [7.0] * 70)])
def test_all_alike_is_no_difference(a: list[float], b: list[float]) -> None:
    found = compare_ranks(a, b)
    assert (found.p_value, found.slower, found.shift) == (1.0, 0.5, 0.0)


def test_sides_can_be_changed() -> None:
    a, b = [3.0, 5.0, 8.0, LOST, 2.0], [1.0, 2.0, 4.0, 2.5]
    there, back = compare_ranks(a, b), compare_ranks(b, a)
    assert there.p_value == back.p_value
    assert there.slower == pytest.approx(1 - back.slower)
    assert (there.shift, there.low) == (-(back.shift or 0), None if back.high is None else -back.high)
