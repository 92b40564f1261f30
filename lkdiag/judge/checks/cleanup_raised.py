"""The cleanup ran when somebody left, and failed: agents-js#1895, where it looks up a job context that is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.contract import CheckSlug, Severity, TeardownOutcome
from lkdiag.journal.call_kinds import AgentSessionClosed, CallHungUp, CleanupCalled, CleanupRaised
from lkdiag.judge.finding import Finding

if TYPE_CHECKING:
    from lkdiag.judge.call import JudgedCall

SLUG = CheckSlug.CLEANUP_RAISED
REFERENCE = "https://github.com/livekit/agents-js/issues/1895"
NO_CONTEXT = "NoJobContextError"


def judge(call: JudgedCall) -> Finding | None:
    """A finding where the cleanup ended with an error."""
    raised = call.facts.seen(CleanupRaised)
    if not raised or call.facts.cleanup_unheard is not None:
        return None
    error = raised[0].row.error
    late = error.startswith(NO_CONTEXT)
    return Finding(
        check=SLUG,
        severity=Severity.NOTE if call.outcome is TeardownOutcome.CLOSED else Severity.FAIL,
        title="the cleanup failed",
        fact=f"when somebody left, {call.facts.cleanup} raised {error}",
        hint=(
            "the session was closed after the merge, and its job context with it. Capture the context, or an API "
            "client, while it exists, and delete the room with that."
            if late
            else "the error says why; a cleanup that tries again may still have closed the room"
        ),
        trial=call.index,
        evidence=call.seqs(AgentSessionClosed, CallHungUp, CleanupCalled, CleanupRaised),
        reference=REFERENCE if late else "",
    )
