"""The server's clock against this machine's, from exchanges between which a server's timestamp must lie."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lkdiag.timeline.timeline import Timeline


@dataclass(frozen=True)
class ClockEstimate:
    """`offset_ms` is to be added to this machine's wall clock; the truth lies within `error_ms` of it."""

    offset_ms: float
    error_ms: float

    def server_ms(self, at_ns: int) -> float:
        """When that was on the server's clock (Unix, milliseconds)."""
        return at_ns / 1e6 + self.offset_ms


def estimate_clock(timeline: Timeline) -> ClockEstimate | None:
    """From the worker's pongs and the rooms' creation, as in Cristian's algorithm; None without any.

    The server took its timestamp (in whole milliseconds, so up to one later) between our question and its answer.
    All exchanges together leave the narrowest interval; if a clock was set in between and they contradict each
    other, the narrowest single one stands.
    """
    bounds = [
        (data["server_ms"] - data["after_ns"] / 1e6, data["server_ms"] + 1 - data["before_ns"] / 1e6)
        for data in (event.data for event in timeline.of("clock.sampled"))
    ]
    seen: set[str] = set()
    for event in timeline.of("room.created"):
        # a room that came back under its old name is older than the question
        if "before_ns" in event.data and event.data["sid"] not in seen:
            created_ms = event.data["creation_time_ms"]
            bounds.append((created_ms - event.at_ns / 1e6, created_ms + 1 - event.data["before_ns"] / 1e6))
        seen.add(event.data["sid"])
    if not bounds:
        return None
    low, high = max(bound[0] for bound in bounds), min(bound[1] for bound in bounds)
    if low > high:
        low, high = min(bounds, key=lambda bound: bound[1] - bound[0])
    return ClockEstimate(offset_ms=(low + high) / 2, error_ms=(high - low) / 2)
