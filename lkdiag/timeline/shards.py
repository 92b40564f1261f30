"""A run that was put together of several processes' journals: which events were stamped by the same clocks.

Such a journal holds each shard's events, whole and in their order, between `shard.began` and `shard.ended`. Nothing
tells how the clocks of two machines stand to each other: every time is compared with those of its own shard alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.timeline.timeline import Timeline

if TYPE_CHECKING:
    from lkdiag.timeline.event import Event

BEGAN, ENDED = "shard.began", "shard.ended"


def is_merged(started: Event) -> bool:
    """Whether the run that began so was put together of shards."""
    return "merged" in started.data


class Whereabouts:
    """Follows a journal: of which shard is each event? None: of the run as a whole, or of its only process."""

    def __init__(self) -> None:
        self._shard: int | None = None

    def of(self, event: Event) -> int | None:
        """It takes every event of a selection in which those that open and close a shard are."""
        if event.kind == BEGAN:
            self._shard = int(event.data["index"])
        shard = self._shard
        if event.kind == ENDED:
            self._shard = None
        return shard


def take_apart(run: Timeline) -> dict[int | None, Timeline]:
    """What belongs to no trial, by shard; under None what the run says of itself."""
    where = Whereabouts()
    found: dict[int | None, list[Event]] = {None: []}
    for event in run:
        found.setdefault(where.of(event), []).append(event)
    return {shard: Timeline(events) for shard, events in found.items()}
