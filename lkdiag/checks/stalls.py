"""When lkdiag itself stood still, and for how long."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


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
