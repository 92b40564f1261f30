"""The room was deleted before anybody hung up: the cleanup ended a call between two people who were still talking."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.contract import CheckSlug, Severity
from lkdiag.journal.call_kinds import CallHangingUp, CallMerged
from lkdiag.journal.participant_kinds import Disconnected
from lkdiag.judge.finding import Finding

if TYPE_CHECKING:
    from lkdiag.judge.call import JudgedCall

SLUG = CheckSlug.CUT_SHORT


def judge(call: JudgedCall) -> Finding | None:
    """A note where the survivor was put out before the other side began to hang up."""
    facts = call.facts
    hanging_up = facts.timeline.first(CallHangingUp)
    out = facts.survivor_out
    if hanging_up is None or out is None or out.seq > hanging_up.seq:
        return None
    return Finding(
        check=SLUG,
        severity=Severity.NOTE,
        title="the call was ended before anybody hung up",
        fact=f"{facts.survivor_identity} was disconnected ({out.row.reason}) while both sides were still there",
        hint="no room is left behind; but if the two should go on talking, the cleanup has to wait until one has gone",
        trial=call.index,
        evidence=call.seqs(CallMerged, Disconnected.for_who(facts.survivor_side), CallHangingUp),
    )
