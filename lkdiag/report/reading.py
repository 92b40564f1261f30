"""Reads a run's events twice: first for what all trials have to know of it, then trial by trial.

What is in memory at a time are the run's own events, those of the trials that had begun and not ended at that place of
the journal, and whatever is made of the trials that ended.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lkdiag.timeline import Timeline, is_ground_truth
from lkdiag.timeline.sources import selected

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from lkdiag.timeline import Event

LAST = "trial.finished"
"""What follows it (a worker's log, read when the run is over) is rare."""


@dataclass
class FirstReading:
    """What the first reading leaves."""

    run: Timeline
    """What belongs to no trial, but for the many exchanges of clocks."""
    late: dict[int, list[Event]] = field(default_factory=dict)
    """By trial, what came after its end."""


def read_first(events: Iterable[Event], kinds: Collection[str], note: Callable[[Event], None]) -> FirstReading:
    """Hand every event of these kinds to `note`, and keep the run's own, and what came late."""
    ended: set[int] = set()
    late: dict[int, list[Event]] = {}
    run: list[Event] = []

    def wanted(kind: str, trial: int | None) -> bool:
        return (trial is None or kind in kinds or kind == LAST or trial in ended) and not is_ground_truth(kind)

    for event in selected(events, wanted):
        trial = event.trial
        if event.kind in kinds:
            note(event)
        if trial is None:
            if event.kind != "clock.sampled":
                run.append(event)
        elif trial in ended:
            late.setdefault(trial, []).append(event)
        elif event.kind == LAST:
            ended.add(trial)
    return FirstReading(Timeline(run), late)


def trials_of(events: Iterable[Event], late: dict[int, list[Event]]) -> Iterator[tuple[int, Timeline]]:
    """Each trial with all of its events as soon as it has ended, then those that never did.

    One that was not begun is passed over. `late` is used up.
    """
    ended: set[int] = set()
    under_way: dict[int, list[Event]] = {}
    for event in events:
        trial = event.trial
        if trial is None or trial in ended:
            continue
        under_way.setdefault(trial, []).append(event)
        if event.kind == LAST:
            ended.add(trial)
            yield from _begun(trial, [*under_way.pop(trial), *late.pop(trial, ())])
    while under_way:
        trial = next(iter(under_way))
        yield from _begun(trial, under_way.pop(trial))


def _begun(trial: int, events: list[Event]) -> Iterator[tuple[int, Timeline]]:
    timeline = Timeline(events)
    if timeline.first("trial.started") is not None:
        yield trial, timeline
