"""An exception left an event listener that nobody awaits: in Node an unhandled rejection, which may end the process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.contract import CheckSlug, Severity
from lkdiag.journal.call_kinds import ErrorUnhandled
from lkdiag.judge.finding import Finding

if TYPE_CHECKING:
    from lkdiag.judge.call import JudgedCall

SLUG = CheckSlug.UNHANDLED_ERROR
REFERENCE = "https://github.com/livekit/agents-js/issues/1895"


def judge(call: JudgedCall) -> Finding | None:
    """A finding where the event loop's own handler had to take an error."""
    errors = call.facts.seen(ErrorUnhandled)
    if not errors or call.facts.cleanup_unheard is not None:
        return None
    return Finding(
        check=SLUG,
        severity=Severity.FAIL,
        title="an error that nobody handled",
        fact=f"{errors[0].row.error} – {errors[0].row.message}",
        hint="in Node this is an unhandled rejection, which ends the process unless it is told otherwise",
        trial=call.index,
        evidence=tuple(event.seq for event in errors),
        reference=REFERENCE,
    )
