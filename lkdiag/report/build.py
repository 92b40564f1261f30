"""From a journal's events to a report. Pure: the same events give the same report, now and in ten years."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import msgspec

from lkdiag.checks import RUN_CHECKS, TRIAL_CHECKS, leftover_room
from lkdiag.checks.facts import DispatchFacts, RunFacts
from lkdiag.checks.judged import JudgedTrial
from lkdiag.checks.verdict import Fallback, Finding, Mismatch, Outcome, Severity, State, Verdict
from lkdiag.errors import JournalError
from lkdiag.report.headline import headline
from lkdiag.report.narrative import story, utc
from lkdiag.report.teardown import build_teardown
from lkdiag.report.value import (
    DispatchReport,
    DispatchSummary,
    Environment,
    LeftoverRoom,
    Report,
    Run,
    Server,
    TrialReport,
)
from lkdiag.scenario.dispatch import DispatchScenario
from lkdiag.stats import Quantiles, Rate
from lkdiag.timeline import Timeline
from lkdiag.timeline.clock import estimate_clock

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lkdiag.timeline import Event

UNJUDGED = (Outcome.ERROR, Outcome.INCONCLUSIVE)


def build_report(events: Iterable[Event], notes: Sequence[str] = ()) -> Report:
    """Judge a run. Raises JournalError when its scenario can't be read."""
    timeline = Timeline(events)
    started = timeline.first("run.started")
    assert started is not None, "read_journal has seen to it"
    if started.data["scenario"] == "transfer-teardown":
        return build_teardown(timeline, started, notes)
    scenario = _scenario(started)
    run = timeline.run_level()
    run_facts = RunFacts.of(scenario, timeline)
    judged = [
        JudgedTrial.of(DispatchFacts(index, run_facts, trial))
        for index, trial in sorted(timeline.by_trial().items())
        if trial.first("trial.started") is not None
    ]
    counted = [trial for trial in judged if not trial.facts.started.data["warmup"]]
    subject = [trial for trial in counted if trial.facts.started.data["role"] == "subject"]
    control = [trial for trial in counted if trial.facts.started.data["role"] == "control"]
    stalls = run.of("lkdiag.stalled")
    reports = {trial.index: _trial_report(trial, stalls) for trial in judged}
    trials = tuple(reports[trial.index] for trial in counted)
    findings = _run_findings(subject, control, run, trials)
    about = _run(started, run)
    verdict = _verdict(trials, findings, about, scenario.count - len(subject))
    summary = _summary(subject)
    return DispatchReport(
        run=about,
        environment=_environment(started, run, run_facts),
        verdict=verdict,
        headline=headline(verdict, summary, about, scenario.count, unlisted=_unlisted(subject)),
        summary=summary,
        control=_summary(control) if scenario.control else None,
        trials=trials,
        warmup=tuple(reports[trial.index] for trial in judged if trial.facts.started.data["warmup"]),
        leftover_rooms=tuple(_leftover(event) for event in run.of("room.left_over")),
        findings=findings,
        notes=tuple(notes),
    )


def _scenario(started: Event) -> DispatchScenario:
    try:
        return msgspec.convert(started.data["options"], DispatchScenario)
    except (msgspec.ValidationError, KeyError) as error:
        raise JournalError(
            f"the journal's scenario can't be read: {error}", "was it written by another version?"
        ) from error


def _unlisted(trials: Sequence[JudgedTrial]) -> int:
    """How many of them listDispatch showed no job for, at their end."""
    return sum(trial.state in (State.NO_DISPATCH, State.NO_JOB) for trial in trials)


# -- the run ------------------------------------------------------------------------------------------------------


def _run(started: Event, run: Timeline) -> Run:
    finished = run.last("run.finished")
    aborted = run.first("run.aborted", "run.crashed")
    return Run(
        id=started.data["run_id"],
        command=started.data["command"],
        scenario=started.data["scenario"],
        options=started.data["options"],
        started_at=utc(started.at_ns),
        finished_at=None if finished is None else utc(finished.at_ns),
        interrupted=finished is None or run.first("run.interrupted") is not None,
        aborted=None if aborted is None else str(aborted.data["reason"]),
        lkdiag_version=started.data["lkdiag_version"],
    )


def _environment(started: Event, run: Timeline, facts: RunFacts) -> Environment:
    described = run.first("worker.registered", "server.described")
    server: dict[str, Any] = {} if described is None else described.data["server"]
    clock = estimate_clock(facts.clock_samples or ())
    wall_ahead_ms = (started.at_ns - started.mono_ns) / 1e6
    name = facts.scenario.agent_name
    return Environment(
        server=Server(**{key: server.get(key) or None for key in ("version", "edition", "region", "node_id")}),
        project_host=started.data["project_host"],
        subject="lkdiag's probe" if name is None else name,
        probe_worker_ids=tuple(event.data["worker_id"] for event in run.of("worker.registered")),
        clock_offset_ms=None if clock is None else round(clock.offset_ms - wall_ahead_ms, 1),
        clock_error_ms=None if clock is None else round(clock.error_ms, 1),
        sdk=started.data["sdk"],
        python=started.data["python"],
        os=started.data["os"],
    )


def _leftover(event: Event) -> LeftoverRoom:
    created_ms = event.data.get("creation_time_ms")
    return LeftoverRoom(
        name=event.data["room"],
        sid=event.data["sid"],
        created_at=utc(created_ms * 1_000_000) if created_ms else None,
        participants=tuple(event.data["participants"]),
    )


def _verdict(trials: Sequence[TrialReport], findings: Sequence[Finding], run: Run, missing: int) -> Verdict:
    severities = {finding.severity for finding in findings}
    if Severity.FAIL in severities:
        return Verdict.FAIL
    if Severity.INCONCLUSIVE in severities or not trials or missing > 0 or run.aborted is not None:
        return Verdict.INCONCLUSIVE
    return Verdict.PASS


def _run_findings(
    subject: Sequence[JudgedTrial], control: Sequence[JudgedTrial], run: Timeline, trials: Sequence[TrialReport]
) -> tuple[Finding, ...]:
    """First what is said of the run, then each kind of finding of its trials, the most frequent first."""
    found = [check(subject, control) for check in RUN_CHECKS]
    found.append(leftover_room.judge(run))
    kinds: dict[tuple[str, str], list[Finding]] = {}
    for trial in trials:
        for finding in trial.findings:
            kinds.setdefault((finding.check, finding.title), []).append(finding)
    for alike in sorted(kinds.values(), key=len, reverse=True):
        indices = tuple(finding.trial for finding in alike if finding.trial is not None)
        first = alike[0]
        found.append(
            Finding(
                check=first.check,
                severity=first.severity,
                title=first.title,
                fact=f"{len(alike)} of {len(trials)} trials; trial {first.trial}: {first.fact}",
                hint=first.hint,
                trials=indices,
                evidence=first.evidence,
                reference=first.reference,
            )
        )
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
    last_ns = max(event.mono_ns for event in facts.timeline)
    during = [stall for stall in stalls if facts.started.mono_ns <= stall.mono_ns <= last_ns]
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
        outcome=trial.outcome,
        state=trial.state,
        mismatch=trial.mismatch,
        latency_ms=facts.latency_ms,
        stages_ms=facts.stages_ms,
        state_lag_ms=facts.state_lag_ms,
        fallback=trial.fallback,
        fallback_latency_ms=trial.fallback_latency_ms,
        fallback_dispatch_id=facts.fallback_id,
        api_calls=len(facts.timeline.of("api.called")),
        findings=findings,
        timeline=story(facts.timeline, during) if worth_telling else (),
    )


def _job_id(facts: DispatchFacts) -> str | None:
    """As listDispatch names it; a job that is never listed is known by the offer to the probe."""
    if facts.job is not None:
        return str(facts.job["job_id"])
    offered = facts.probe_event("job.offered")
    return None if offered is None else str(offered.data["job_id"])
