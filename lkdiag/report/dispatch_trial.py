"""From a judged dispatch trial to what a report says of it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from lkdiag.checks.check_crashed import IDS, STORY
from lkdiag.checks.verdict import Fallback, Outcome, Severity, State
from lkdiag.report.ids import dispatch_participants
from lkdiag.report.narrative import between, story, utc
from lkdiag.report.value import TrialReport

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lkdiag.checks.facts import DispatchFacts
    from lkdiag.checks.judged import JudgedTrial
    from lkdiag.checks.verdict import Finding
    from lkdiag.report.value import TimelineLine
    from lkdiag.timeline import Event


def trial_report(
    trial: JudgedTrial,
    stalls: Sequence[Event],
    checks: Sequence[Callable[[JudgedTrial], Finding | None]],
) -> TrialReport:
    """Its findings, its diagnosis, and its story where there is something to tell.

    `stalls` are the run's `lkdiag.stalled`, in their order.
    """
    facts = trial.facts
    data = facts.started.data
    guard, diagnosis = trial.guard, trial.diagnosis
    found = guard.findings(checks, trial)
    ids = guard.call(partial(dispatch_participants, facts), {}, IDS)
    told: tuple[TimelineLine, ...] = ()
    if guard.crashes or any(finding.severity is not Severity.NOTE for finding in found):
        during = between(stalls, facts.started.mono_ns, facts.last_ns)
        told = guard.call(partial(story, facts.story, during), (), STORY)
    return TrialReport(
        index=trial.index,
        role=data["role"],
        method=data["method"],
        started_at=utc(facts.started.at_ns),
        room=data["room"],
        room_sid=None if facts.room is None else facts.room.data["sid"],
        dispatch_id=facts.dispatch_id,
        job_id=_job_id(facts),
        worker_id=None if facts.job is None else facts.job.get("worker_id"),
        agent_identity=None if facts.agent is None else facts.agent["identity"],
        participant_ids=ids,
        outcome=trial.outcome,
        state=trial.state,
        mismatch=trial.mismatch,
        latency_ms=facts.latency_ms,
        stages_ms=facts.stages_ms,
        state_lag_ms=facts.state_lag_ms,
        fallback=trial.fallback,
        fallback_latency_ms=trial.fallback_latency_ms,
        fallback_dispatch_id=facts.fallback_id,
        api_calls=len(facts.story.of("api.called")),
        start_lag_ms=facts.start_lag_ms,
        findings=(*found, *guard.crashes),
        diagnosis=diagnosis,
        timeline=told,
    )


def unjudged_trial(index: int, started: Event, crashes: Sequence[Finding]) -> TrialReport:
    """Of a trial whose judging crashed as a whole: what it was to be, and the crash. Nothing is said of its agent."""
    data = started.data
    return TrialReport(
        index=index,
        role=str(data.get("role", "subject")),
        method=str(data.get("method", "")),
        started_at=utc(started.at_ns),
        room=str(data.get("room", "")),
        room_sid=None,
        dispatch_id=None,
        job_id=None,
        worker_id=None,
        agent_identity=None,
        participant_ids={},
        outcome=Outcome.INCONCLUSIVE,
        state=State.NO_DISPATCH,
        mismatch=None,
        latency_ms=None,
        stages_ms={},
        state_lag_ms=None,
        fallback=Fallback.UNCLEAR,
        fallback_latency_ms=None,
        fallback_dispatch_id=None,
        api_calls=0,
        findings=tuple(crashes),
        diagnosis=None,
        timeline=(),
    )


def _job_id(facts: DispatchFacts) -> str | None:
    """As listDispatch names it; a job that is never listed is known by the offer to the probe."""
    if facts.job is not None:
        return str(facts.job["job_id"])
    offered = facts.probe_event("job.offered")
    return None if offered is None else str(offered.data["job_id"])
