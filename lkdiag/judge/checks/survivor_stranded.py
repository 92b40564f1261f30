"""The other side stayed in a room alone: its line is open, and paid for, until somebody notices.

One SIP participant holds a room for ever: `departure_timeout` runs only once the last ordinary participant has left
(livekit-server v1.13.5 pkg/rtc/room.go, CloseIfEmpty).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.contract import CheckSlug, Severity, TeardownOutcome
from lkdiag.journal.call_kinds import CallHungUp
from lkdiag.journal.presence import people
from lkdiag.journal.trial_kinds import RoomOccupied
from lkdiag.judge.finding import Finding

if TYPE_CHECKING:
    from lkdiag.judge.call import JudgedCall

SLUG = CheckSlug.SURVIVOR_STRANDED
REFERENCE = "https://github.com/livekit/livekit/issues/4753"


def judge(call: JudgedCall) -> Finding | None:
    """A finding for a leftover room with the survivor in it."""
    facts = call.facts
    if call.outcome is not TeardownOutcome.LEFTOVER or facts.stranded_ms is None:
        return None
    hint = "such a room stays until that side hangs up too: a phone line holds it open without end"
    if facts.subject_put_out:
        hint = (
            "lkdiag had put your agent out before (--remove-agent), so this says nothing of the agent's own cleanup: "
            f"nothing outside of the agent closed the room within {facts.settings.window_s:g} s"
        )
    return Finding(
        check=SLUG,
        severity=Severity.FAIL,
        title="the other side was left alone",
        fact=(
            f"{facts.survivor_identity} was still in room {facts.room} ({facts.room_sid}) "
            f"{facts.stranded_ms / 1000:.1f} s after the {facts.hangup} had hung up, when the watch "
            f"ended; in the room: {people(facts.left_in_room)}"
        ),
        hint=hint,
        trial=call.index,
        evidence=call.seqs(CallHungUp, RoomOccupied),
        reference=REFERENCE,
    )
