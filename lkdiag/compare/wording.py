"""The sentences of a comparison, as somebody would say them who has understood the statistics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.compare.value import Result

if TYPE_CHECKING:
    from lkdiag.compare.ranks import RankComparison
    from lkdiag.stats import Rate, RateDifference

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
