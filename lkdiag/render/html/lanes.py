"""A trial's story as a picture: a lane for each of those who take part, a dot for each thing that happened."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from lkdiag.render.html.markup import element
from lkdiag.render.html.plot import across, at_tick, frame, percent
from lkdiag.render.html.scale import stretched
from lkdiag.render.wording import offset, plural

if TYPE_CHECKING:
    from collections.abc import Sequence
    from xml.etree.ElementTree import Element

    from lkdiag.report.value import TimelineLine

ORDER = (
    "lkdiag",
    "api",
    "room",
    "dispatch",
    "worker",
    "log",
    "agent",
    "caller",
    "human",
    "client",
    "cleanup",
    "webhook",
)
"""From the one who asks to those who come; other lanes stand below, as they turn up."""
LANE_PX = 24
LONGEST_NAME = 10
"""Characters of a lane's name that its label has room for."""


def lanes(timeline: Sequence[TimelineLine]) -> Element:
    """Needs at least one line. A dot's text is shown on hovering; the table beside the picture has all of them."""
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
