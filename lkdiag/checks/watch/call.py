"""A call that was followed: who was in it, when it ended, and who was left alone in its room."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from lkdiag.timeline.presence import Stay, alone_spells, emptied_ns, stays_of

if TYPE_CHECKING:
    from collections.abc import Collection

    from lkdiag.timeline import Event, Timeline
    from lkdiag.timeline.presence import Alone

LISTED_LATER_MS = 1000.0
"""A dispatch that is not made so much later than its room was made with it: by createRoom or a token, which make it at
once (within some milliseconds, measured), or by createDispatch right afterwards."""


@dataclass(frozen=True)
class CallFacts:
    """Times ending in `_ns` are this machine's, monotonic."""

    number: int
    story: Timeline = field(repr=False)

    @cached_property
    def started(self) -> Event:
        """When the room was found."""
        event = self.story.first("trial.started")
        assert event is not None, "a call's timeline begins with trial.started"
        return event

    @cached_property
    def room(self) -> Event | None:
        """How the room was found: made since the watch began, or there before."""
        return self.story.first("room.created", "room.existed")

    @property
    def existed(self) -> bool:
        """Whether the room was there before the watch began."""
        return self.story.first("room.created") is None

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
        closed = self.story.first("room.closed")
        return None if closed is None else int(closed.data.get("missing_mono_ns", closed.mono_ns))

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
        looks = [e for e in self.story.of("api.called") if e.data["method"] == "ListParticipants" and e.data["ok"]]
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
        for listing in self.story.of("dispatch.listed"):
            for item in listing.data["dispatches"]:
                if item["agent_name"] or item["jobs"]:
                    named.setdefault(item["dispatch_id"], item["agent_name"])
        return named

    @cached_property
    def job_types(self) -> dict[str, set[str]]:
        """Of the jobs that were listed, by agent name."""
        found: dict[str, set[str]] = {}
        for listing in self.story.of("dispatch.listed"):
            for item in listing.data["dispatches"]:
                types = {job["type"] for job in item["jobs"] if job.get("type")}
                found.setdefault(item["agent_name"], set()).update(types)
        return found

    def wanted(self, agent_name: str | None) -> Collection[str]:
        """The dispatches that are judged."""
        return [i for i, name in self.dispatches.items() if agent_name in (None, name)]
