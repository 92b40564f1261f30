"""What was left of a call after one side had hung up, in the contract's words."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from lkdiag.contract import CallFailure, TeardownOutcome
from lkdiag.journal.call_kinds import CleanupCalled
from lkdiag.journal.trial_kinds import TrialCrashed, TrialFailed
from lkdiag.judge.finding import Guard

if TYPE_CHECKING:
    from lkdiag.facts.teardown import TeardownFacts
    from lkdiag.journal.row import Row

DELETED = "ROOM_DELETED"
"""What a participant is told when its room is deleted (livekit_models.proto, DisconnectReason)."""
REMOVED = "PARTICIPANT_REMOVED"
"""What it is told when it is put out by itself."""
STALL_SHARE_MAX = 0.1
"""A leftover room is not judged when lkdiag stood still for more than this share of the window, and so long that it did
not run for --closed-within of it: a cleanup that works is done by then."""


def outcome_of(facts: TeardownFacts) -> tuple[TeardownOutcome, str]:
    """The outcome, and for `error` and `inconclusive` the reason."""
    if facts.failure is not None and isinstance(facts.failure.row, TrialCrashed):
        return TeardownOutcome.INCONCLUSIVE, f"lkdiag itself failed: {facts.failure.row.error}"
    if not facts.finished:
        return TeardownOutcome.INCONCLUSIVE, "the run was interrupted before this call had ended"
    if facts.failure is not None:
        row = facts.failure.row
        assert isinstance(row, TrialFailed), "no call reuses a room"
        reason = f"lkdiag could not {row.step}: {row.error}"
        ours = row.own or (row.failure is not None and row.failure != CallFailure.REFUSED)
        return (TeardownOutcome.INCONCLUSIVE if ours else TeardownOutcome.ERROR), reason
    if facts.room_closed is not None and facts.closed_ms is not None:
        return _closed(facts, facts.closed_ms)
    if facts.room_occupied is None:
        return TeardownOutcome.INCONCLUSIVE, "no look at the room was answered when the window ended"
    return _leftover(facts)


def _leftover(facts: TeardownFacts) -> tuple[TeardownOutcome, str]:
    """The room is there when the window ends: left over, unless something else than the cleanup explains that."""
    out = facts.survivor_out
    reason = ""
    if out is not None and out.row.reason == REMOVED:
        reason = f"the other side was put out ({REMOVED}), and the empty room closes by its departure timeout"
    elif out is not None:
        reason = (
            f"the survivor was disconnected ({out.row.reason}), and the room is still there: its line, not the "
            "room, was lost"
        )
    elif facts.still_listed(facts.hung_up_identity):
        reason = (
            "the server still lists the side that hung up, so nobody could have noticed it yet; a longer --window tells"
        )
    elif not facts.still_listed(facts.survivor_identity):
        reason = "the room is there, but the survivor is not listed in it"
    elif facts.cleanup_unheard is not None:
        reason = f"a call that the cleanup made got no answer of LiveKit's: {facts.cleanup_unheard.row.error}"
    elif _ran_too_little(facts):
        reason = f"lkdiag, in which the cleanup runs, stood still for {facts.stalled_ms / 1000:.1f} s of the window"
    return (TeardownOutcome.INCONCLUSIVE, reason) if reason else (TeardownOutcome.LEFTOVER, "")


def _ran_too_little(facts: TeardownFacts) -> bool:
    """Whether a cleanup of lkdiag's own may have had no time for its work."""
    window_ms, within_ms = facts.settings.window_s * 1000, facts.settings.closed_within_s * 1000
    return facts.stalled_ms > max(window_ms * STALL_SHARE_MAX, window_ms - within_ms)


def _closed(facts: TeardownFacts, closed_ms: float) -> tuple[TeardownOutcome, str]:
    """The room is gone: closed, unless nobody, or somebody else, has done it."""
    out = facts.survivor_out
    limit_ms = facts.settings.closed_within_s * 1000
    last_ms = max(closed_ms, facts.survivor_out_ms or 0.0)
    reason = ""
    if out is None:
        reason = "the room is gone, but the survivor was never told that it was disconnected"
    elif out.row.reason == REMOVED and last_ms > limit_ms:
        reason = f"the other side was put out ({REMOVED}); the empty room closed by its departure timeout"
    elif out.row.reason not in (DELETED, REMOVED):
        reason = f"the room is gone, but nobody deleted it: the survivor had lost its line before ({out.row.reason})"
    elif facts.cleanup != "subject" and not facts.seen(CleanupCalled):
        reason = "the room was deleted, but not by this cleanup: something else in this project does so"
    elif last_ms > limit_ms and facts.cleanup_unheard is not None:
        reason = (
            "the room was closed late, and a call that the cleanup made had got no answer of LiveKit's: "
            f"{facts.cleanup_unheard.row.error}"
        )
    elif last_ms > limit_ms >= last_ms - facts.stalled_ms:
        reason = f"the room was closed late, but lkdiag itself stood still for {facts.stalled_ms / 1000:.1f} s of it"
    if reason:
        return TeardownOutcome.INCONCLUSIVE, reason
    return (TeardownOutcome.SLOW if last_ms > limit_ms else TeardownOutcome.CLOSED), ""


@dataclass(frozen=True)
class JudgedCall:
    """One call's facts with its verdict."""

    facts: TeardownFacts
    outcome: TeardownOutcome
    reason: str
    """Why it is `error` or `inconclusive`."""

    @classmethod
    def of(cls, facts: TeardownFacts) -> JudgedCall:
        """Judge a call."""
        return cls(facts, *outcome_of(facts))

    @property
    def index(self) -> int:
        """The trial's number."""
        return self.facts.index

    @cached_property
    def guard(self) -> Guard:
        """Knows which of its checks crashed."""
        return Guard(self.index)

    def seqs(self, *kinds: type[Row]) -> tuple[int, ...]:
        """The journal's numbers of its events of these kinds."""
        return tuple(event.seq for event in self.facts.seen(*kinds))
