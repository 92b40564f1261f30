"""The server's clock against this machine's, from exchanges between which a server's timestamp must lie.

This machine's is the monotonic one: its wall clock may be set in the middle of a run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lkdiag.timeline.event import Event
    from lkdiag.timeline.timeline import Timeline


@dataclass(frozen=True)
class ClockSample:
    """One exchange: the server's clock (Unix, milliseconds) minus the monotonic one lies between the two bounds."""

    mono_ns: int
    low_ms: float
    high_ms: float

    @classmethod
    def of(cls, event: Event, *, before_ns: int, after_ns: int, server_ms: int) -> ClockSample:
        """The server took `server_ms` (whole milliseconds, so up to one later) between two times of the wall clock."""
        wall_to_mono_ns = event.mono_ns - event.at_ns
        return cls(
            event.mono_ns,
            server_ms - (after_ns + wall_to_mono_ns) / 1e6,
            server_ms + 1 - (before_ns + wall_to_mono_ns) / 1e6,
        )


@dataclass(frozen=True)
class ClockEstimate:
    """`offset_ms` is to be added to the monotonic clock; the truth lies within `error_ms` of it."""

    offset_ms: float
    error_ms: float

    def server_ms(self, mono_ns: int) -> float:
        """When that was on the server's clock (Unix, milliseconds)."""
        return mono_ns / 1e6 + self.offset_ms


def clock_samples(timeline: Timeline) -> tuple[ClockSample, ...]:
    """From the worker's pongs and the rooms' creation."""
    samples = [
        ClockSample.of(
            event,
            before_ns=event.data["before_ns"],
            after_ns=event.data["after_ns"],
            server_ms=event.data["server_ms"],
        )
        for event in timeline.of("clock.sampled")
    ]
    newest_ms: dict[str, int] = {}
    for event in timeline.of("room.created"):
        data = event.data
        # a room that came back under its old name is older than the question
        room = str(data.get("room", data["sid"]))
        is_new = data["creation_time_ms"] > newest_ms.get(room, 0)
        newest_ms[room] = max(data["creation_time_ms"], newest_ms.get(room, 0))
        if "before_ns" in data and is_new:
            samples.append(
                ClockSample.of(
                    event, before_ns=data["before_ns"], after_ns=event.at_ns, server_ms=data["creation_time_ms"]
                )
            )
    return tuple(samples)


def estimate_clock(samples: Iterable[ClockSample]) -> ClockEstimate | None:
    """As in Cristian's algorithm; None without a sample.

    All exchanges together leave the narrowest interval. If they contradict each other (a clock was set in between, or
    this machine slept), the narrowest single one stands, and the error covers the contradiction.
    """
    bounds = list(samples)
    if not bounds:
        return None
    low, high = max(bound.low_ms for bound in bounds), min(bound.high_ms for bound in bounds)
    apart_ms = max(0.0, low - high)
    if apart_ms:
        narrowest = min(bounds, key=lambda bound: bound.high_ms - bound.low_ms)
        low, high = narrowest.low_ms, narrowest.high_ms
    return ClockEstimate(offset_ms=(low + high) / 2, error_ms=(high - low) / 2 + apart_ms)
