"""A rate of loss and its interval, as a picture beside its figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.render.html.markup import element
from lkdiag.render.html.plot import across, figure, frame, percent
from lkdiag.render.html.scale import Scale
from lkdiag.render.wording import rate

if TYPE_CHECKING:
    from collections.abc import Mapping
    from xml.etree.ElementTree import Element

    from lkdiag.report.value import DispatchSummary

LINE_PX = 30


def interval(groups: Mapping[str, DispatchSummary]) -> Element | None:
    """A bar from the lower to the upper end, a mark at the rate; None where none could be judged."""
    known = {name: summary.lost_rate for name, summary in groups.items() if summary.lost_rate.value is not None}
    scale = Scale(0, 1, (0, 0.25, 0.5, 0.75, 1))
    drawn: list[Element] = []
    for number, (name, lost) in enumerate(known.items()):
        y = LINE_PX * number + LINE_PX / 2
        low, value, high = lost.low or 0.0, lost.value or 0.0, lost.high or 0.0
        title = element("title", f"{name}: {rate(lost)}")
        width = percent(max(high - low, 0.004))
        drawn += [
            element("text", name, class_="tick end", x=-8, y=y + 4),
            element("rect", title, class_=f"range {name}", x=percent(low), width=width, y=y - 5, height=10),
            element("line", class_="value", x1=percent(value), x2=percent(value), y1=y - 9, y2=y + 9),
        ]
    if not drawn:
        return None
    height_px = LINE_PX * len(known)
    told = "; ".join(f"{name}: {rate(lost)}" for name, lost in known.items())
    axis = across(scale, height_px, lambda share: f"{100 * share:.0f} %")
    plot = frame(height_px, f"Lost, with the 95 % interval. {told}.", *axis, *drawn, kind="lanes")
    return figure("Lost, and how sure that is", plot, "Line: the rate. Bar: its 95 % (Wilson) interval.")
