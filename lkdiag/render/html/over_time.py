"""The latencies in the order of the run, each where its trial began: a pattern in time shows. The lost are marked."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from lkdiag.checks.verdict import Outcome
from lkdiag.render.html.distribution import CAME, late_from_ms
from lkdiag.render.html.markup import element
from lkdiag.render.html.plot import across, figure, frame, percent, up, upward
from lkdiag.render.html.scale import clock
from lkdiag.render.wording import duration, plural

if TYPE_CHECKING:
    from collections.abc import Sequence
    from xml.etree.ElementTree import Element

    from lkdiag.render.html.scale import Scale
    from lkdiag.report.value import DispatchReport, TrialReport

HEIGHT_PX = 230
WITHOUT_LATENCIES_PX = 60
BAND_PX = 34
"""Above the latencies, for trials that have none."""


def symbols() -> Element:
    """The marks, once a page, for `use`."""
    drawn = {
        Outcome.DELIVERED: element("circle", r=3.5),
        Outcome.DELAYED: element("path", d="M0-5L5 4H-5Z"),
        Outcome.DROPPED: element("path", d="M-4-4L4 4M-4 4L4-4"),
        Outcome.ERROR: element("path", d="M-4-4H4V4H-4Z"),
        Outcome.INCONCLUSIVE: element("path", d="M0-5L5 0L0 5L-5 0Z"),
    }
    marks = [element("g", shape, id=f"mark-{outcome}") for outcome, shape in drawn.items()]
    return element(
        "svg", element("defs", *marks), width=0, height=0, aria_hidden="true", focusable="false", class_="off"
    )


def over_time(report: DispatchReport, latency: Scale | None) -> Element:
    """Of all trials, the control's hollow."""
    times = [datetime.fromisoformat(trial.started_at).timestamp() for trial in report.trials]
    run = clock(times)
    band = latency is None or any(_has_no_latency(trial) for trial in report.trials)
    top_px = BAND_PX + 8 if band else 8
    height_px = WITHOUT_LATENCIES_PX if latency is None else HEIGHT_PX
    late_ms = late_from_ms(report)
    drawn: list[Element] = []
    if band:
        drawn.append(element("text", "none", class_="tick end", x=-6, y=BAND_PX / 2 + 4))
        drawn.append(element("line", class_="axis", x1="0", x2="100%", y1=BAND_PX, y2=BAND_PX))
    if latency is not None:
        drawn += upward(latency, height_px, top_px=top_px)
        if late_ms is not None and latency.contains(late_ms):
            y = up(latency, late_ms, height_px, top_px)
            title = element("title", f"late from {duration(late_ms)} on")
            drawn.append(element("line", title, class_="limit", x1="0", x2="100%", y1=y, y2=y))
    for trial, at_s in zip(report.trials, times, strict=True):
        if latency is None or trial.latency_ms is None or _has_no_latency(trial):
            y = BAND_PX / 2
        else:
            y = up(latency, trial.latency_ms, height_px, top_px)
        drawn.append(_mark(trial, percent(run.share(at_s)), y))
    sub_minute = len(run.ticks) > 1 and run.ticks[1] - run.ticks[0] < 60
    plot = frame(
        height_px, _told(report.trials), *across(run, height_px, lambda at_s: _hour(at_s, seconds=sub_minute)), *drawn
    )
    what = "Up: latency. Across: when the trial began, UTC."
    return figure("Over the run", plot, what, _legend(report.trials))


def _has_no_latency(trial: TrialReport) -> bool:
    return trial.outcome not in CAME or trial.latency_ms is None


def _mark(trial: TrialReport, x: str, y: float) -> Element:
    latency = "" if _has_no_latency(trial) else f", {duration(trial.latency_ms)}"
    control = " control" if trial.role == "control" else ""
    words = f"trial {trial.index}{f' ({trial.role})' if control else ''}: {trial.outcome}{latency}"
    return element(
        "use", element("title", words), href=f"#mark-{trial.outcome}", class_=f"mark {trial.outcome}{control}", x=x, y=y
    )


def _legend(trials: Sequence[TrialReport]) -> Element:
    """What the marks mean, of those that are there."""
    items = []
    for outcome in Outcome:
        if any(trial.outcome is outcome for trial in trials):
            shape = element("use", href=f"#mark-{outcome}", class_=f"mark {outcome}", x=7, y=7)
            items.append(element("li", element("svg", shape, width=14, height=14, aria_hidden="true"), f" {outcome}"))
    if any(trial.role == "control" for trial in trials):
        shape = element("use", href=f"#mark-{Outcome.DELIVERED}", class_="mark delivered control", x=7, y=7)
        items.append(element("li", element("svg", shape, width=14, height=14, aria_hidden="true"), " hollow: control"))
    return element("ul", *items, class_="legend")


def _told(trials: Sequence[TrialReport]) -> str:
    without = sum(_has_no_latency(trial) for trial in trials)
    return (
        f"Latency of {plural(len(trials), 'trial')} in the order of the run; {without} without a latency stand above. "
        "The table of trials has every value."
    )


def _hour(at_s: float, *, seconds: bool) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%H:%M:%S" if seconds else "%H:%M")
