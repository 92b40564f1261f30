"""What a call's timeline says, before anybody judges it. Every check of a teardown reads these, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol, TypeVar

from lkdiag.contract import CallFailure
from lkdiag.facts.dispatch_timing import TrialFacts
from lkdiag.journal.call_kinds import CallHungUp, CallMerged, CleanupFailed, SubjectRemoved, SubjectSeen
from lkdiag.journal.participant_kinds import AgentLeft, Disconnected, Joined
from lkdiag.journal.row import Row
from lkdiag.journal.trial_kinds import CallStarted, RoomClosed, RoomCreated, RoomGone, RoomOccupied, TrialClosing
from lkdiag.scenario.call import AgentExit, Side

if TYPE_CHECKING:
    from lkdiag.journal.event import Data, Event
    from lkdiag.journal.run_kinds import LkdiagStalled
    from lkdiag.journal.timeline import Timeline

LEFT_ROOM = AgentExit.LEFT_ROOM.value
"""The subject was not listed any more by the last look before the hang-up."""
STAYS = "stays"
"""It was still listed."""
UNKNOWN = "unknown"
"""There was no such look."""

R = TypeVar("R", bound=Row)


class TeardownSettings(Protocol):
    """The part of a TeardownScenario by which a call is judged. All durations are in seconds."""

    @property
    def window_s(self) -> float:
        """For how long after the hang-up the room is watched."""

    @property
    def closed_within_s(self) -> float:
        """A room that is closed later was closed late."""


@dataclass(frozen=True)
class TeardownFacts(TrialFacts[CallStarted]):
    """One call's facts. Durations are in milliseconds of this machine's monotonic clock."""

    index: int
    settings: TeardownSettings
    timeline: Timeline
    stalls: tuple[Event[LkdiagStalled], ...] = ()
    """`lkdiag.stalled` of the run."""
    gone_rooms: frozenset[str] = frozenset()
    """Rooms that the run's own clean-up has removed after its trials."""

    @property
    def cleanup(self) -> str:
        """Who should clean up."""
        return self.started.row.cleanup

    @cached_property
    def agent_exit(self) -> str:
        """How the agent left, as it was planned; of the subject what was seen: LEFT_ROOM, STAYS, or UNKNOWN."""
        planned = self.started.row.agent_exit
        if planned is not None:
            return str(planned)
        if self.subject_at_hang_up is None:
            return UNKNOWN
        return STAYS if self.subject_at_hang_up else LEFT_ROOM

    @cached_property
    def subject_at_hang_up(self) -> tuple[Data, ...] | None:
        """The subject as the last look before the hang-up showed it: `identity`, `tracks` and `muted` of each agent.

        Empty: it had left. None: there is no such look, or no subject.
        """
        looks = self.seen(SubjectSeen)
        return tuple(looks[-1].row.agents) if looks else None

    @property
    def subject_silent(self) -> bool:
        """Whether it was there at the hang-up and had no track, or muted ones only."""
        there = self.subject_at_hang_up or ()
        return bool(there) and all(one["tracks"] == one["muted"] for one in there)

    @property
    def subject_put_out(self) -> bool:
        """Whether lkdiag had put it out before the hang-up (`--remove-agent`)."""
        return bool(self.seen(SubjectRemoved))

    @property
    def subject_left_before_merge(self) -> bool:
        """Whether it was gone before the calls were merged."""
        merged, left = self.timeline.first(CallMerged), self.timeline.last(AgentLeft)
        return self.agent_exit != STAYS and merged is not None and left is not None and left.seq < merged.seq

    @property
    def hangup(self) -> str:
        """The side that hung up."""
        return self.started.row.hangup

    @property
    def room(self) -> str:
        """The caller room's name."""
        return self.started.row.room

    @cached_property
    def room_sid(self) -> str | None:
        """Its SID."""
        created = next((e for e in self.timeline.of(RoomCreated) if e.row.room == self.room), None)
        return None if created is None else created.row.sid

    @cached_property
    def creation_ms(self) -> int | None:
        """Its creation_time_ms, on the server's clock."""
        created = next((e for e in self.timeline.of(RoomCreated) if e.row.room == self.room), None)
        return None if created is None else created.row.creation_time_ms

    @property
    def deleted_afterwards(self) -> bool:
        """Whether lkdiag's own clean-up has removed it in the end."""
        return self.room in self.gone_rooms or any(e.row.room == self.room for e in self.timeline.of(RoomGone))

    @property
    def merge(self) -> str | None:
        """How the calls were merged."""
        merged = self.timeline.first(CallMerged)
        return None if merged is None else merged.row.by

    @cached_property
    def hung_up(self) -> Event[CallHungUp] | None:
        """One side has gone; a goodbye that was lost on its way is said twice."""
        return self.timeline.last(CallHungUp)

    @cached_property
    def closing(self) -> Event | None:
        """From here on lkdiag itself closes the room: what happens later is its own doing."""
        return self.timeline.first(TrialClosing)

    def seen(self, *kinds: type[R]) -> tuple[Event[R], ...]:
        """Events of these kinds, until lkdiag itself closed the room."""
        return tuple(e for e in self.timeline.of(*kinds) if self.closing is None or e.seq < self.closing.seq)

    @cached_property
    def room_closed(self) -> Event | None:
        """The first look that did not find the room any more."""
        return next(iter(self.seen(RoomClosed)), None)

    @cached_property
    def room_occupied(self) -> Event[RoomOccupied] | None:
        """The room was still there when the window ended."""
        return next(iter(self.seen(RoomOccupied)), None)

    @property
    def closed_ms(self) -> float | None:
        """From the hang-up until a look did not find the room any more."""
        if self.hung_up is None or self.room_closed is None:
            return None
        return round((self.room_closed.mono_ns - self.hung_up.mono_ns) / 1e6, 1)

    @property
    def hung_up_identity(self) -> str | None:
        """Who hung up."""
        return None if self.hung_up is None else self.hung_up.row.identity

    @cached_property
    def left_in_room(self) -> tuple[Data, ...]:
        """`identity` and `kind` of everybody whom the server listed in the room when the window ended."""
        return () if self.room_occupied is None else tuple(self.room_occupied.row.participants)

    def still_listed(self, identity: str | None) -> bool:
        """Whether the server listed it in the room when the window ended."""
        return identity is not None and any(one["identity"] == identity for one in self.left_in_room)

    @cached_property
    def stalled_ms(self) -> float:
        """For how long, in all, lkdiag stood still between the hang-up and what ended the watch."""
        began, ended = self.hung_up, self.room_closed or self.room_occupied
        if began is None or ended is None:
            return 0.0
        return float(
            sum(
                stall.row.late_ms
                for stall in self.stalls
                if stall.mono_ns >= began.mono_ns and stall.row.began_mono_ns <= ended.mono_ns
            )
        )

    @cached_property
    def cleanup_unheard(self) -> Event[CleanupFailed] | None:
        """A call of lkdiag's own cleanup failed without LiveKit refusing it: not the cleanup's fault."""
        failed = self.seen(CleanupFailed)
        return next((e for e in failed if e.row.failure not in (None, CallFailure.REFUSED)), None)

    @property
    def survivor_side(self) -> str:
        """The lane of the one who did not hang up."""
        return "human" if self.hangup == Side.CALLER else "caller"

    @cached_property
    def survivor_identity(self) -> str | None:
        """As it joined the caller room."""
        joined = self.timeline.last(Joined.for_who(self.survivor_side))
        return None if joined is None else joined.row.identity

    @cached_property
    def survivor_out(self) -> Event[Disconnected] | None:
        """The survivor's own view: it was disconnected, after the merge and before lkdiag closed the room."""
        merged = self.timeline.first(CallMerged)
        return next(
            (e for e in self.seen(Disconnected.for_who(self.survivor_side)) if merged is None or e.seq > merged.seq),
            None,
        )

    @property
    def survivor_out_ms(self) -> float | None:
        """From the hang-up until the survivor was disconnected, by its own view; never below 0."""
        if self.hung_up is None or self.survivor_out is None:
            return None
        return round(max(0.0, (self.survivor_out.mono_ns - self.hung_up.mono_ns) / 1e6), 1)

    @property
    def stranded_ms(self) -> float | None:
        """How long the survivor was alone until the window ended; None when it was put out."""
        if self.hung_up is None or self.room_occupied is None or self.survivor_out is not None:
            return None
        return round((self.room_occupied.mono_ns - self.hung_up.mono_ns) / 1e6, 1)
