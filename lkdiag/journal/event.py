"""One fact of a run, as it stands in a line of the journal."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic

from lkdiag.journal.row import Row, row_of
from lkdiag.journal.run_kinds import FaultDrawn, ScenarioRead

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    R = TypeVar("R", bound=Row, default=Row, covariant=True)
else:
    from typing import TypeVar

    R = TypeVar("R")

Data = dict[str, Any]

GROUND_TRUTH_KINDS = frozenset({FaultDrawn.KIND, ScenarioRead.KIND})
GROUND_TRUTH_PREFIX = "staged."
"""What the workers do that lkdiag plays as somebody else's."""


def is_ground_truth(kind: str) -> bool:
    """Whether it says what lkdiag itself broke on purpose: that is for measuring lkdiag, and no check sees it."""
    return kind in GROUND_TRUTH_KINDS or kind.startswith(GROUND_TRUTH_PREFIX)


class _Remembers:
    """Room for the row, which is made once: a trial's checks ask for it again and again. It is no field of an event."""

    __slots__ = ("_row",)
    _row: Row


@dataclass(frozen=True, slots=True)
class Event(_Remembers, Generic[R]):
    """A fact, in the past tense, with when it was seen.

    `at_ns` is the wall clock of this machine (Unix, nanoseconds), for reading beside other logs; `mono_ns`
    its monotonic clock, for differences. What it says is read by `row`; `data` is what stands in the file.
    """

    seq: int
    kind: str
    at_ns: int
    mono_ns: int
    trial: int | None = None
    data: Data = field(default_factory=dict)

    @property
    def row(self) -> R:
        """What it says, by the fields of its kind."""
        row = getattr(self, "_row", None)
        if row is None:
            row = row_of(self.kind, self.data)
            _set(self, "_row", row)
        return row  # type: ignore[return-value]


_set = object.__setattr__
