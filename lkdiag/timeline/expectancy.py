"""From when on an agent has to be expected: a worker that serves people or publishers is called only by these."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from lkdiag.timeline.event import Event

PEOPLE = ("participant.joined", "participant.changed")
ROOM, PARTICIPANT = "JT_ROOM", "JT_PARTICIPANT"


def expected_ns(types: Collection[str], made_ns: int, events: Iterable[Event]) -> int | None:
    """Monotonic nanoseconds; None where nobody was there for whom the agent would have to come.

    `types` are those of all jobs that were ever listed for the agent's name. Where none was, the worker may serve
    publishers: then it has to be expected only once somebody publishes.
    """
    if ROOM in types:
        return made_ns
    people = [event for event in events if event.kind in PEOPLE]
    called_by = people if PARTICIPANT in types else [event for event in people if event.data["tracks"]]
    first_ns = min((event.mono_ns for event in called_by), default=None)
    return None if first_ns is None else max(made_ns, first_ns)
