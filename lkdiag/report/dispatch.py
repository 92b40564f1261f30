"""From a journal's events to a report of dispatch trials."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from lkdiag.checks import RUN_CHECKS, TRIAL_CHECKS, leftover_room
from lkdiag.checks.diagnosis.beside import Beside
from lkdiag.checks.facts import DispatchFacts, RunFacts
from lkdiag.checks.judged import JudgedTrial
from lkdiag.checks.verdict import Fallback, Finding, Mismatch, Outcome, Severity, State
from lkdiag.report.about import environment_of, grouped, leftovers_of, run_of, scenario_of, verdict_of
from lkdiag.report.expectation import judge_expectation, seen_of
from lkdiag.report.headline import headline
from lkdiag.report.ids import dispatch_participants
from lkdiag.report.narrative import story, utc
from lkdiag.report.value import (
    DispatchReport,
    DispatchSummary,
    TrialReport,
)
from lkdiag.scenario.dispatch import DispatchScenario
from lkdiag.stats import Quantiles, Rate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lkdiag.timeline import Event, Timeline

UNJUDGED = (Outcome.ERROR, Outcome.INCONCLUSIVE)


def build_dispatch(timeline: Timeline, started: Event, notes: Sequence[str]) -> DispatchReport:
    """Judge a run. Raises JournalError when its scenario can't be read."""
    scenario = scenario_of(started, DispatchScenario)
    run = timeline.run_level()
    run_facts = RunFacts.of(scenario, timeline)
    judged = _side_by_side(
        [
            JudgedTrial.of(DispatchFacts(index, run_facts, trial))
            for index, trial in sorted(timeline.by_trial().items())
            if trial.first("trial.started") is not None
        ]
    )
    counted = [trial for trial in judged if not trial.facts.started.data["warmup"]]
    subject, control = _of_role(counted, "subject"), _of_role(counted, "control")
    stalls = run.of("lkdiag.stalled")
    reports = {trial.index: _trial_report(trial, stalls) for trial in judged}
    trials = tuple(reports[trial.index] for trial in counted)
    findings = _run_findings(subject, control, run, trials)
    about = run_of(started, run)
    verdict = verdict_of(findings, about, missing=scenario.count - len(subject), nothing_judged=not trials)
    summary = _summary(subject)
    return DispatchReport(
        run=about,
        environment=environment_of(started, timeline, scenario.agent_name),
        verdict=verdict,
        headline=headline(verdict, summary, about, scenario.count, unlisted=_unlisted(subject)),
        summary=summary,
        control=_summary(control) if scenario.control else None,
        trials=trials,
        warmup=tuple(reports[trial.index] for trial in judged if trial.facts.started.data["warmup"]),
        leftover_rooms=leftovers_of(run),
        findings=findings,
        expectation=judge_expectation(
            started.data.get("expect"), [seen_of(trial) for trial in trials], interrupted=about.interrupted
        ),
        notes=tuple(notes),
    )


def _side_by_side(trials: Sequence[JudgedTrial]) -> list[JudgedTrial]:
    """Each of them with the rest of the run beside it."""
    beside = Beside(tuple(_of_role(trials, "subject")), tuple(_of_role(trials, "control")))
    return [replace(trial, beside=beside) for trial in trials]


def _of_role(trials: Sequence[JudgedTrial], role: str) -> list[JudgedTrial]:
    return [trial for trial in trials if trial.facts.started.data["role"] == role]


def _unlisted(trials: Sequence[JudgedTrial]) -> int:
    """How many of them listDispatch showed no job for, at their end."""
    return sum(trial.state in (State.NO_DISPATCH, State.NO_JOB) for trial in trials)


# -- the run ------------------------------------------------------------------------------------------------------


def _run_findings(
    subject: Sequence[JudgedTrial], control: Sequence[JudgedTrial], run: Timeline, trials: Sequence[TrialReport]
) -> tuple[Finding, ...]:
    """First what is said of the run, then each kind of finding of its trials, the most frequent first."""
    found = [check(subject, control) for check in RUN_CHECKS]
    found.append(leftover_room.judge(run))
    found += grouped([trial.findings for trial in trials], [trial.role for trial in trials])
    return tuple(finding for finding in found if finding is not None)


# -- a group of trials --------------------------------------------------------------------------------------------


def _summary(trials: Sequence[JudgedTrial]) -> DispatchSummary:
    outcomes = Counter(trial.outcome for trial in trials)
    mismatches = Counter(trial.mismatch for trial in trials)
    fallbacks = Counter(trial.fallback for trial in trials)
    came = [trial for trial in trials if trial.outcome in (Outcome.DELIVERED, Outcome.DELAYED)]
    stages: dict[str, list[float]] = {}
    for trial in came:
        for stage, at_ms in trial.facts.stages_ms.items():
            if stage == "created":  # what the others are counted from
                continue
            stages.setdefault(stage, []).append(at_ms)
    judged = sum(count for outcome, count in outcomes.items() if outcome not in UNJUDGED)
    return DispatchSummary(
        trials=len(trials),
        outcomes={outcome.value: outcomes[outcome] for outcome in Outcome},
        mismatches={mismatch.value: mismatches[mismatch] for mismatch in Mismatch},
        latency_ms=Quantiles.of([trial.facts.latency_ms for trial in came if trial.facts.latency_ms is not None]),
        stages_ms={stage: Quantiles.of(values) for stage, values in stages.items()},
        state_lag_ms=Quantiles.of([trial.facts.state_lag_ms for trial in came if trial.facts.state_lag_ms is not None]),
        lost_rate=Rate.wilson(outcomes[Outcome.DROPPED], judged),
        rescued=sum(t.outcome is Outcome.DROPPED and t.fallback is Fallback.RESCUED for t in trials),
        fallbacks={fallback.value: fallbacks[fallback] for fallback in Fallback},
    )


# -- one trial ----------------------------------------------------------------------------------------------------


def _trial_report(trial: JudgedTrial, stalls: Sequence[Event]) -> TrialReport:
    facts = trial.facts
    data = facts.started.data
    findings = tuple(finding for check in TRIAL_CHECKS if (finding := check(trial)) is not None)
    worth_telling = any(finding.severity is not Severity.NOTE for finding in findings)
    during = [stall for stall in stalls if facts.started.mono_ns <= stall.mono_ns <= facts.last_ns]
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
        participant_ids=dispatch_participants(facts),
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
        findings=findings,
        diagnosis=trial.diagnosis,
        timeline=story(facts.story, during) if worth_telling else (),
    )


def _job_id(facts: DispatchFacts) -> str | None:
    """As listDispatch names it; a job that is never listed is known by the offer to the probe."""
    if facts.job is not None:
        return str(facts.job["job_id"])
    offered = facts.probe_event("job.offered")
    return None if offered is None else str(offered.data["job_id"])
