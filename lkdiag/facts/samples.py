"""What lkdiag saw of itself: when its event loop stood still or came late, and when its processors were taken."""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

from lkdiag.journal.run_kinds import ServerStarted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from lkdiag.journal.run_kinds import LkdiagSampled, RunStarted


STALL_MS = 200.0
"""From that on a lag is an event of its own (`lkdiag.stalled`)."""
TIMER_MS = 1.0
"""By so much each timer may be late with nothing in its way: epoll waits whole milliseconds, which CPython rounds up
(3.11 Lib/selectors.py, EpollSelector.select)."""
_HERE = re.compile(r"private livekit-server|(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?")
"""As `run.started` names the server's host."""
WAITED_MIN_SHARE = 0.5
"""Others may take the processors without harm: a second is not counted in which the threads of lkdiag and of a private
server had to wait for a processor for less than that, all together. Measured: 0.02 to 0.6 while it polls a room under
an ordinary load, 0.9 to 5 where agents came late for it (8 or 40 busy processes, or 60 to 200 trials at a time)."""


@dataclass(frozen=True, slots=True)
class Stall:
    """lkdiag's own event loop stood still: between two times (monotonic nanoseconds), and by how much in all.

    `late_ms` may be more than lies between them: the monotonic clock does not go on while the machine sleeps.
    """

    began_ns: int
    ended_ns: int
    late_ms: float


class Stalls:
    """All of a run's, of which those of a time are found without a look at the others."""

    def __init__(self, stalls: Iterable[Stall]) -> None:
        self._stalls = sorted(stalls, key=lambda stall: stall.began_ns)
        self._began_ns = [stall.began_ns for stall in self._stalls]
        self._ended_by_ns = list(accumulate((stall.ended_ns for stall in self._stalls), max))
        """By when each of them and all before it had ended."""

    def during(self, from_ns: int, until_ns: int) -> Iterator[Stall]:
        """Those that have something of that time, ends included, in their order."""
        for at in range(bisect_left(self._ended_by_ns, from_ns), len(self._stalls)):
            if self._began_ns[at] > until_ns:
                return
            if self._stalls[at].ended_ns >= from_ns:
                yield self._stalls[at]

    def late_ms(self, from_ns: int, until_ns: int) -> float:
        """For how long, in all, it stood still in that time, or in stalls that reach into it."""
        return sum(stall.late_ms for stall in self.during(from_ns, until_ns))


@dataclass(frozen=True)
class Sample:
    """What lkdiag saw of itself between two times (monotonic nanoseconds)."""

    began_ns: int
    ended_ns: int
    lags_ms: array[float]
    """By how much the loop came late, look after look."""
    busy_ms: float
    """For how long the processors were taken, to lkdiag's or the private server's harm."""

    def late_ms(self, from_ns: int, to_ns: int) -> float:
        """By how much the loop came late in all, at the looks that have something of that time, but for stalls."""
        if from_ns <= self.began_ns and self.ended_ns <= to_ns:
            return sum(map(_small, self.lags_ms))
        # the looks are equally far apart, but for their lags; the first may have begun before the sample
        whole_ms = (self.ended_ns - self.began_ns) / 1e6
        apart_ms = max(0.0, whole_ms - sum(self.lags_ms)) / max(1, len(self.lags_ms))
        from_ms, to_ms = (from_ns - self.began_ns) / 1e6 - apart_ms, (to_ns - self.began_ns) / 1e6 + apart_ms
        late_ms, at_ms = 0.0, 0.0
        for lag_ms in self.lags_ms:
            until_ms = at_ms + apart_ms + lag_ms
            if until_ms > from_ms and at_ms < to_ms:
                late_ms += _small(lag_ms)
            at_ms = until_ms
        return late_ms


class Samples:
    """All of a run's, in their order, of which those of a time are found without a look at the others."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        self._samples = samples
        self._ended_ns = [sample.ended_ns for sample in samples]

    def during(self, from_ns: int, to_ns: int) -> Iterator[Sample]:
        """Those that have something of that time."""
        for at in range(bisect_right(self._ended_ns, from_ns), len(self._samples)):
            if self._samples[at].began_ns >= to_ns:
                return
            yield self._samples[at]


def sample_of(sampled: LkdiagSampled, mono_ns: int) -> Sample:
    """What an event `lkdiag.sampled` says, which was seen at that time."""
    began_ns, waited_ms = sampled.began_mono_ns, sampled.waited_ms
    harmed = waited_ms is None or waited_ms >= (mono_ns - began_ns) / 1e6 * WAITED_MIN_SHARE
    return Sample(began_ns, mono_ns, array("f", sampled.lags_ms), float(sampled.busy_ms) if harmed else 0.0)


def _small(lag_ms: float) -> float:
    """What there is of a lag beyond the timer's own, if it is no stall of its own."""
    return max(0.0, lag_ms - TIMER_MS) if lag_ms < STALL_MS else 0.0


def is_here(row: RunStarted | ServerStarted) -> bool:
    """Whether `run.started` or `server.started` says that the server runs on this machine.

    Then lkdiag's load is the server's trouble too.
    """
    return isinstance(row, ServerStarted) or bool(_HERE.fullmatch(row.project_host))
