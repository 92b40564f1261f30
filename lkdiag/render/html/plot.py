"""The frame of a chart: axes, grid, labels. Across in per cent and down in pixels, so that it fits any width.

Text keeps its size that way, on a phone too, where a picture with a view box would shrink it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.render.html.markup import element
from lkdiag.render.wording import duration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from xml.etree.ElementTree import Element

    from lkdiag.render.html.scale import Scale

BELOW_PX = 24
"""For the labels below the horizontal axis."""


def at_tick(ms: float) -> str:
    """`200 ms`, `1.5 s`: short, as there is little room at an axis."""
    return f"{ms:g} ms" if abs(ms) < 1000 else f"{ms / 1000:g} s"


def percent(share: float, of: float = 1.0) -> str:
    """A place or a width across."""
    return f"{round(100 * share * of, 2):g}%"


def frame(height_px: float, label: str, *children: Element | None, kind: str = "") -> Element:
    """A picture with room for labels around it; `label` tells in words what it shows."""
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
