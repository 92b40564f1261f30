"""The room was closed, but late."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.contract import CheckSlug, Severity, TeardownOutcome
from lkdiag.journal.call_kinds import CallHungUp
from lkdiag.journal.trial_kinds import RoomClosed
from lkdiag.judge.finding import Finding

if TYPE_CHECKING:
    from lkdiag.judge.call import JudgedCall

SLUG = CheckSlug.SLOW_CLOSE


def judge(call: JudgedCall) -> Finding | None:
    """A finding for a slow one."""
    facts = call.facts
    if call.outcome is not TeardownOutcome.SLOW or facts.closed_ms is None:
        return None
    return Finding(
        check=SLUG,
        severity=Severity.FAIL,
        title="the room was closed late",
        fact=f"it was gone {facts.closed_ms / 1000:.1f} s after the {facts.hangup} had hung up",
        hint=(
            "a participant whose line is lost without a goodbye stays listed for about 21 s, and nothing can notice it "
            "before"
            if facts.started.row.hangup_style == "lost"
            else "somebody did clean up, but waited for something"
        ),
        trial=call.index,
        evidence=call.seqs(CallHungUp, RoomClosed),
    )
