"""Charts as SVG: distributions, values over time, and a trial's lanes."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING

from lkdiag.document.blocks import OUTCOMES, Tone
from lkdiag.document.wording import duration, offset, plural, rate
from lkdiag.journal.row import Lane
from lkdiag.render.html.markup import element
from lkdiag.stats import histogram

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from typing import Any
    from xml.etree.ElementTree import Element

    from lkdiag.document.blocks import Point, Rates, Timings
    from lkdiag.report.value import TimelineLine


# Where a value stands on an axis, and which values are written at it.

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


# The frame of a chart: axes, grid, labels. Across in per cent and down in pixels, so that it fits any width.
#
# Text keeps its size that way, on a phone too, where a picture with a view box would shrink it.

BELOW_PX = 24
"""For the labels below the horizontal axis."""


def at_tick(ms: float) -> str:
    """`200 ms`, `1.5 s`: short, as there is little room at an axis."""
    return f"{ms:g} ms" if abs(ms) < 1000 else f"{ms / 1000:g} s"


def percent(share: float, of: float = 1.0) -> str:
    """A place or a width across."""
    return f"{round(100 * share * of, 2):g}%"


def frame(height_px: float, label: str, *children: Element | None, kind: str = "") -> Element:
    """A picture with room for labels around it; `label` says in words what it shows."""
    picture = element("svg", role="img", aria_label=label, class_="chart", height=height_px + BELOW_PX)
    picture.extend(child for child in children if child is not None)
    return element("div", picture, class_=f"plot {kind}".strip())


def figure(title: str, plot: Element, *below: Element | str | None) -> Element:
    """A picture with its title above, and what there is to say of it below."""
    caption = element("figcaption", element("strong", title))
    caption.extend(element("span", text) if isinstance(text, str) else text for text in below if text)
    return element("figure", caption, plot)


def across(
    scale: Scale, height_px: float, text: Callable[[float], str] = at_tick, *, of: float = 1.0
) -> Iterable[Element]:
    """The horizontal axis, over the first `of` of the width. A phone has room for every other label."""
    yield element("line", class_="axis", x1="0", x2="100%", y1=height_px, y2=height_px)
    for number, tick in enumerate(scale.ticks):
        x = percent(scale.share(tick), of)
        yield element("line", class_="grid", x1=x, x2=x, y1=0, y2=height_px)
        crowded = number % 2 and len(scale.ticks) > 3
        beside_another = of < 1 and number == len(scale.ticks) - 1 > 1
        kind = "tick middle other" if crowded or beside_another else "tick middle"
        yield element("text", text(tick), class_=kind, x=x, y=height_px + 16)


def upward(
    scale: Scale, height_px: float, text: Callable[[float], str] = at_tick, *, top_px: float = 0
) -> Iterable[Element]:
    """The vertical axis, its labels to the left."""
    for tick in scale.ticks:
        y = up(scale, tick, height_px, top_px)
        yield element("line", class_="grid", x1="0", x2="100%", y1=y, y2=y)
        yield element("text", text(tick), class_="tick end", x=-6, y=y + 4)


def up(scale: Scale, value: float, height_px: float, top_px: float = 0) -> float:
    """How far down a value stands: the axis' low end is at the bottom."""
    return round(height_px - scale.share(value) * (height_px - top_px), 1)


def limit(scale: Scale, value: float, height_px: float, *, of: float = 1.0) -> Element | None:
    """A dashed line where something counts as late."""
    if not scale.contains(value):
        return None
    x = percent(scale.share(value), of)
    return element(
        "line", element("title", f"late from {duration(value)} on"), class_="limit", x1=x, x2=x, y1=0, y2=height_px
    )


# A trial's story as a picture: a lane for each of those who take part, a dot for each thing that happened.

ORDER = tuple(Lane)
"""The order of the lanes, from caller to agent. Other lanes follow below, as they appear."""
LANE_PX = 24
LONGEST_NAME = 10
"""Characters of a lane's name that its label has room for."""


def lanes(timeline: Sequence[TimelineLine]) -> Element:
    """Needs at least one line. A dot's text is shown on hovering; the table below the picture has all of them."""
    seen = dict.fromkeys(line.lane for line in timeline)
    names = sorted(seen, key=lambda name: ORDER.index(name) if name in ORDER else len(ORDER))
    scale = stretched([line.offset_ms for line in timeline])
    first_ms = min(line.offset_ms for line in timeline)
    height_px = LANE_PX * len(names)
    drawn: list[Element] = []
    for number, name in enumerate(names):
        y = LANE_PX * number + LANE_PX / 2
        short = name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"
        drawn.append(element("line", class_="lane", x1="0", x2="100%", y1=y, y2=y))
        drawn.append(element("text", short, element("title", name), class_="tick end", x=-8, y=y + 4))
    places = [
        (percent(scale.share(line.offset_ms - first_ms)), LANE_PX * names.index(line.lane) + LANE_PX / 2)
        for line in timeline
    ]
    for (x1, y1), (x2, y2) in pairwise(places):
        if (x1, y1) != (x2, y2):
            drawn.append(element("line", class_="flow", x1=x1, x2=x2, y1=y1, y2=y2))
    for line, (x, y) in zip(timeline, places, strict=True):
        title = element("title", f"{offset(line.offset_ms)} {line.lane}: {line.text[:300]}")
        drawn.append(element("circle", title, class_="event", cx=x, cy=y, r=4))
    told = f"Timeline of {plural(len(timeline), 'event')} in the lanes {', '.join(names)}. The table below tells them."
    return frame(
        height_px,
        told,
        *across(scale, height_px, lambda at_ms: _tick(at_ms, logarithmic=scale.logarithmic)),
        *drawn,
        kind="lanes",
    )


def _tick(at_ms: float, *, logarithmic: bool) -> str:
    if logarithmic and at_ms < 10:
        return "0"
    return at_tick(at_ms)


# Charts: rates with their intervals, and how long something took, as a distribution and over the run.

LINE_PX = 30
HEIGHT_PX = 190
CAME_PART = 0.8
"""Of the width, where some never came: their own place is behind it."""
NEVER_AT = 0.92
FINE = 2000
"""Steps across to which a curve is drawn: with more values than that it would only get heavier."""
OVER_TIME_PX = 230
WITHOUT_VALUES_PX = 60
BAND_PX = 34
"""Above the values, for rows that have none."""


# -- rates --------------------------------------------------------------------------------------------------------


def interval(block: Rates) -> Element | None:
    """A bar from the lower to the upper end, a mark at the rate; None where none could be judged."""
    scale = Scale(0, 1, (0, 0.25, 0.5, 0.75, 1))
    drawn: list[Element] = []
    for number, (name, lost) in enumerate(block.rates.items()):
        y = LINE_PX * number + LINE_PX / 2
        low, value, high = lost.low or 0.0, lost.value or 0.0, lost.high or 0.0
        title = element("title", f"{name}: {rate(lost)}")
        width = percent(max(high - low, 0.004))
        drawn += [
            element("text", name, class_="tick end", x=-8, y=y + 4),
            element("rect", title, class_=f"range {_place(number)}", x=percent(low), width=width, y=y - 5, height=10),
            element("line", class_="value", x1=percent(value), x2=percent(value), y1=y - 9, y2=y + 9),
        ]
    if not drawn:
        return None
    height_px = LINE_PX * len(block.rates)
    told = "; ".join(f"{name}: {rate(lost)}" for name, lost in block.rates.items())
    axis = across(scale, height_px, lambda share: f"{100 * share:.0f} %")
    plot = frame(height_px, f"{block.told}. {told}.", *axis, *drawn, kind="lanes")
    return figure(block.title, plot, "Line: the rate. Bar: its 95 % (Wilson) interval.")


# -- the distribution ---------------------------------------------------------------------------------------------


def _place(number: int) -> str:
    """The style of a group."""
    return "second" if number else "first"


@dataclass(frozen=True)
class Times:
    """Those of one group on which the figures rest, rising, and how many never came, or not in time."""

    values: tuple[float, ...]
    never: int


def times_of(block: Timings[Any]) -> dict[str, Times]:
    """By group."""
    values: dict[str, list[float]] = {group: [] for group in block.groups}
    never = Counter[str]()
    for point in map(block.point, block.rows):
        if point.came and point.ms is not None:
            values[point.group].append(point.ms)
        never[point.group] += point.tone is Tone.LOST
    return {group: Times(tuple(sorted(found)), never[group]) for group, found in values.items()}


def time_scale(times: Mapping[str, Times]) -> Scale | None:
    """One for all pictures, so that they can be compared; None where nobody came."""
    every = [value for group in times.values() for value in group.values]
    return delays(every) if every else None


def distribution(block: Timings[Any], times: Mapping[str, Times], scale: Scale) -> Iterator[Element]:
    """The histogram, of the first group alone, and the curves."""
    first = next(iter(times.values()))
    if first.values:
        yield _histogram(block, first, scale)
    yield _curves(block, times, scale)


def _histogram(block: Timings[Any], group: Times, scale: Scale) -> Element:
    values, never, late_ms = group.values, group.never, block.late_ms
    bars = histogram(values, bins=min(16, 4 + len(values) // 4))
    upright = counts(max(never, *(bar.count for bar in bars)))
    of = CAME_PART if never else 1.0
    drawn: list[Element] = []
    for bar in bars:
        if not bar.count:
            continue
        left, right = scale.share(bar.low) * of, scale.share(bar.high) * of
        words = f"{duration(bar.low)} – {duration(bar.high)}: {plural(bar.count, 'trial')}"
        drawn += _bar(left, max(right - left, 0.012), bar.count, upright, "came", words)
    if never:
        drawn += _bar(NEVER_AT - 0.035, 0.07, never, upright, "never", f"never came: {plural(never, 'trial')}")
        drawn.append(_never_label())
    most = max(bars, key=lambda bar: bar.count)
    told = (
        f"Histogram of the latencies of {plural(len(values), 'trial')}: most "
        f"({most.count}) from {duration(most.low)} to {duration(most.high)}; {never} never came."
    )
    plot = frame(
        HEIGHT_PX,
        told,
        *upward(upright, HEIGHT_PX, lambda count: f"{count:g}", top_px=18),
        *across(scale, HEIGHT_PX, of=of),
        *drawn,
        None if late_ms is None else limit(scale, late_ms, HEIGHT_PX, of=of),
    )
    return figure(f"How long the {block.who}s took", plot, "Trials by latency.", _axis_words(scale, late_ms))


def _bar(left: float, width: float, count: int, upright: Scale, kind: str, words: str) -> list[Element]:
    top = up(upright, count, HEIGHT_PX, 18)
    return [
        element(
            "rect",
            element("title", words),
            class_=f"bar {kind}",
            x=percent(left),
            width=percent(width),
            y=top,
            height=HEIGHT_PX - top,
        ),
        element("text", str(count), class_="tick middle strong", x=percent(left + width / 2), y=top - 5),
    ]


def _curves(block: Timings[Any], times: Mapping[str, Times], scale: Scale) -> Element:
    late_ms = block.late_ms
    drawn: list[Element] = []
    told = []
    some_lost = any(group.never for group in times.values())
    of = CAME_PART if some_lost else 1.0
    for number, (name, group) in enumerate(times.items()):
        values, never = group.values, group.never
        total = len(values) + never
        if not values:
            told.append(f"{name}: none of {total} came")
            continue
        line = " (dashed)" if number else ""
        who = f"{name}{line}: " if len(times) > 1 else ""
        told.append(f"{who}{len(values)} of {total} came" + (f", {never} never did" if never else ""))
        drawn += _curve(name, _place(number), values, total, scale, of)
    share = Scale(0, 1, (0, 0.25, 0.5, 0.75, 1))
    plot = frame(
        HEIGHT_PX,
        f"Share of the trials whose {block.who} had come by then; {'; '.join(told)}.",
        *upward(share, HEIGHT_PX, lambda part: f"{100 * part:.0f} %", top_px=8),
        *across(scale, HEIGHT_PX, of=of),
        *drawn,
        *([_never_label()] if some_lost else []),
        None if late_ms is None else limit(scale, late_ms, HEIGHT_PX, of=of),
    )
    ends = "The lost ones count too: the curve ends below 100 %." if some_lost else None
    return figure("How many had come by then", plot, f"{'; '.join(told)}.", ends)


def _curve(name: str, kind: str, values: Sequence[float], total: int, scale: Scale, of: float) -> list[Element]:
    """Steps, in a picture of its own whose box is stretched over the plot; then the level at which it ends."""
    points = {round(scale.share(value) * FINE): number / total for number, value in enumerate(values, start=1)}
    top_px = 8
    path = f"M{next(iter(points))} {HEIGHT_PX}"
    for x, share in points.items():
        path += f"H{x}V{round(HEIGHT_PX - share * (HEIGHT_PX - top_px), 1):g}"
    level = len(values) / total
    y = round(HEIGHT_PX - level * (HEIGHT_PX - top_px), 1)
    line = element("path", d=f"{path}H{FINE}", class_=f"curve {kind}", vector_effect="non-scaling-stroke")
    found = [
        element(
            "svg",
            line,
            viewBox=f"0 0 {FINE} {HEIGHT_PX}",
            preserveAspectRatio="none",
            width=percent(of),
            height=HEIGHT_PX,
        )
    ]
    if len(values) < total:
        never = f"{name}: {total - len(values)} of {total} never came"
        found += [
            element("line", class_=f"censored {kind}", x1=percent(of), x2="100%", y1=y, y2=y),
            element(
                "text", f"{100 * level:.0f} %", element("title", never), class_="tick end strong", x="100%", y=y + 15
            ),
        ]
    return found


def _never_label() -> Element:
    return element("text", "never", class_="tick middle", x=percent(NEVER_AT), y=HEIGHT_PX + 16)


def _axis_words(scale: Scale, late_ms: float | None) -> str:
    words = ["Across: time, each step a multiple of the one before (logarithmic)."] if scale.logarithmic else []
    if late_ms is not None and scale.contains(late_ms):
        words.append(f"Dashed: late from {duration(late_ms)} on.")
    return " ".join(words)


# -- over the run -------------------------------------------------------------------------------------------------


def symbols() -> Element:
    """The marks, once a page, for `use`."""
    drawn = {
        Tone.GOOD: element("circle", r=3.5),
        Tone.LATE: element("path", d="M0-5L5 4H-5Z"),
        Tone.LOST: element("path", d="M-4-4L4 4M-4 4L4-4"),
        Tone.BROKEN: element("path", d="M-4-4H4V4H-4Z"),
        Tone.UNSURE: element("path", d="M0-5L5 0L0 5L-5 0Z"),
    }
    marks = [element("g", shape, id=f"mark-{tone}") for tone, shape in drawn.items()]
    return element(
        "svg", element("defs", *marks), width=0, height=0, aria_hidden="true", focusable="false", class_="off"
    )


def over_time(block: Timings[Any], scale: Scale | None) -> Element:
    """Of all groups, those but the first hollow."""
    drawn_points = [block.point(row) for row in block.rows]
    times = [datetime.fromisoformat(point.at).timestamp() for point in drawn_points]
    run = clock(times)
    band = scale is None or not all(point.came for point in drawn_points)
    top_px = BAND_PX + 8 if band else 8
    height_px = WITHOUT_VALUES_PX if scale is None else OVER_TIME_PX
    drawn: list[Element] = []
    if band:
        drawn.append(element("text", "none", class_="tick end", x=-6, y=BAND_PX / 2 + 4))
        drawn.append(element("line", class_="axis", x1="0", x2="100%", y1=BAND_PX, y2=BAND_PX))
    if scale is not None:
        drawn += upward(scale, height_px, top_px=top_px)
        if block.late_ms is not None and scale.contains(block.late_ms):
            y = up(scale, block.late_ms, height_px, top_px)
            title = element("title", f"late from {duration(block.late_ms)} on")
            drawn.append(element("line", title, class_="limit", x1="0", x2="100%", y1=y, y2=y))
    for point, at_s in zip(drawn_points, times, strict=True):
        if scale is None or point.ms is None or not point.came:
            y = BAND_PX / 2
        else:
            y = up(scale, point.ms, height_px, top_px)
        drawn.append(_mark(point, block.groups[0], percent(run.share(at_s)), y))
    sub_minute = len(run.ticks) > 1 and run.ticks[1] - run.ticks[0] < 60
    plot = frame(
        height_px, _told(drawn_points), *across(run, height_px, lambda at_s: _hour(at_s, seconds=sub_minute)), *drawn
    )
    what = "Up: latency. Across: when the trial began, UTC."
    return figure("Over the run", plot, what, _legend(drawn_points, block.groups[0]))


def _mark(point: Point, first: str, x: str, y: float) -> Element:
    took = f", {duration(point.ms)}" if point.came else ""
    other = point.group != first
    words = f"trial {point.number}{f' ({point.group})' if other else ''}: {point.outcome}{took}"
    kind = f"mark {point.tone}{' second' if other else ''}"
    return element("use", element("title", words), href=f"#mark-{point.tone}", class_=kind, x=x, y=y)


def _legend(drawn: Sequence[Point], first: str) -> Element:
    """What the marks mean, of those that are there."""
    names = {point.tone: point.outcome for point in drawn}
    marks = [(tone, f"mark {tone}", names[tone]) for tone in OUTCOMES if tone in names]
    others = dict.fromkeys(point.group for point in drawn if point.group != first)
    marks += [(Tone.GOOD, f"mark {Tone.GOOD} second", f"hollow: {name}") for name in others]
    items = []
    for tone, kind, name in marks:
        shape = element("use", href=f"#mark-{tone}", class_=kind, x=7, y=7)
        items.append(element("li", element("svg", shape, width=14, height=14, aria_hidden="true"), f" {name}"))
    return element("ul", *items, class_="legend")


def _told(drawn: Iterable[Point]) -> str:
    came = [point.came for point in drawn]
    return (
        f"Latency of {plural(len(came), 'trial')} in the order of the run; {came.count(False)} without a latency stand "
        "above. The table of trials has every value."
    )


def _hour(at_s: float, *, seconds: bool) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%H:%M:%S" if seconds else "%H:%M")
