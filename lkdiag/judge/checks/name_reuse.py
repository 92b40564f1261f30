"""F9: under a name whose room was deleted the server hands out a room that is not newer than the deleted one.

That it is the same one (its SID) ends the trial: `not-carried-out` says so. Clocks of two nodes may differ by a little,
so that a creation time that is only somewhat older counts where a second and more lay between the two rooms.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.contract import CheckSlug, Severity
from lkdiag.facts.validity import SERVER_CLOCKS_MAX_MS
from lkdiag.journal.trial_kinds import RoomCreated
from lkdiag.judge.finding import Finding

if TYPE_CHECKING:
    from lkdiag.facts.dispatch import DispatchFacts
    from lkdiag.facts.run import RoomMade
    from lkdiag.judge.trial import JudgedTrial

SLUG = CheckSlug.NAME_REUSE
REFERENCE = "https://github.com/livekit/livekit/issues/4558"


def judge(trial: JudgedTrial) -> Finding | None:
    """A finding about a room that claims to be as old as its deleted predecessor."""
    facts = trial.facts
    old = predecessor(facts)
    if old is None or facts.room is None or facts.failure is not None:
        return None
    return Finding(
        check=SLUG,
        severity=Severity.FAIL,
        title="the new room is as old as the deleted one",
        fact=(
            f"room {facts.room.row.sid} was asked for {(facts.room.mono_ns - old.mono_ns) / 1e9:.1f} s after room "
            f"{old.sid} of the same name, and its creation_time_ms is {facts.room.row.creation_time_ms}; "
            f"the old one's was {old.creation_time_ms}"
        ),
        hint=(
            "something of the deleted room lived on under its name. Dispatches of a createRoom or a token count only "
            "for a new room: use a new name for every room."
        ),
        trial=trial.index,
        evidence=(old.seq, facts.room.seq),
        reference=REFERENCE,
    )


def predecessor(facts: DispatchFacts) -> RoomMade | None:
    """The earlier room of that name than which this one is not newer, though it should be."""
    room = facts.room
    if room is None or room.kind != RoomCreated.KIND or not room.row.creation_time_ms:
        return None
    for old in facts.run.rooms.not_older_before(room.row.room, room.seq, room.row.creation_time_ms):
        between_ms = (room.mono_ns - old.mono_ns) / 1e6
        if old.sid != room.row.sid and between_ms > SERVER_CLOCKS_MAX_MS:
            return old
    return None
