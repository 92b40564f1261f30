"""From a journal's events to a report of dispatch trials, trial by trial: `judge/run.py` says what is kept of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from lkdiag.contract import Fallback, Outcome, Severity, State, Verdict
from lkdiag.facts.dispatch import DispatchFacts
from lkdiag.journal.event import Event
from lkdiag.journal.participant_kinds import CallerJoined
from lkdiag.journal.run_kinds import LkdiagStalled, MergeNoted, RunStarted, TrialsMissing
from lkdiag.journal.timeline import Timeline, is_merged, take_apart
from lkdiag.journal.trial_kinds import ApiCalled, TrialNotBegun, TrialStarted
from lkdiag.journal.worker_kinds import JobOffered
from lkdiag.judge.checks import leftover_room, missing_trials
from lkdiag.judge.context import NotYetKnown, RestOfRunNeeded, RunContext, TrialSummary
from lkdiag.judge.diagnosed import DiagnosedTrial
from lkdiag.judge.finding import IDS, JUDGING, SLUG, STORY, Guard
from lkdiag.judge.live import LiveRun
from lkdiag.judge.run import NOTED, FactsByShard, read_first
from lkdiag.judge.tables import RUN_CHECKS, TRIAL_CHECKS
from lkdiag.report.about import environment_of, leftovers_of, run_of, scenario_of, verdict_of
from lkdiag.report.expectation import judge_expectation, seen_of
from lkdiag.report.health import health_by_shard, shards_of
from lkdiag.report.narrative import between, story
from lkdiag.report.packed import PLAIN, Packed, sequence_of
from lkdiag.report.summary import ApiCallsSoFar, FindingsSoFar, SummarySoFar
from lkdiag.report.value import DispatchReport, TrialReport
from lkdiag.scenario.dispatch import DispatchScenario
from lkdiag.text import utc

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from lkdiag.facts.run import RunFacts
    from lkdiag.judge.finding import Finding
    from lkdiag.report.value import DispatchSummary, Run, TimelineLine

ROLES = ("subject", "control")


def build_dispatch(
    events: Iterable[Event], started: Event[RunStarted], notes: Sequence[str], *, plain: int = PLAIN
) -> DispatchReport:
    """Judge a run. Raises JournalError when its scenario can't be read. More than `plain` trials are kept packed."""
    scenario = scenario_of(started, DispatchScenario)
    by_shard = FactsByShard(scenario, merged=is_merged(started))
    first = read_first(events, NOTED, by_shard.note)
    run, facts, apart = first.run, by_shard.facts(), take_apart(first.run)
    own = apart[None]
    trials = _Trials(facts, by_shard.shard_of, {shard: one.of(LkdiagStalled) for shard, one in apart.items()}, plain)
    guard, counting = Guard(), Guard()
    calls = ApiCallsSoFar(run)
    for over in LiveRun(first).follow(events):
        counting.call(partial(calls.note, over.trial), None, "the count of API calls")
        trials.judge(over.index, over.trial)
    trials.judge_the_rest()
    about = replace(
        run_of(started, own), shards=guard.call(lambda: shards_of(apart, by_shard.shard_of), (), "the list of shards")
    )
    counted, warmup = trials.numbers(warmup=False), trials.numbers(warmup=True)
    reports = sequence_of(trials.reports, counted, plain=plain)
    found = _run_findings(trials, run, own, guard)
    health = guard.call(
        lambda: health_by_shard(
            started, scenario, apart, Counter(by_shard.shard_of[index] for index in trials.summaries)
        ),
        None,
        "the summary of lkdiag's own health",
    )
    expectation = guard.call(
        lambda: judge_expectation(started.row.expect, map(seen_of, reports), interrupted=about.interrupted),
        None,
        "the comparison with what the scenario expects",
    )
    leftovers = guard.call(lambda: leftovers_of(run), (), "the list of leftover rooms")
    samples = facts[None].clock_samples or () if None in facts else ()  # each machine has a clock of its own
    environment = environment_of(started, run, samples, scenario.agent_name, guard)
    findings = (*found, *counting.crashes, *guard.crashes)
    subject, control = (trials.sums[role] for role in ROLES)
    skipped = run.of(TrialNotBegun)
    accounted = subject.trials + sum((event.row.role or "subject") == "subject" for event in skipped)
    planned = _planned(started, scenario)
    missing = _missing(own) if planned is None else max(0, planned - accounted)
    summary = replace(subject.summary(), api_calls=None if counting.crashes else calls.counted(), missing=missing)
    verdict = verdict_of(findings, about, missing=missing != 0 or bool(skipped), nothing_judged=not counted)
    return DispatchReport(
        run=about,
        environment=environment,
        verdict=verdict,
        headline=headline(verdict, summary, about, planned, unlisted=subject.unlisted, not_begun=len(skipped)),
        summary=summary,
        control=control.summary() if scenario.control else None,
        trials=reports,
        not_begun=len(skipped),
        health=health,
        warmup=sequence_of(trials.reports, warmup, plain=plain),
        leftover_rooms=leftovers,
        findings=findings,
        expectation=expectation,
        notes=(*notes, *(event.row.text for event in own.of(MergeNoted))),
    )


def _planned(started: Event[RunStarted], scenario: DispatchScenario) -> int | None:
    """Trials of the subject; None where a time was set instead."""
    if scenario.duration_s is not None:
        return None
    return int(started.row.shard["subject"]) if started.row.shard is not None else scenario.count


def _missing(own: Timeline) -> int | None:
    """Of a run of a set time, as it says of itself: none, or nobody knows how many."""
    return None if own.of(TrialsMissing) else 0


class _Trials:
    """Judges trials as they end. Those whose diagnosis needs the rest of the run are put off until it is known."""

    def __init__(
        self,
        runs: Mapping[int | None, RunFacts],
        shard_of: Mapping[int, int | None],
        stalls: Mapping[int | None, Sequence[Event]],
        plain: int,
    ) -> None:
        self.reports = Packed(TrialReport, plain=plain)
        self.summaries: dict[int, TrialSummary] = {}
        self.sums = {role: SummarySoFar() for role in ROLES}
        self.findings = FindingsSoFar()
        self.warmup_crashes: list[Finding] = []
        """No figure has warm-up trials in it, but lkdiag's own fault counts wherever it comes to light."""
        self._runs = runs
        self._shard_of = shard_of
        self._stalls = stalls
        self._put_off = Packed(tuple[Event, ...], plain=plain)
        self._context: RunContext = NotYetKnown()

    def judge(self, index: int, timeline: Timeline) -> None:
        """A trial that has ended."""
        guard = Guard(index)
        try:
            guard.call(partial(self._judge, index, timeline), None, JUDGING)
        except RestOfRunNeeded:
            self._put_off.put(index, tuple(timeline))
        if guard.crashes:
            self._give_up(index, timeline, guard.crashes)

    def _judge(self, index: int, timeline: Timeline) -> None:
        judged = replace(DiagnosedTrial.of(DispatchFacts(index, self._run(index), timeline)), context=self._context)
        if index not in self.summaries:
            self.summaries[index] = TrialSummary.of(judged)
        report = trial_report(judged, self._stalls.get(judged.facts.run.shard, ()), TRIAL_CHECKS)
        one = self.summaries[index]
        one.causes = () if judged.diagnosis is None else judged.diagnosis.causes
        if not one.warmup:
            self.sums[_role(one)].add(judged)
        self._keep(report)

    def _give_up(self, index: int, timeline: Timeline, crashes: Sequence[Finding]) -> None:
        """Its judging crashed: nothing is known of it, and the other trials stand."""
        started = timeline.first(TrialStarted)
        assert started is not None, "a trial that was not begun is passed over"
        one = self.summaries[index] = TrialSummary.unjudged(
            index, self._run(index), started, max(event.mono_ns for event in timeline)
        )
        if not one.warmup:
            self.sums[_role(one)].add_unjudged()
        self._keep(unjudged_trial(index, started, crashes))

    def _keep(self, report: TrialReport) -> None:
        if not self.summaries[report.index].warmup:
            self.findings.add(report.index, report.findings, report.role)
        else:
            self.warmup_crashes += [finding for finding in report.findings if finding.check == SLUG]
        self.reports.put(report.index, report)

    def judge_the_rest(self) -> None:
        """Called when every trial is known. The control's trials go first: they are evidence for the subject's."""
        waiting = [index for index in sorted(self.summaries) if index not in self.reports]
        for is_control in (True, False):
            for run in self._runs.values():
                # times are among what is compared: the rest of the run is that of the same clocks
                self._context = RunContext([one for one in self.summaries.values() if one.run is run])
                for index in waiting:
                    if self.summaries[index].run is run and self.summaries[index].is_control is is_control:
                        self.judge(index, Timeline(self._put_off.take(index)))

    def numbers(self, *, warmup: bool) -> list[int]:
        """Of the trials, in their order."""
        return [index for index in sorted(self.summaries) if self.summaries[index].warmup is warmup]

    def _run(self, index: int) -> RunFacts:
        return self._runs[self._shard_of[index]]


def _role(one: TrialSummary) -> str:
    return ROLES[one.is_control]


def _run_findings(trials: _Trials, run: Timeline, own: Timeline, guard: Guard) -> tuple[Finding, ...]:
    """First what is said of the run, then each kind of finding of its trials, the most frequent first."""
    counted = [trials.summaries[index] for index in trials.numbers(warmup=False)]
    subject, control = ([one for one in counted if _role(one) == role] for role in ROLES)
    grouped = trials.findings.grouped()
    told = {finding.title for finding in grouped}
    of_warmups = {crash.title: crash for crash in trials.warmup_crashes if crash.title not in told}
    return (
        *guard.findings((missing_trials.judge,), own),
        *guard.findings(RUN_CHECKS, subject, control),
        *guard.findings((leftover_room.judge,), run),
        *grouped,
        *of_warmups.values(),
    )


# -- one trial ---------------------------------------------------------------------------------------------------------


def trial_report(
    trial: DiagnosedTrial,
    stalls: Sequence[Event],
    checks: Sequence[Callable[[DiagnosedTrial], Finding | None]],
) -> TrialReport:
    """Its findings, its diagnosis, and its story where there is something to tell.

    `stalls` are the run's `lkdiag.stalled`, in their order.
    """
    facts = trial.facts
    started = facts.started.row
    guard, diagnosis = trial.guard, trial.diagnosis
    found = guard.findings(checks, trial)
    ids = guard.call(partial(dispatch_participants, facts), {}, IDS)
    told: tuple[TimelineLine, ...] = ()
    if guard.crashes or any(finding.severity is not Severity.NOTE for finding in found):
        during = between(stalls, facts.started.mono_ns, facts.last_ns)
        told = guard.call(partial(story, facts.story, during), (), STORY)
    return TrialReport(
        index=trial.index,
        role=started.role,
        method=started.method,
        started_at=utc(facts.started.at_ns),
        room=started.room,
        room_sid=None if facts.room is None else facts.room.row.sid,
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
        api_calls=len(facts.story.of(ApiCalled)),
        start_lag_ms=facts.start_lag_ms,
        findings=(*found, *guard.crashes),
        diagnosis=diagnosis,
        timeline=told,
    )


def unjudged_trial(index: int, started: Event, crashes: Sequence[Finding]) -> TrialReport:
    """The report of a trial whose judging crashed: what was planned, and the crash; nothing about its agent."""
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


def dispatch_participants(facts: DispatchFacts) -> dict[str, str]:
    """PA_… ids of a dispatch trial: the agent, the one that the fallback brought, the caller."""
    caller = facts.timeline.last(CallerJoined)
    called = None if caller is None else caller.data
    fallback = facts.fallback_agent
    if fallback is not None and facts.agent is not None and fallback["sid"] == facts.agent["sid"]:
        fallback = None
    seen = (("agent", facts.agent), ("fallback agent", fallback), ("caller", called))
    return {who: str(data["sid"]) for who, data in seen if data is not None and data.get("sid")}


def _job_id(facts: DispatchFacts) -> str | None:
    """As listDispatch names it; a job that is never listed is known by the offer to the probe."""
    if facts.job is not None:
        return str(facts.job["job_id"])
    offered = facts.probe_event(JobOffered)
    return None if offered is None else offered.row.job_id


# -- the run in one sentence -------------------------------------------------------------------------------------------


def headline(
    verdict: Verdict,
    summary: DispatchSummary,
    run: Run,
    planned: int | None,
    *,
    unlisted: int = 0,
    not_begun: int = 0,
) -> str:
    """Counts first, then what they mean; how the run ended, when it did not end by itself.

    `planned` is None where a time was set instead of a number.
    `unlisted` trials ended before listDispatch showed a job, which is no finding yet.
    """
    parts = [_counts(verdict, summary, unlisted)]
    if not_begun:
        trials = "trial was" if not_begun == 1 else "trials were"
        parts.append(f"{not_begun} {trials} not begun: too many others went on (--max-in-flight).")
    if run.aborted is not None:
        parts.append(f"The run was given up: {run.aborted}.")
    elif run.interrupted:
        ended = "interrupted" if run.finished_at is not None else "killed"
        of = "" if planned is None else f" of {planned}"
        parts.append(f"The run was {ended} after {summary.trials}{of} trials.")
    elif summary.missing is None:
        parts.append("More trials are missing, nobody knows how many: nothing is known of them.")
    elif summary.missing:
        are = "are" if summary.missing > 1 else "is"
        parts.append(f"{summary.missing} of {planned} trials {are} missing: nothing is known of them.")
    return " ".join(parts)


def _counts(verdict: Verdict, summary: DispatchSummary, unlisted: int) -> str:
    outcomes = summary.outcomes
    if summary.trials == 0:
        return "No trial was carried out, so there is nothing to judge."
    told = [f"{count} {outcome}" for outcome, count in outcomes.items() if count]
    odd = [f"{count} {mismatch}" for mismatch, count in summary.mismatches.items() if count]
    if verdict is Verdict.PASS:
        median = summary.latency_ms.p50
        after = "" if median is None else f", after {median / 1000:.2f} s in the median"
        listed = ", and the dispatch list said so" if not unlisted else f"; {unlisted} had no job listed by the end"
        return f"All {summary.trials} dispatches were delivered{after}{listed}."
    mismatches = f" (dispatch list: {', '.join(odd)})" if odd else ""
    return f"Of {summary.trials} dispatches {', '.join(told)}{mismatches}."
