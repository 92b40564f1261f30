"""When a trial began and ended, which room its dispatch went to, and from when on its agent was waited for.

A scenario may have a prelude (a room that was made or deleted before, an idle gap): it belongs to the story, and what
is judged begins after it. Where the room was there before, the agent's delay counts from the dispatch, not the room.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Generic, TypeVar, cast

from lkdiag.journal.participant_kinds import CallerJoining
from lkdiag.journal.trial_kinds import (
    ApiCalled,
    DispatchCreated,
    DispatchStarted,
    RoomCreated,
    RoomDeleted,
    RoomExisted,
    RoomOpened,
    RoomReused,
    StepBegan,
    TrialCrashed,
    TrialDue,
    TrialFailed,
    TrialFinished,
    TrialInterrupted,
    TrialPrepared,
    TrialStarted,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lkdiag.journal.event import Event
    from lkdiag.journal.timeline import Timeline

POLLS = {"participants": "ListParticipants", "dispatches": "ListDispatch"}
"""The API calls that look at a room."""


S = TypeVar("S", bound=TrialStarted)


class TrialFacts(Generic[S]):
    """A base for a trial's facts."""

    timeline: Timeline
    """What is judged."""

    @cached_property
    def started(self) -> Event[S]:
        """How the trial began."""
        event = self.timeline.first(TrialStarted)
        assert event is not None, "a trial's timeline begins with trial.started"
        return cast("Event[S]", event)

    @property
    def finished(self) -> bool:
        """Whether it went to its end: not interrupted, not killed."""
        return self.timeline.first(TrialFinished) is not None and not self.timeline.of(TrialInterrupted)

    @cached_property
    def failure(self) -> Event[TrialFailed | RoomReused | TrialCrashed] | None:
        """Why it could not be carried out, if so."""
        return self.timeline.first(TrialFailed, RoomReused, TrialCrashed)


class DispatchTiming(TrialFacts[DispatchStarted]):
    """A base for a dispatch trial's facts. Times ending in `_ns` are this machine's, monotonic."""

    story: Timeline
    """The whole trial, prelude included."""

    @cached_property
    def timeline(self) -> Timeline:  # type: ignore[override]
        """What is judged: the trial but for its prelude."""
        return self.story.judged()

    @cached_property
    def prelude(self) -> Timeline:
        """What came before."""
        return self.story.prelude()

    @cached_property
    def began_ns(self) -> int:
        """When what is judged began."""
        prepared = self.timeline.first(TrialPrepared)
        return self.started.mono_ns if prepared is None else prepared.mono_ns

    def calls(self, method: str) -> Sequence[Event[ApiCalled]]:
        """Every call of that method of LiveKit's API."""
        return self._calls.get(method, ())

    @cached_property
    def _calls(self) -> dict[str, list[Event[ApiCalled]]]:
        found: dict[str, list[Event[ApiCalled]]] = {}
        for event in self.timeline.of(ApiCalled):
            found.setdefault(event.row.method, []).append(event)
        return found

    @property
    def start_lag_ms(self) -> float | None:
        """How late it began, against when it was due in an open loop; None in a closed one."""
        due = self.story.first(TrialDue)
        return None if due is None else round(max(0.0, (self.started.mono_ns - due.row.due_mono_ns) / 1e6), 1)

    @cached_property
    def method(self) -> str:
        """By which of the four ways the dispatch under test was made."""
        steps = (e for e in self.timeline.of(StepBegan) if e.row.do == "dispatch")
        return str(next((e.row.by for e in steps if e.row.by), self.started.row.method))

    @cached_property
    def room(self) -> Event[RoomOpened] | None:
        """How the room of the dispatch came to be: its creation, or that it was there already."""
        opened = self.timeline.first(RoomCreated, RoomExisted)
        return opened or self.prelude.last(RoomCreated, RoomExisted)

    @cached_property
    def room_existed(self) -> bool:
        """Whether the dispatch went to a room that was there before."""
        return self.room is not None and self.timeline.first(RoomCreated) is None

    @property
    def prelude_room_ns(self) -> int:
        """When a room that was there before was made; what is judged began then, where that is not known."""
        made = self.prelude.last(RoomCreated)
        return self.began_ns if made is None else made.mono_ns

    @property
    def creation_ms(self) -> int | None:
        """Room.creation_time_ms; None where the server, an old one, does not say."""
        return None if self.room is None else self.room.row.creation_time_ms or None

    @cached_property
    def opened_ns(self) -> int | None:
        """When this machine asked for the room, or for the dispatch to a room that was there."""
        if self.room is None:
            return None
        asked = "CreateDispatch" if self.room_existed and self.method == "create-dispatch" else "CreateRoom"
        call = next(iter(self.calls(asked)), None)
        if call is not None:
            return call.row.began_mono_ns
        joining = self.timeline.first(CallerJoining)
        return self.made_ns if joining is None else joining.mono_ns

    @cached_property
    def made_ns(self) -> int | None:
        """When the room, or the dispatch to a room that was there, was known to be made."""
        created = self.timeline.first(DispatchCreated) if self.room_existed else None
        made = created or self.room
        return None if made is None else max(made.mono_ns, self.began_ns)

    @cached_property
    def closing_began_ns(self) -> int:
        """When lkdiag began to close the room. What changes later is lkdiag's own doing."""
        deletion = next(iter(self.calls("DeleteRoom")), None)
        if deletion is not None:
            return deletion.row.began_mono_ns
        closing = self.timeline.last(RoomDeleted, TrialFinished, TrialInterrupted)
        return self.last_ns if closing is None else closing.mono_ns

    def polls(self, what: str) -> tuple[Event[ApiCalled], ...]:
        """Answered looks at the `participants` or the `dispatches`, until lkdiag closed the room."""
        return self._polls[what]

    @cached_property
    def _polls(self) -> dict[str, tuple[Event[ApiCalled], ...]]:
        until_ns = self.closing_began_ns
        return {
            what: tuple(e for e in self.calls(method) if e.mono_ns <= until_ns and e.row.ok)
            for what, method in POLLS.items()
        }

    @cached_property
    def last_ns(self) -> int:
        """When the trial's last event was seen. A worker's log is read later."""
        return max(event.mono_ns for event in self.story if not event.kind.startswith("worker_log."))
