"""A dispatch in a call that others made: the facts of a dispatch trial, as far as they can be had from outside."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from lkdiag.checks.facts import DispatchFacts
from lkdiag.checks.watch.call import LISTED_LATER_MS
from lkdiag.timeline import Timeline
from lkdiag.timeline.expectancy import expected_ns

if TYPE_CHECKING:
    from lkdiag.checks.watch.call import CallFacts
    from lkdiag.timeline import Event


@dataclass(frozen=True)
class ObservedFacts(DispatchFacts):
    """What lkdiag knows of its own doings in a trial is here put between two looks: before the one, after the other."""

    call: CallFacts = field(repr=False)
    under_test: str
    """The dispatch's id."""
    types: frozenset[str] = frozenset()
    """Of all jobs of the agent's name that were listed, in whichever call."""

    @cached_property
    def timeline(self) -> Timeline:  # type: ignore[override]
        """The call's, without the ends of other dispatches' observations."""
        return Timeline(
            e for e in self.story if e.kind != "observation.ended" or e.data["dispatch_id"] == self.under_test
        )

    @property
    def finished(self) -> bool:
        """A watch may end at any time: what was seen in part is told apart by itself."""
        return True

    @property
    def is_close(self) -> bool:
        """Nothing else than the looks tells of others' agents."""
        return True

    @property
    def agent_name(self) -> str:
        """The name that was dispatched."""
        return self.call.dispatches[self.under_test]

    @cached_property
    def dispatch_id(self) -> str | None:
        """The one under test."""
        return self.under_test

    @cached_property
    def other_ids(self) -> frozenset[str]:
        """Every other one of the room."""
        listed = (item for event in self.story.of("dispatch.listed") for item in event.data["dispatches"])
        return frozenset(item["dispatch_id"] for item in listed) - {self.under_test}

    # -- when it was made --------------------------------------------------------------------------------------------

    @cached_property
    def first_listing(self) -> Event:
        """The first look that showed it."""
        return next(e for e in self.story.of("dispatch.listed") if self.dispatch_in(e) is not None)

    @cached_property
    def before_watch(self) -> bool:
        """Whether it may have been made before the watch began: it was in the first look at a room that was there."""
        return self.call.existed and self.story.first("dispatch.listed") is self.first_listing

    @cached_property
    def made_ns(self) -> int | None:
        """It was made before that."""
        return self.first_listing.mono_ns

    @cached_property
    def opened_ns(self) -> int | None:
        """It was made after that: the room, or the dispatch in a room that was there, was not there yet."""
        room = self.call.room
        if not self.room_existed and room is not None and "lacked_mono_ns" in room.data:
            return int(room.data["lacked_mono_ns"])
        lacked = [
            e.data["began_mono_ns"]
            for e in self.story.of("api.called")
            if e.data["method"] == "ListDispatch" and e.data["ok"] and e.seq < self.first_listing.seq
        ][:-1]  # the last of them is the one that showed it
        return int(lacked[-1]) if lacked else self.call.started.mono_ns

    @cached_property
    def room_existed(self) -> bool:
        """Whether the room was clearly made before the dispatch."""
        made_ms, room_ms = self.created_ms_of(self.under_test), self.creation_ms
        if made_ms is None or room_ms is None:
            return self.call.existed
        return made_ms - room_ms > LISTED_LATER_MS

    @cached_property
    def expected_ns(self) -> int | None:
        """From when on its agent was due at the latest; None where nobody was there for whom it had to come."""
        assert self.made_ns is not None, "it was listed"
        before_end = (e for e in self.story if e.mono_ns <= self.closing_began_ns)
        return expected_ns(self.types, self.made_ns, before_end)

    # -- when the look at it ended -----------------------------------------------------------------------------------

    @cached_property
    def closing_began_ns(self) -> int:
        """When it was waited for no longer, or the call was over."""
        ended = self.timeline.first("observation.ended")
        return min(self.call.ended_ns, self.call.ended_ns if ended is None else ended.mono_ns)

    # -- times -------------------------------------------------------------------------------------------------------

    @property
    def waited_ms(self) -> float:
        """How long the dispatch had nobody to serve, where its worker serves participants."""
        if self.origin_ms is None or self.types & {"JT_ROOM"} or "JT_PARTICIPANT" not in self.types:
            return 0.0
        first_ms = min((stay.joined_at_ms for stay in self.call.people), default=None)
        return 0.0 if first_ms is None else max(0.0, first_ms - self.origin_ms)

    @property
    def latency_ms(self) -> float | None:
        """As in a trial; for a worker that serves participants it begins with the first of them."""
        whole_ms = super().latency_ms
        return None if whole_ms is None else round(whole_ms - self.waited_ms, 1)
