"""Where a value stands on an axis, and which values are written at it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MOST_STEPS = 5
LOGARITHMIC_FROM = 6.0
"""Ratio of the largest to the smallest value: delays that spread further crowd at one end of a linear axis."""
NARROWEST_MS = 10.0
"""An axis of delays is at least that wide, and a tenth of the longest: less would make something of mere noise."""
SECONDS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400)


@dataclass(frozen=True)
class Scale:
    """An axis from `low` to `high`, in the values' own unit."""

    low: float
    high: float
    ticks: tuple[float, ...]
    logarithmic: bool = False

    def share(self, value: float) -> float:
        """From 0 at the low end to 1 at the high end; what lies outside stands at the end."""
        low, high = self.low, self.high
        if self.logarithmic:
            value, low, high = math.log(max(value, low)), math.log(low), math.log(high)
        return min(1.0, max(0.0, (value - low) / (high - low)))

    def contains(self, value: float) -> bool:
        """Whether it stands where it belongs."""
        return self.low <= value <= self.high


def delays(values_ms: Sequence[float]) -> Scale:
    """For milliseconds, at least one: linear where they are close together, else logarithmic."""
    low, high = min(values_ms), max(values_ms)
    if low >= 1 and high / low >= LOGARITHMIC_FROM:
        return logarithmic(low, high)
    wanting = max(NARROWEST_MS, high / 10) - (high - low)
    return linear(low - wanting / 2, high + wanting / 2) if wanting > 0 else linear(low, high)


def logarithmic(low: float, high: float) -> Scale:
    """Ticks at 1, 2 and 5 times the powers of ten; of many, at the powers alone."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    fine = [step * 10.0**power for power in range(first, last + 1) for step in (1, 2, 5)]
    lower = max(tick for tick in fine if tick <= low * 1.0001)
    upper = min(tick for tick in fine if tick >= high * 0.9999)
    ticks = [tick for tick in fine if lower <= tick <= upper]
    if len(ticks) > MOST_STEPS + 2:
        ticks = [tick for tick in ticks if math.log10(tick).is_integer()]
    return Scale(lower, upper, tuple(ticks), logarithmic=True)


def linear(low: float, high: float, most: int = MOST_STEPS) -> Scale:
    """Ticks at round numbers, the ends among them."""
    if high <= low:
        low, high = low - 0.5, low + 0.5
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(step * power for step in (1, 2, 5, 10) if step * power >= rough * 0.9999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return Scale(first * step, last * step, tuple(number * step for number in range(first, last + 1)))


def counts(most: int) -> Scale:
    """For how many: from 0, at whole numbers."""
    found = linear(0, max(1, most), 4)
    return Scale(0, found.high, tuple(tick for tick in found.ticks if tick.is_integer()))


def clock(times_s: Iterable[float]) -> Scale:
    """For seconds of the day or since 1970: ticks at round times inside, not at the ends."""
    values = list(times_s)
    low, high = min(values), max(values)
    if high <= low:
        return Scale(low - 1, high + 1, (low,))
    step = next((step for step in SECONDS if (high - low) / step <= MOST_STEPS), SECONDS[-1])
    first, last = math.ceil(low / step), math.floor(high / step)
    every = max(1, math.ceil((last - first) / MOST_STEPS))
    margin = (high - low) / 50
    return Scale(low - margin, high + margin, tuple(float(number * step) for number in range(first, last + 1, every)))


def stretched(offsets_ms: Sequence[float]) -> Scale:
    """For a story's moments, counted from the earliest: logarithmic where most of it happens near the beginning."""
    span = max(max(offsets_ms) - min(offsets_ms), 1.0)
    middle = sorted(offsets_ms)[len(offsets_ms) // 2] - min(offsets_ms)
    if middle > span / 20:
        return linear(0, span)
    top = 10.0 ** math.ceil(math.log10(span))
    ticks = [10.0**power for power in range(1, round(math.log10(top)) + 1) if 10.0**power <= span * 1.0001]
    return Scale(EARLIEST_MS, span * 1.15, (EARLIEST_MS, *ticks), logarithmic=True)


EARLIEST_MS = 3.0
"""On a stretched axis everything up to here stands at the beginning."""
