"""The server's clock against this machine's, from exchanges between which a server's timestamp must lie.

This machine's is the monotonic one: its wall clock may be set in the middle of a run.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lkdiag.journal.run_kinds import ClockSampled
from lkdiag.journal.trial_kinds import RoomCreated

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lkdiag.journal.event import Event

EXCHANGES = (ClockSampled, RoomCreated)
"""The events that tell of an exchange."""
KINDS = frozenset(row.KIND for row in EXCHANGES)


@dataclass(frozen=True, slots=True)
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


class Clocks:
    """Takes the exchanges out of a run's events, one after another."""

    def __init__(self) -> None:
        self._pongs: list[ClockSample] = []
        self._rooms: list[ClockSample] = []
        self._newest_ms: dict[str, int] = {}

    def note(self, event: Event) -> None:
        """Take one of KINDS: a worker's pong, or a room's creation."""
        row = event.row
        if isinstance(row, ClockSampled):
            between = {"before_ns": row.before_ns, "after_ns": row.after_ns}
            self._pongs.append(ClockSample.of(event, **between, server_ms=row.server_ms))
        elif isinstance(row, RoomCreated):
            # a room that came back under its old name is older than the question
            newest_ms = self._newest_ms.get(row.name, 0)
            self._newest_ms[row.name] = max(row.creation_time_ms, newest_ms)
            if row.before_ns is not None and row.creation_time_ms > newest_ms:
                between = {"before_ns": row.before_ns, "after_ns": event.at_ns}
                self._rooms.append(ClockSample.of(event, **between, server_ms=row.creation_time_ms))

    def samples(self) -> tuple[ClockSample, ...]:
        """All of them: the pongs, then the rooms."""
        return (*self._pongs, *self._rooms)


class ClockTrack:
    """All exchanges of a run, of which those near a trial are found without a look at the others."""

    def __init__(self, samples: Iterable[ClockSample]) -> None:
        self._samples = sorted(samples, key=lambda sample: sample.mono_ns)
        self._at_ns = [sample.mono_ns for sample in self._samples]
        self._low_ms = [sample.low_ms for sample in self._samples]
        self._high_ms = [sample.high_ms for sample in self._samples]

    def between(self, from_ns: int, until_ns: int) -> ClockEstimate | None:
        """By the exchanges of that time, both ends included."""
        first, last = bisect_left(self._at_ns, from_ns), bisect_right(self._at_ns, until_ns)
        if first >= last:
            return None
        return _estimate(self._low_ms[first:last], self._high_ms[first:last], self._samples, first)


def estimate_clock(samples: Iterable[ClockSample]) -> ClockEstimate | None:
    """As in Cristian's algorithm; None without a sample.

    All exchanges together leave the narrowest interval. If they contradict each other (a clock was set in between, or
    this machine slept), the narrowest single one stands, and the error covers the contradiction.
    """
    bounds = list(samples)
    if not bounds:
        return None
    return _estimate([one.low_ms for one in bounds], [one.high_ms for one in bounds], bounds, 0)


def _estimate(
    low_ms: Sequence[float], high_ms: Sequence[float], samples: Sequence[ClockSample], first: int
) -> ClockEstimate:
    """From the bounds of `samples` from `first` on."""
    low, high = max(low_ms), min(high_ms)
    apart_ms = max(0.0, low - high)
    if apart_ms:
        bounds = samples[first : first + len(low_ms)]
        narrowest = min(bounds, key=lambda bound: bound.high_ms - bound.low_ms)
        low, high = narrowest.low_ms, narrowest.high_ms
    return ClockEstimate(offset_ms=(low + high) / 2, error_ms=(high - low) / 2 + apart_ms)
