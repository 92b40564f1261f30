"""A call that others made and lkdiag watched: who was in it, how it ended, and its dispatches, as seen from outside."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from lkdiag.facts.dispatch import DispatchFacts
from lkdiag.journal.attribution import expected_ns
from lkdiag.journal.presence import Stay, alone_spells, emptied_ns, stays_of
from lkdiag.journal.timeline import Timeline
from lkdiag.journal.trial_kinds import (
    ApiCalled,
    DispatchListed,
    ObservationEnded,
    RoomClosed,
    RoomCreated,
    RoomExisted,
    RoomOpened,
    TrialStarted,
)

if TYPE_CHECKING:
    from collections.abc import Collection

    from lkdiag.journal.event import Event
    from lkdiag.journal.presence import Alone

LISTED_LATER_MS = 1000.0
"""A dispatch that is not made so much later than its room was made with it: by createRoom or a token, which make it at
once (within some milliseconds, measured), or by createDispatch right afterwards."""


@dataclass(frozen=True)
class WatchedCallFacts:
    """Times ending in `_ns` are this machine's, monotonic."""

    number: int
    story: Timeline = field(repr=False)

    @cached_property
    def started(self) -> Event[TrialStarted]:
        """When the room was found."""
        event = self.story.first(TrialStarted)
        assert event is not None, "a call's timeline begins with trial.started"
        return event

    @cached_property
    def room(self) -> Event[RoomOpened] | None:
        """How the room was found: made since the watch began, or there before."""
        return self.story.first(RoomCreated, RoomExisted)

    @property
    def existed(self) -> bool:
        """Whether the room was there before the watch began."""
        return self.story.first(RoomCreated) is None

    @cached_property
    def stays(self) -> tuple[Stay, ...]:
        """Everybody who was seen."""
        return stays_of(self.story)

    @cached_property
    def people(self) -> tuple[Stay, ...]:
        """Those who are neither agents nor recorders."""
        return tuple(stay for stay in self.stays if stay.is_person)

    @cached_property
    def closed_ns(self) -> int | None:
        """Since when listRooms knew the room no longer; None where it was still there."""
        closed = self.story.first(RoomClosed)
        return None if closed is None else closed.row.missing_mono_ns or closed.mono_ns

    @cached_property
    def emptied_ns(self) -> int | None:
        """When the last person had left, and nobody came again."""
        return emptied_ns(self.stays)

    @cached_property
    def ended_ns(self) -> int:
        """When the call was over; when the watch was, where it was not."""
        ends = [at for at in (self.closed_ns, self.emptied_ns) if at is not None]
        return min(ends, default=self.last_ns)

    @cached_property
    def last_ns(self) -> int:
        """When anything was seen of it for the last time. A worker's log is read later."""
        return max(event.mono_ns for event in self.story if not event.kind.startswith("worker_log."))

    @property
    def is_over(self) -> bool:
        """Whether its end was seen."""
        return self.closed_ns is not None or self.emptied_ns is not None

    @cached_property
    def last_look_ns(self) -> int | None:
        """The last answered look at the participants."""
        looks = [e for e in self.story.of(ApiCalled) if e.row.method == "ListParticipants" and e.row.ok]
        return max((e.mono_ns for e in looks), default=None)

    @cached_property
    def alone(self) -> Alone | None:
        """The longest time for which somebody was left alone."""
        return max(alone_spells(self.stays), key=self.alone_s, default=None)

    def alone_s(self, spell: Alone) -> float:
        """For how many seconds, as far as it was seen."""
        ends = [at for at in (spell.until_ns, self.closed_ns) if at is not None]
        until_ns = min(ends, default=self.last_look_ns or spell.since_ns)
        return max(0.0, (until_ns - spell.since_ns) / 1e9)

    def is_alone_still(self, spell: Alone) -> bool:
        """Whether it was so when the watch ended."""
        return spell.until_ns is None and self.closed_ns is None

    @cached_property
    def dispatches(self) -> dict[str, str]:
        """Agent name by id, of every dispatch that was listed, in the order of their coming.

        A room that was made without one has a dispatch without a name (livekit-server 1.13.5, measured): somebody's it
        is only once a job of it is listed, by which an automatic worker was called.
        """
        named: dict[str, str] = {}
        for listing in self.story.of(DispatchListed):
            for item in listing.row.dispatches:
                if item["agent_name"] or item["jobs"]:
                    named.setdefault(item["dispatch_id"], item["agent_name"])
        return named

    @cached_property
    def job_types(self) -> dict[str, set[str]]:
        """Of the jobs that were listed, by agent name."""
        found: dict[str, set[str]] = {}
        for listing in self.story.of(DispatchListed):
            for item in listing.row.dispatches:
                types = {job["type"] for job in item["jobs"] if job.get("type")}
                found.setdefault(item["agent_name"], set()).update(types)
        return found

    def wanted(self, agent_name: str | None) -> Collection[str]:
        """The dispatches that are judged."""
        return [i for i, name in self.dispatches.items() if agent_name in (None, name)]


@dataclass(frozen=True)
class WatchedDispatchFacts(DispatchFacts):
    """The facts of a dispatch trial, as far as they can be had from outside.

    What lkdiag knows of its own doings in a trial is here put between two looks: before the one, after the other.
    """

    call: WatchedCallFacts = field(repr=False)
    under_test: str
    """The dispatch's id."""
    types: frozenset[str] = frozenset()
    """Of all jobs of the agent's name that were listed, in whichever call."""

    @cached_property
    def timeline(self) -> Timeline:  # type: ignore[override]
        """The call's, without the ends of other dispatches' observations."""
        return Timeline(
            e
            for e in self.story
            if not isinstance(row := e.row, ObservationEnded) or row.dispatch_id == self.under_test
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
        listed = (item for event in self.story.of(DispatchListed) for item in event.row.dispatches)
        return frozenset(item["dispatch_id"] for item in listed) - {self.under_test}

    # -- when it was made --------------------------------------------------------------------------------------------

    @cached_property
    def first_listing(self) -> Event[DispatchListed]:
        """The first look that showed it."""
        return next(e for e in self.story.of(DispatchListed) if self.dispatch_in(e) is not None)

    @cached_property
    def before_watch(self) -> bool:
        """Whether it may have been made before the watch began: it was in the first look at a room that was there."""
        return self.call.existed and self.story.first(DispatchListed) is self.first_listing

    @cached_property
    def made_ns(self) -> int | None:
        """It was made before that."""
        return self.first_listing.mono_ns

    @cached_property
    def opened_ns(self) -> int | None:
        """It was made after that: the room, or the dispatch in a room that was there, was not there yet."""
        room = self.call.room
        if not self.room_existed and room is not None and room.row.lacked_mono_ns is not None:
            return room.row.lacked_mono_ns
        lacked = [
            e.row.began_mono_ns
            for e in self.story.of(ApiCalled)
            if e.row.method == "ListDispatch" and e.row.ok and e.seq < self.first_listing.seq
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
        ended = self.timeline.first(ObservationEnded)
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
