"""F6, F7: in the whole run nobody ever came for that name, by dispatch or by fallback: as with a name nobody has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.contract import CheckSlug, Fallback, Outcome, Severity, State
from lkdiag.judge.causes.log import by_the_log
from lkdiag.judge.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lkdiag.judge.context import TrialSummary

SLUG = CheckSlug.NOBODY_ANSWERS
REFERENCE = "https://github.com/livekit/livekit/issues/3879"

NO_SIGN = (Fallback.LOST, Fallback.OFF)


def judge(subject: Sequence[TrialSummary], control: Sequence[TrialSummary]) -> Finding | None:
    """A finding about the run, where the user's worker never gave any sign of life."""
    lost = [trial for trial in subject if trial.outcome is Outcome.DROPPED]
    judged = [trial for trial in subject if trial.outcome not in (Outcome.ERROR, Outcome.INCONCLUSIVE)]
    silent = [t for t in lost if t.state is State.NO_JOB and _no_sign_of_life(t)]
    if not silent or len(silent) != len(judged) or silent[0].on_probe:
        return None
    name = silent[0].agent_name
    beside = ""
    if control and all(trial.outcome is Outcome.DELIVERED for trial in control):
        beside = f" lkdiag's own worker took every one of its dispatches ({len(control)}) beside it."
    return Finding(
        check=SLUG,
        severity=Severity.FAIL,
        title=f"no worker of the name {name!r} took any dispatch",
        fact=f"every trial that could be judged ({len(silent)}) ended without a job, and without an agent.{beside}",
        hint=by_the_log(silent)
        or (
            f"it looks just as it does with a name that nobody has. Is a worker registered as {name!r} (to the letter) "
            "with this project's URL and key, and not over its load limit? A worker that serves participants "
            "or publishers needs somebody in the room: --caller join, or publish."
        ),
        trials=tuple(trial.index for trial in silent),
        reference=REFERENCE,
    )


def _no_sign_of_life(trial: TrialSummary) -> bool:
    """Neither an agent, early or late, nor a job, though one would have been listed by then."""
    return not trial.came and trial.fallback in NO_SIGN and trial.listing_was_due
