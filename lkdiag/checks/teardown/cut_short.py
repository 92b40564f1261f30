"""The room was deleted before anybody hung up: the cleanup ended a call between two people who were still talking."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.checks.verdict import Finding, Severity

if TYPE_CHECKING:
    from lkdiag.checks.teardown.judged import JudgedCall

SLUG = "cut-short"


def judge(call: JudgedCall) -> Finding | None:
    """A note where the survivor was put out before the other side began to hang up."""
    facts = call.facts
    hanging_up = facts.timeline.first("call.hanging_up")
    out = facts.survivor_out
    if hanging_up is None or out is None or out.seq > hanging_up.seq:
        return None
    return Finding(
        check=SLUG,
        severity=Severity.NOTE,
        title="the call was ended before anybody hung up",
        fact=f"{facts.survivor_identity} was disconnected ({out.data['reason']}) while both sides were still there",
        hint="no room is left behind; but if the two should go on talking, the cleanup has to wait until one has gone",
        trial=call.index,
        evidence=call.seqs("call.merged", f"{facts.survivor_side}.disconnected", "call.hanging_up"),
    )
