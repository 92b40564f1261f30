"""Immutable queries over events. What lkdiag broke on purpose is not in it."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from lkdiag.timeline.event import is_ground_truth

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from lkdiag.timeline.event import Event


class Timeline:
    """The events of a run or of a trial, in the order in which they were recorded."""

    def __init__(self, events: Iterable[Event]) -> None:
        self._events = tuple(event for event in events if not is_ground_truth(event.kind))

    def __iter__(self) -> Iterator[Event]:
        return iter(self._events)

    def __len__(self) -> int:
        return len(self._events)

    def of(self, *kinds: str) -> tuple[Event, ...]:
        """Every event of these kinds."""
        there = self._there(kinds)
        if len(there) > 1:
            return tuple(event for event in self._events if event.kind in kinds)
        return self._by_kind[there[0]] if there else ()

    def first(self, *kinds: str) -> Event | None:
        """The first event of these kinds, or None."""
        there = self._there(kinds)
        if len(there) > 1:
            return next(event for event in self._events if event.kind in kinds)
        return self._by_kind[there[0]][0] if there else None

    def last(self, *kinds: str) -> Event | None:
        """The last event of these kinds, or None."""
        there = self._there(kinds)
        if len(there) > 1:
            return next(event for event in reversed(self._events) if event.kind in kinds)
        return self._by_kind[there[0]][-1] if there else None

    def _there(self, kinds: Sequence[str]) -> list[str]:
        """Those of these kinds that it has an event of."""
        return [kind for kind in kinds if kind in self._by_kind]

    @cached_property
    def _by_kind(self) -> dict[str, tuple[Event, ...]]:
        """A trial is asked for this and that a hundred times, and has most of it not at all."""
        found: dict[str, list[Event]] = {}
        for event in self._events:
            found.setdefault(event.kind, []).append(event)
        return {kind: tuple(events) for kind, events in found.items()}

    def prelude(self) -> Timeline:
        """Of a trial: what came before `trial.prepared`, but for its beginning; empty where there was nothing."""
        prepared = self.first("trial.prepared")
        before = () if prepared is None else (e for e in self._events if e.seq < prepared.seq)
        return Timeline(event for event in before if event.kind != "trial.started")

    def judged(self) -> Timeline:
        """Of a trial: its beginning, and everything but the prelude."""
        prepared = self.first("trial.prepared")
        if prepared is None:
            return self
        return Timeline(e for e in self._events if e.seq >= prepared.seq or e.kind == "trial.started")

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
