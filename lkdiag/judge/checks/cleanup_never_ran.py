"""The room was left, and no cleanup was even tried: nobody noticed the hang-up, or nobody who did acted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.contract import CheckSlug, Severity, TeardownOutcome
from lkdiag.facts.teardown import LEFT_ROOM, STAYS
from lkdiag.journal.call_kinds import CallHungUp, CleanupCalled, CleanupLooked, SubjectLeft, SubjectSeen
from lkdiag.journal.participant_kinds import AgentLeft, ProbeKilled
from lkdiag.judge.finding import Finding

if TYPE_CHECKING:
    from lkdiag.facts.teardown import TeardownFacts
    from lkdiag.judge.call import JudgedCall

SLUG = CheckSlug.CLEANUP_NEVER_RAN
OUTSIDE = ("webhook-reaper", "poll-reaper")
WHY = {
    "session-closed": "the agent was still connected, but its client did not report the departure",
    "left-room": "the agent had left the room before, and with its connection went its listeners",
    "crashed": "the agent's process was dead, and everything in it",
}


def judge(call: JudgedCall) -> Finding | None:
    """A finding for a leftover room where no cleanup was called."""
    facts = call.facts
    if call.outcome is not TeardownOutcome.LEFTOVER or facts.seen(CleanupCalled) or facts.subject_put_out:
        return None  # of an agent that lkdiag itself has put out nothing can be expected
    title = "no cleanup ran"
    if facts.cleanup == "off":
        title, why = "nobody was to clean up", "the built-in cleanup was off"
        hint = "with it off, teardown is your application's own business"
    elif facts.cleanup == "subject":
        title, why, hint = _subject(facts)
    elif facts.cleanup in OUTSIDE:
        looks = facts.seen(CleanupLooked)
        last = ", ".join(looks[-1].row.people) if looks else ""
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
        evidence=call.seqs(AgentLeft, ProbeKilled, SubjectLeft, SubjectSeen, CallHungUp),
    )


def _subject(facts: TeardownFacts) -> tuple[str, str, str]:
    """Title, reason and hint: by what was seen of the user's agent at the hang-up."""
    if facts.agent_exit == STAYS:
        silent = "with no track, or muted ones only" if facts.subject_silent else "with a track"
        return (
            "your agent was still there, and nothing cleaned up",
            f"your agent was still in the room, {silent}",
            "an agent whose session is closed still hears that somebody leaves: its listener has to delete the room, "
            "with a job context or an API client that it has kept. See the agent's log at the time of the hang-up. "
            "An agent whose process has died stays listed for about 21 s, and does nothing.",
        )
    why = "nothing is known of your agent"
    if facts.agent_exit == LEFT_ROOM:
        why = "your agent had left" + (
            " before the calls were merged" if facts.subject_left_before_merge else " the call before"
        )
    return (
        "nothing of your deployment cleaned up",
        why,
        "whoever outlives the agent has to delete the room: a webhook receiver, a periodic look at lone SIP "
        "participants, or the agent itself by staying until the end",
    )
