"""One fact of a run, as it stands in a line of the journal."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Data = dict[str, Any]

GROUND_TRUTH_KINDS = frozenset({"fault.drawn"})
"""Kinds that say what lkdiag itself broke on purpose. They are for measuring lkdiag, and no check sees them."""


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
