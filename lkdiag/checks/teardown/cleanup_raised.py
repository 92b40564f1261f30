"""The cleanup ran when somebody left, and failed: agents-js#1895, where it looks up a job context that is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.checks.teardown.verdict import TeardownOutcome
from lkdiag.checks.verdict import Finding, Severity

if TYPE_CHECKING:
    from lkdiag.checks.teardown.judged import JudgedCall

SLUG = "cleanup-raised"
REFERENCE = "https://github.com/livekit/agents-js/issues/1895"
NO_CONTEXT = "NoJobContextError"


def judge(call: JudgedCall) -> Finding | None:
    """A finding where the cleanup ended with an error."""
    raised = call.facts.seen("cleanup.raised")
    if not raised or call.facts.cleanup_unheard is not None:
        return None
    error = str(raised[0].data["error"])
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
        evidence=call.seqs("agent.session_closed", "call.hung_up", "cleanup.called", "cleanup.raised"),
        reference=REFERENCE if late else "",
    )
