"""One fact of a run, as it stands in a line of the journal."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Data = dict[str, Any]

GROUND_TRUTH_KINDS = frozenset({"fault.drawn", "scenario.read"})
GROUND_TRUTH_PREFIX = "staged."
"""What the workers do that lkdiag plays as somebody else's."""


def is_ground_truth(kind: str) -> bool:
    """Whether it says what lkdiag itself broke on purpose: that is for measuring lkdiag, and no check sees it."""
    return kind in GROUND_TRUTH_KINDS or kind.startswith(GROUND_TRUTH_PREFIX)


@dataclass(frozen=True, slots=True)
class Event:
    """A fact, in the past tense, with when it was seen.

    `at_ns` is the wall clock of this machine (Unix, nanoseconds), for reading beside other logs; `mono_ns`
    its monotonic clock, for differences. Times that the server gave stand in `data` under the server's names.
    """

    seq: int
    kind: str
    at_ns: int
    mono_ns: int
    trial: int | None = None
    data: Data = field(default_factory=dict)
