"""The room was left, and no cleanup was even tried: nobody was there any more who would have noticed the hang-up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.checks.teardown.verdict import TeardownOutcome
from lkdiag.checks.verdict import Finding, Severity

if TYPE_CHECKING:
    from lkdiag.checks.teardown.judged import JudgedCall

SLUG = "cleanup-never-ran"
OUTSIDE = ("webhook-reaper", "poll-reaper")
WHY = {
    "session-closed": "the agent was still connected, but its client did not report the departure",
    "left-room": "the agent had left the room before, and with its connection went its listeners",
    "crashed": "the agent's process was dead, and everything in it",
}


def judge(call: JudgedCall) -> Finding | None:
    """A finding for a leftover room where no cleanup was called."""
    facts = call.facts
    if call.outcome is not TeardownOutcome.LEFTOVER or facts.seen("cleanup.called"):
        return None
    title = "no cleanup ran"
    if facts.cleanup == "off":
        title, why = "nobody was to clean up", "the built-in cleanup was off"
        hint = "with it off, teardown is your application's own business"
    elif facts.cleanup == "subject":
        title, why = "nothing of your deployment cleaned up", "your agent had left the call before"
        if facts.seen("subject.removed"):
            why = (
                f"lkdiag had put your agent out before, as it had not left within "
                f"{facts.scenario.agent_leaves_within_s:g} s"
            )
        hint = (
            "whoever outlives the agent has to delete the room: a webhook receiver, a periodic look at lone SIP "
            "participants, or the agent itself by staying until the end"
        )
    elif facts.cleanup in OUTSIDE:
        looks = facts.seen("cleanup.looked")
        last = ", ".join(looks[-1].data["people"]) if looks else ""
        title = "the reaper did not act"
        why = f"it looked {len(looks)} times, and last saw {last or 'nobody'}" if looks else "it never looked"
        hint = (
            "a webhook can come before the participant list knows of the departure: look again a little later, and let "
            "a periodic look back the webhooks up"
        )
    else:
        why = WHY.get(facts.agent_exit, "nothing called it")
        hint = (
            "a cleanup in the agent works only while the agent is connected. One outside of it (webhook-reaper, "
            "poll-reaper) outlives every exit."
        )
    return Finding(
        check=SLUG,
        severity=Severity.FAIL,
        title=title,
        fact=f"when the {facts.hangup} hung up, {why}: nobody deleted the room",
        hint=hint,
        trial=call.index,
        evidence=call.seqs("agent.left", "probe.killed", "subject.left", "subject.removed", "call.hung_up"),
    )
