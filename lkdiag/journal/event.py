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


class _WithRow(Generic[R]):
    """Makes an event's row when it is first asked for, and keeps it: a trial's checks ask for it again and again."""

    __slots__ = ("row",)
    row: R
    """What the event says, by the fields of its kind. It is no field of the event."""

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if name != "row":
                raise AttributeError(name)
            row = row_of(self.kind, self.data)
            _set(self, name, row)
            return row


@dataclass(frozen=True, slots=True)
class Event(_WithRow[R]):
    """A fact, in the past tense, with when it was seen.

    `at_ns` is the wall clock of this machine (Unix, nanoseconds), for comparison with other logs; `mono_ns` its
    monotonic clock, for differences. What it says is read by `row`; `data` is what stands in the file.
    """

    seq: int
    kind: str
    at_ns: int
    mono_ns: int
    trial: int | None = None
    data: Data = field(default_factory=dict)


_set = object.__setattr__
