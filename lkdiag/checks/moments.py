"""Many moments of a run, kept small, of which those in a span of time are found at once."""

from __future__ import annotations

from array import array
from bisect import bisect_right


class Moments:
    """Monotonic nanoseconds. They are recorded in their order, but for those of a second machine."""

    def __init__(self) -> None:
        self._at_ns = array("q")
        self._sorted = True

    def __len__(self) -> int:
        return len(self._at_ns)

    def add(self, at_ns: int) -> None:
        """One more."""
        self._sorted = self._sorted and (not self._at_ns or self._at_ns[-1] <= at_ns)
        self._at_ns.append(at_ns)

    def first_after(self, at_ns: int) -> int | None:
        """The earliest that is later than that; None where there is none."""
        if not self._sorted:
            self._at_ns = array("q", sorted(self._at_ns))
            self._sorted = True
        found = bisect_right(self._at_ns, at_ns)
        return self._at_ns[found] if found < len(self._at_ns) else None
