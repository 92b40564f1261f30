"""After the others had gone somebody stayed in the room alone: the line is open, and paid for, until it hangs up.

One SIP participant holds a room for ever: `departure_timeout` runs only once the last ordinary participant has left
(livekit-server v1.13.5 pkg/rtc/room.go, CloseIfEmpty). Only who was left is meant: somebody who waits for the first to
come is waiting. A participant whose process or line has died stays listed for about 21 s.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.contract import CheckSlug, Severity
from lkdiag.journal.participant_kinds import AgentLeft, ParticipantLeft
from lkdiag.journal.trial_kinds import RoomClosed, RoomOccupied
from lkdiag.judge.finding import Finding

if TYPE_CHECKING:
    from lkdiag.facts.watched_call import WatchedCallFacts

SLUG = CheckSlug.LEFT_ALONE
REFERENCE = "https://github.com/livekit/livekit/issues/4753"


def is_left_over(call: WatchedCallFacts, alone_for_s: float) -> bool:
    """Whether somebody was left alone in it for so long."""
    return call.alone is not None and call.alone_s(call.alone) >= alone_for_s


def judge(call: WatchedCallFacts, alone_for_s: float) -> Finding | None:
    """A finding for a call that was left over; a note where the watch ended before that was certain."""
    alone, room = call.alone, call.room
    if alone is None or room is None:
        return None
    left_over = is_left_over(call, alone_for_s)
    still = call.is_alone_still(alone)
    if not left_over and not still:
        return None
    since_s = call.alone_s(alone)
    where = f"room {room.row.room} ({room.row.sid})"
    fact = (
        f"{alone.identity!r} ({alone.kind}) was alone in {where} for {since_s:.1f} s after {alone.left_by!r} had left"
    )
    seen = (ParticipantLeft, AgentLeft, RoomOccupied, RoomClosed)
    return Finding(
        check=SLUG,
        severity=Severity.FAIL if left_over else Severity.NOTE,
        title="somebody was left alone in a room" if left_over else "somebody was alone when the watch ended",
        fact=f"{fact}; {_ended(call)}",
        hint=(
            f"the room stays until {alone.identity!r} leaves too: a phone line holds it open without end. Whoever "
            "outlives the agent has to close it: a webhook participant_left, or a periodic look at rooms with one "
            "person left (see lkdiag transfer-teardown; lkdiag sweep --lone-sip finds such rooms)."
            if left_over
            else f"left over counts from {alone_for_s:g} s on (--alone-for)"
        ),
        evidence=tuple(event.seq for event in call.story.of(*seen)),
        reference=REFERENCE if left_over else "",
    )


def _ended(call: WatchedCallFacts) -> str:
    assert call.alone is not None, "it is about that one"
    if call.is_alone_still(call.alone):
        return "still there when the watch ended"
    if call.alone.until_ns is not None and (call.closed_ns is None or call.alone.until_ns <= call.closed_ns):
        return "then it left, or got company"
    return "then the room was closed"
