"""A run's events in their order: by kind, by trial, by shard."""

from __future__ import annotations

from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast, runtime_checkable

from lkdiag.journal.event import is_ground_truth
from lkdiag.journal.row import Row
from lkdiag.journal.run_kinds import RunStarted, ShardBegan, ShardEnded
from lkdiag.journal.trial_kinds import TrialPrepared, TrialStarted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from lkdiag.journal.event import Event


# Where a run's events come from: from memory, from a file that is read anew each time, from one after another.

if TYPE_CHECKING:
    Wanted = Callable[[str, int | None], bool]
    """Whether an event of that kind and trial is wanted."""


@runtime_checkable
class Selective(Protocol):
    """Events that need not all be made to find those that are wanted."""

    def selected(self, wanted: Wanted) -> Iterator[Event]:
        """Those of which `wanted` says so; it is asked for every one, in their order."""


class InARow:
    """The events of several sources, one source after the other. Can be read as often as they can."""

    def __init__(self, *sources: Iterable[Event]) -> None:
        self._sources = sources

    def __iter__(self) -> Iterator[Event]:
        return chain.from_iterable(self._sources)

    def selected(self, wanted: Wanted) -> Iterator[Event]:
        """Those of which `wanted` says so; it is asked for every one, in their order."""
        return chain.from_iterable(selected(source, wanted) for source in self._sources)


def selected(events: Iterable[Event], wanted: Wanted) -> Iterator[Event]:
    """Those of which `wanted` says so; it is asked for every one, in their order."""
    if isinstance(events, Selective):
        return events.selected(wanted)
    return (event for event in events if wanted(event.kind, event.trial))


# Immutable queries over events. What lkdiag broke on purpose is not in it.

R = TypeVar("R", bound=Row)


class Timeline:
    """The events of a run or of a trial, in the order in which they were recorded."""

    def __init__(self, events: Iterable[Event]) -> None:
        self._events: tuple[Event[Any], ...] = tuple(event for event in events if not is_ground_truth(event.kind))

    def __iter__(self) -> Iterator[Event]:
        return iter(self._events)

    def __len__(self) -> int:
        return len(self._events)

    def of(self, *rows: type[R]) -> tuple[Event[R], ...]:
        """Every event of these kinds."""
        kinds = rows[0].KINDS if len(rows) == 1 else [kind for row in rows for kind in row.KINDS]
        if len(kinds) != 1:
            kinds = [kind for kind in kinds if kind in self._by_kind]
        if len(kinds) > 1:
            return tuple(event for event in self._events if event.kind in kinds)
        return self._by_kind.get(kinds[0], ()) if kinds else ()

    def first(self, *rows: type[R]) -> Event[R] | None:
        """The first event of these kinds, or None."""
        found = self.of(*rows)
        return found[0] if found else None

    def last(self, *rows: type[R]) -> Event[R] | None:
        """The last event of these kinds, or None."""
        found = self.of(*rows)
        return found[-1] if found else None

    @cached_property
    def _by_kind(self) -> dict[str, tuple[Event[Any], ...]]:
        """A trial is asked for a hundred kinds, and has only a few of them."""
        found: dict[str, list[Event[Any]]] = {}
        for event in self._events:
            found.setdefault(event.kind, []).append(event)
        return {kind: tuple(events) for kind, events in found.items()}

    def prelude(self) -> Timeline:
        """Of a trial: what came before `trial.prepared`, but for its beginning; empty where there was nothing."""
        prepared = self.first(TrialPrepared)
        before = () if prepared is None else (e for e in self._events if e.seq < prepared.seq)
        return Timeline(event for event in before if event.kind != TrialStarted.KIND)

    def judged(self) -> Timeline:
        """Of a trial: its beginning, and everything but the prelude."""
        prepared = self.first(TrialPrepared)
        if prepared is None:
            return self
        return Timeline(e for e in self._events if e.seq >= prepared.seq or e.kind == TrialStarted.KIND)

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


# A run that was put together of several processes' journals: which events were stamped by the same clocks.
#
# Such a journal holds each shard's events, whole and in their order, between `shard.began` and `shard.ended`. Nothing
# tells how the clocks of two machines stand to each other: every time is compared with those of its own shard alone.


def is_merged(started: Event[RunStarted]) -> bool:
    """Whether the run that began so was put together of shards."""
    return started.row.merged is not None


class Whereabouts:
    """Follows a journal: of which shard is each event? None: of the run as a whole, or of its only process."""

    def __init__(self) -> None:
        self._shard: int | None = None

    def of(self, event: Event) -> int | None:
        """It takes every event of a selection in which those that open and close a shard are."""
        if event.kind == ShardBegan.KIND:
            self._shard = cast("Event[ShardBegan]", event).row.index
        shard = self._shard
        if event.kind == ShardEnded.KIND:
            self._shard = None
        return shard


def take_apart(run: Timeline) -> dict[int | None, Timeline]:
    """What belongs to no trial, by shard; under None what the run says of itself."""
    where = Whereabouts()
    found: dict[int | None, list[Event]] = {None: []}
    for event in run:
        found.setdefault(where.of(event), []).append(event)
    return {shard: Timeline(events) for shard, events in found.items()}
