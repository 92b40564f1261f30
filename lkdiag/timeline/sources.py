"""Where a run's events come from: from memory, from a file that is read anew each time, from one after another."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from lkdiag.timeline.event import Event

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
