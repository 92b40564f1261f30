"""An exception left an event listener that nobody awaits: in Node an unhandled rejection, which may end the process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.checks.verdict import Finding, Severity

if TYPE_CHECKING:
    from lkdiag.checks.teardown.judged import JudgedCall

SLUG = "unhandled-error"
REFERENCE = "https://github.com/livekit/agents-js/issues/1895"


def judge(call: JudgedCall) -> Finding | None:
    """A finding where the event loop's own handler had to take an error."""
    errors = call.facts.seen("error.unhandled")
    if not errors or call.facts.cleanup_unheard is not None:
        return None
    return Finding(
        check=SLUG,
        severity=Severity.FAIL,
        title="an error that nobody handled",
        fact=f"{errors[0].data['error']} – {errors[0].data['message']}",
        hint="in Node this is an unhandled rejection, which ends the process unless it is told otherwise",
        trial=call.index,
        evidence=tuple(event.seq for event in errors),
        reference=REFERENCE,
    )
