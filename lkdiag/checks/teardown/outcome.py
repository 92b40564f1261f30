"""What was left of a call after one side had hung up, in the contract's words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.checks.teardown.verdict import TeardownOutcome

if TYPE_CHECKING:
    from lkdiag.checks.teardown.facts import TeardownFacts

DELETED = "ROOM_DELETED"
"""What a participant is told when its room is deleted (livekit_models.proto, DisconnectReason)."""


def outcome_of(facts: TeardownFacts) -> tuple[TeardownOutcome, str]:
    """The outcome, and for `error` and `inconclusive` the reason."""
    if facts.failure is not None and facts.failure.kind == "trial.crashed":
        return TeardownOutcome.INCONCLUSIVE, f"lkdiag itself failed: {facts.failure.data['error']}"
    if not facts.finished:
        return TeardownOutcome.INCONCLUSIVE, "the run was interrupted before this call had ended"
    if facts.failure is not None:
        data = facts.failure.data
        reason = f"lkdiag could not {data['step']}: {data['error']}"
        watching = data["step"] == "watch the room"
        return (TeardownOutcome.INCONCLUSIVE if watching else TeardownOutcome.ERROR), reason
    if facts.room_closed is not None and facts.closed_ms is not None:
        return _closed(facts, facts.closed_ms)
    if facts.room_occupied is None:
        return TeardownOutcome.INCONCLUSIVE, "no look at the room was answered when the window ended"
    out = facts.survivor_out
    if out is not None:
        return TeardownOutcome.INCONCLUSIVE, (
            f"the survivor was disconnected ({out.data['reason']}), and the room is still there: its line, not the "
            "room, was lost"
        )
    return TeardownOutcome.LEFTOVER, ""


def _closed(facts: TeardownFacts, closed_ms: float) -> tuple[TeardownOutcome, str]:
    out = facts.survivor_out
    if out is None:
        return (
            TeardownOutcome.INCONCLUSIVE,
            "the room is gone, but the survivor was never told that it was disconnected",
        )
    if out.data["reason"] != DELETED:
        return TeardownOutcome.INCONCLUSIVE, (
            f"the room is gone, but nobody deleted it: the survivor had lost its line before ({out.data['reason']})"
        )
    slow = max(closed_ms, facts.survivor_out_ms or 0.0) > facts.scenario.closed_within_s * 1000
    return (TeardownOutcome.SLOW if slow else TeardownOutcome.CLOSED), ""
