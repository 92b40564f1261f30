"""How long the agents took, as pictures: a histogram, and the share that had come by then. The lost are in both."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.checks.verdict import Outcome
from lkdiag.render.html.markup import element
from lkdiag.render.html.plot import across, figure, frame, limit, percent, up, upward
from lkdiag.render.html.scale import Scale, counts, delays
from lkdiag.render.wording import duration, plural
from lkdiag.stats import histogram

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from xml.etree.ElementTree import Element

    from lkdiag.report.value import DispatchReport, TrialReport

HEIGHT_PX = 190
CAME_PART = 0.8
"""Of the width, where some never came: their own place is behind it."""
NEVER_AT = 0.92
FINE = 2000
"""Steps across to which a curve is drawn: with more trials than that it would only get heavier."""
CAME = (Outcome.DELIVERED, Outcome.DELAYED)


def latencies(trials: Sequence[TrialReport], role: str) -> list[float]:
    """Those that the summary's quantiles rest on."""
    return sorted(
        trial.latency_ms
        for trial in trials
        if trial.role == role and trial.outcome in CAME and trial.latency_ms is not None
    )


def lost(trials: Sequence[TrialReport], role: str) -> int:
    """How many never came, or not in time."""
    return sum(trial.role == role and trial.outcome is Outcome.DROPPED for trial in trials)


def late_from_ms(report: DispatchReport) -> float | None:
    """Where the scenario says that late begins."""
    late_s = report.run.options.get("delayed_after_s")
    return late_s * 1000.0 if isinstance(late_s, int | float) else None


def latency_scale(report: DispatchReport) -> Scale | None:
    """One for all pictures, so that they can be compared; None where nobody came."""
    every = [*latencies(report.trials, "subject"), *latencies(report.trials, "control")]
    return delays(every) if every else None


def distribution(report: DispatchReport, scale: Scale) -> Iterator[Element]:
    """The histogram, of the subject alone, and the curves."""
    values, never = latencies(report.trials, "subject"), lost(report.trials, "subject")
    if values:
        yield _histogram(values, never, scale, late_from_ms(report))
    yield _curves(report, scale)


def _histogram(values: Sequence[float], never: int, scale: Scale, late_ms: float | None) -> Element:
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
    return figure("How long the agents took", plot, "Trials by latency.", _axis_words(scale, late_ms))


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


def _curves(report: DispatchReport, scale: Scale) -> Element:
    drawn: list[Element] = []
    told = []
    names = ("subject", "control") if report.control is not None else ("subject",)
    some_lost = any(lost(report.trials, name) for name in names)
    of = CAME_PART if some_lost else 1.0
    for name in names:
        values, never = latencies(report.trials, name), lost(report.trials, name)
        total = len(values) + never
        if not values:
            told.append(f"{name}: none of {total} came")
            continue
        line = " (dashed)" if name == "control" else ""
        who = f"{name}{line}: " if len(names) > 1 else ""
        told.append(f"{who}{len(values)} of {total} came" + (f", {never} never did" if never else ""))
        drawn += _curve(name, values, total, scale, of)
    share = Scale(0, 1, (0, 0.25, 0.5, 0.75, 1))
    late_ms = late_from_ms(report)
    plot = frame(
        HEIGHT_PX,
        f"Share of the trials whose agent had come by then; {'; '.join(told)}.",
        *upward(share, HEIGHT_PX, lambda part: f"{100 * part:.0f} %", top_px=8),
        *across(scale, HEIGHT_PX, of=of),
        *drawn,
        *([_never_label()] if some_lost else []),
        None if late_ms is None else limit(scale, late_ms, HEIGHT_PX, of=of),
    )
    ends = "The lost ones count too: the curve ends below 100 %." if some_lost else None
    return figure("How many had come by then", plot, f"{'; '.join(told)}.", ends)


def _curve(name: str, values: Sequence[float], total: int, scale: Scale, of: float) -> list[Element]:
    """Steps, in a picture of its own whose box is stretched over the plot; then the level at which it ends."""
    points = {round(scale.share(value) * FINE): number / total for number, value in enumerate(values, start=1)}
    top_px = 8
    path = f"M{next(iter(points))} {HEIGHT_PX}"
    for x, share in points.items():
        path += f"H{x}V{round(HEIGHT_PX - share * (HEIGHT_PX - top_px), 1):g}"
    level = len(values) / total
    y = round(HEIGHT_PX - level * (HEIGHT_PX - top_px), 1)
    line = element("path", d=f"{path}H{FINE}", class_=f"curve {name}", vector_effect="non-scaling-stroke")
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
            element("line", class_=f"censored {name}", x1=percent(of), x2="100%", y1=y, y2=y),
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
