"""Immutable queries over events. What lkdiag broke on purpose is not in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.timeline.event import GROUND_TRUTH_KINDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lkdiag.timeline.event import Event


class Timeline:
    """The events of a run or of a trial, in the order in which they were recorded."""

    def __init__(self, events: Iterable[Event]) -> None:
        self._events = tuple(event for event in events if event.kind not in GROUND_TRUTH_KINDS)

    def __iter__(self) -> Iterator[Event]:
        return iter(self._events)

    def __len__(self) -> int:
        return len(self._events)

    def of(self, *kinds: str) -> tuple[Event, ...]:
        """Every event of these kinds."""
        return tuple(event for event in self._events if event.kind in kinds)

    def first(self, *kinds: str) -> Event | None:
        """The first event of these kinds, or None."""
        return next((event for event in self._events if event.kind in kinds), None)

    def last(self, *kinds: str) -> Event | None:
        """The last event of these kinds, or None."""
        return next((event for event in reversed(self._events) if event.kind in kinds), None)

    def run_level(self) -> Timeline:
        """What belongs to no single trial."""
        return Timeline(event for event in self._events if event.trial is None)

    def by_trial(self) -> dict[int, Timeline]:
        """Each trial's own events, in the order in which the trials began."""
        found: dict[int, list[Event]] = {}
        for event in self._events:
            if event.trial is not None:
                found.setdefault(event.trial, []).append(event)
        return {trial: Timeline(events) for trial, events in found.items()}
