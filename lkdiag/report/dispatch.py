"""From a journal's events to a report of dispatch trials, trial by trial: see `reading.py` for what is kept of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from lkdiag.checks import RUN_CHECKS, TRIAL_CHECKS, leftover_room, missing_trials
from lkdiag.checks.check_crashed import JUDGING, SLUG, Guard
from lkdiag.checks.diagnosis.beside import Beside, NotYetKnown, RestOfRunNeeded
from lkdiag.checks.facts import DispatchFacts
from lkdiag.checks.judged import JudgedTrial
from lkdiag.checks.neighbour import Neighbour
from lkdiag.report.about import environment_of, leftovers_of, run_of, scenario_of, verdict_of
from lkdiag.report.api_calls import ApiCallsSoFar
from lkdiag.report.by_shard import NOTED, FactsByShard, shards_of
from lkdiag.report.dispatch_trial import trial_report, unjudged_trial
from lkdiag.report.expectation import judge_expectation, seen_of
from lkdiag.report.grouping import FindingsSoFar
from lkdiag.report.headline import headline
from lkdiag.report.health_by_shard import health_by_shard
from lkdiag.report.packed import PLAIN, Packed, sequence_of
from lkdiag.report.reading import read_first, trials_of
from lkdiag.report.summing import SummarySoFar
from lkdiag.report.value import DispatchReport, TrialReport
from lkdiag.scenario.dispatch import DispatchScenario
from lkdiag.timeline import Event, Timeline
from lkdiag.timeline.shards import is_merged, take_apart

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lkdiag.checks.run_facts import RunFacts
    from lkdiag.checks.verdict import Finding

ROLES = ("subject", "control")


def build_dispatch(
    events: Iterable[Event], started: Event, notes: Sequence[str], *, plain: int = PLAIN
) -> DispatchReport:
    """Judge a run. Raises JournalError when its scenario can't be read. More than `plain` trials are kept packed."""
    scenario = scenario_of(started, DispatchScenario)
    by_shard = FactsByShard(scenario, merged=is_merged(started))
    first = read_first(events, NOTED, by_shard.note)
    run, facts, apart = first.run, by_shard.facts(), take_apart(first.run)
    own = apart[None]
    trials = _Trials(facts, by_shard.shard_of, {shard: one.of("lkdiag.stalled") for shard, one in apart.items()}, plain)
    guard, counting = Guard(), Guard()
    calls = ApiCallsSoFar(run)
    for index, timeline in trials_of(events, first.late):
        counting.call(partial(calls.note, timeline), None, "the count of API calls")
        trials.judge(index, timeline)
    trials.judge_the_rest()
    about = replace(
        run_of(started, own), shards=guard.call(lambda: shards_of(apart, by_shard.shard_of), (), "the list of shards")
    )
    counted, warmup = trials.numbers(warmup=False), trials.numbers(warmup=True)
    reports = sequence_of(trials.reports, counted, plain=plain)
    found = _run_findings(trials, run, own, guard)
    health = guard.call(
        lambda: health_by_shard(
            started, scenario, apart, Counter(by_shard.shard_of[index] for index in trials.neighbours)
        ),
        None,
        "the summary of lkdiag's own health",
    )
    expectation = guard.call(
        lambda: judge_expectation(started.data.get("expect"), map(seen_of, reports), interrupted=about.interrupted),
        None,
        "the comparison with what the scenario expects",
    )
    leftovers = guard.call(lambda: leftovers_of(run), (), "the list of leftover rooms")
    samples = facts[None].clock_samples or () if None in facts else ()  # each machine has a clock of its own
    environment = environment_of(started, run, samples, scenario.agent_name, guard)
    findings = (*found, *counting.crashes, *guard.crashes)
    subject, control = (trials.sums[role] for role in ROLES)
    skipped = run.of("trial.not_begun")
    accounted = subject.trials + sum(event.data.get("role", "subject") == "subject" for event in skipped)
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
        notes=(*notes, *(event.data["text"] for event in own.of("merge.noted"))),
    )


def _planned(started: Event, scenario: DispatchScenario) -> int | None:
    """Trials of the subject; None where a time was set instead."""
    if scenario.duration_s is not None:
        return None
    return int(started.data["shard"]["subject"]) if "shard" in started.data else scenario.count


def _missing(own: Timeline) -> int | None:
    """Of a run of a set time, as it says of itself: none, or nobody knows how many."""
    return None if own.of(missing_trials.KIND) else 0


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
        self.neighbours: dict[int, Neighbour] = {}
        self.sums = {role: SummarySoFar() for role in ROLES}
        self.findings = FindingsSoFar()
        self.warmup_crashes: list[Finding] = []
        """No figure has warm-up trials in it, but lkdiag's own fault counts wherever it comes to light."""
        self._runs = runs
        self._shard_of = shard_of
        self._stalls = stalls
        self._put_off = Packed(tuple[Event, ...], plain=plain)
        self._beside: Beside = NotYetKnown()

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
        judged = replace(JudgedTrial.of(DispatchFacts(index, self._run(index), timeline)), beside=self._beside)
        if index not in self.neighbours:
            self.neighbours[index] = Neighbour.of(judged)
        report = trial_report(judged, self._stalls.get(judged.facts.run.shard, ()), TRIAL_CHECKS)
        one = self.neighbours[index]
        one.causes = () if judged.diagnosis is None else judged.diagnosis.causes
        if not one.warmup:
            self.sums[_role(one)].add(judged)
        self._keep(report)

    def _give_up(self, index: int, timeline: Timeline, crashes: Sequence[Finding]) -> None:
        """Its judging crashed: nothing is known of it, and the other trials stand."""
        started = timeline.first("trial.started")
        assert started is not None, "trials_of passes over a trial that was not begun"
        one = self.neighbours[index] = Neighbour.unjudged(
            index, self._run(index), started, max(event.mono_ns for event in timeline)
        )
        if not one.warmup:
            self.sums[_role(one)].add_unjudged()
        self._keep(unjudged_trial(index, started, crashes))

    def _keep(self, report: TrialReport) -> None:
        if not self.neighbours[report.index].warmup:
            self.findings.add(report.index, report.findings, report.role)
        else:
            self.warmup_crashes += [finding for finding in report.findings if finding.check == SLUG]
        self.reports.put(report.index, report)

    def judge_the_rest(self) -> None:
        """Every trial is known. The control's go first: what they come to is evidence for the others."""
        waiting = [index for index in sorted(self.neighbours) if index not in self.reports]
        for is_control in (True, False):
            for run in self._runs.values():
                # times are among what is compared: the rest of the run is that of the same clocks
                self._beside = Beside([one for one in self.neighbours.values() if one.run is run])
                for index in waiting:
                    if self.neighbours[index].run is run and self.neighbours[index].is_control is is_control:
                        self.judge(index, Timeline(self._put_off.take(index)))

    def numbers(self, *, warmup: bool) -> list[int]:
        """Of the trials, in their order."""
        return [index for index in sorted(self.neighbours) if self.neighbours[index].warmup is warmup]

    def _run(self, index: int) -> RunFacts:
        return self._runs[self._shard_of[index]]


def _role(one: Neighbour) -> str:
    return ROLES[one.is_control]


def _run_findings(trials: _Trials, run: Timeline, own: Timeline, guard: Guard) -> tuple[Finding, ...]:
    """First what is said of the run, then each kind of finding of its trials, the most frequent first."""
    counted = [trials.neighbours[index] for index in trials.numbers(warmup=False)]
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
