"""From a journal's events to a report of dispatch trials, trial by trial: see `reading.py` for what is kept of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lkdiag.checks import RUN_CHECKS, leftover_room
from lkdiag.checks.diagnosis.beside import Beside, NotYetKnown, RestOfRunNeeded
from lkdiag.checks.facts import DispatchFacts
from lkdiag.checks.judged import JudgedTrial
from lkdiag.checks.neighbour import Neighbour
from lkdiag.checks.run_facts import KINDS, RunFactsSoFar
from lkdiag.report.about import environment_of, leftovers_of, run_of, scenario_of, verdict_of
from lkdiag.report.api_calls import ApiCallsSoFar
from lkdiag.report.dispatch_trial import trial_report
from lkdiag.report.expectation import judge_expectation, seen_of
from lkdiag.report.grouping import FindingsSoFar
from lkdiag.report.headline import headline
from lkdiag.report.health import health_of
from lkdiag.report.packed import PLAIN, Packed, sequence_of
from lkdiag.report.reading import read_first, trials_of
from lkdiag.report.summing import SummarySoFar
from lkdiag.report.value import DispatchReport, TrialReport
from lkdiag.scenario.dispatch import DispatchScenario
from lkdiag.timeline import Event, Timeline

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lkdiag.checks.run_facts import RunFacts
    from lkdiag.checks.verdict import Finding

ROLES = ("subject", "control")


def build_dispatch(
    events: Iterable[Event], started: Event, notes: Sequence[str], *, plain: int = PLAIN
) -> DispatchReport:
    """Judge a run. Raises JournalError when its scenario can't be read. More than `plain` trials are kept packed."""
    scenario = scenario_of(started, DispatchScenario)
    so_far = RunFactsSoFar(scenario)
    first = read_first(events, KINDS, so_far.note)
    run, facts = first.run, so_far.facts()
    trials = _Trials(facts, run.of("lkdiag.stalled"), plain)
    calls = ApiCallsSoFar(run)
    for index, timeline in trials_of(events, first.late):
        calls.note(timeline)
        trials.judge(index, timeline)
    trials.judge_the_rest()
    about = run_of(started, run)
    counted, warmup = trials.numbers(warmup=False), trials.numbers(warmup=True)
    reports = sequence_of(trials.reports, counted, plain=plain)
    findings = _run_findings(trials, run)
    subject, control = (trials.sums[role] for role in ROLES)
    planned = None if scenario.duration_s is not None else scenario.count
    not_begun = len(run.of("trial.not_begun"))
    missing = not_begun if planned is None else planned - subject.trials
    verdict = verdict_of(findings, about, missing=missing, nothing_judged=not counted)
    summary = replace(subject.summary(), api_calls=calls.counted())
    return DispatchReport(
        run=about,
        environment=environment_of(started, run, facts.clock_samples or (), scenario.agent_name),
        verdict=verdict,
        headline=headline(verdict, summary, about, planned, unlisted=subject.unlisted, not_begun=not_begun),
        summary=summary,
        control=control.summary() if scenario.control else None,
        trials=reports,
        not_begun=not_begun,
        health=health_of(run, scenario, len(counted) + len(warmup)),
        warmup=sequence_of(trials.reports, warmup, plain=plain),
        leftover_rooms=leftovers_of(run),
        findings=findings,
        expectation=judge_expectation(started.data.get("expect"), map(seen_of, reports), interrupted=about.interrupted),
        notes=tuple(notes),
    )


class _Trials:
    """Judges trials as they end. Those whose diagnosis needs the rest of the run are put off until it is known."""

    def __init__(self, run: RunFacts, stalls: Sequence[Event], plain: int) -> None:
        self.reports = Packed(TrialReport, plain=plain)
        self.neighbours: dict[int, Neighbour] = {}
        self.sums = {role: SummarySoFar() for role in ROLES}
        self.findings = FindingsSoFar()
        self._run = run
        self._stalls = stalls
        self._put_off = Packed(tuple[Event, ...], plain=plain)
        self._beside: Beside = NotYetKnown()

    def judge(self, index: int, timeline: Timeline) -> None:
        """A trial that has ended."""
        judged = replace(JudgedTrial.of(DispatchFacts(index, self._run, timeline)), beside=self._beside)
        one = self.neighbours[index] = Neighbour.of(judged)
        if not one.warmup:
            self.sums[_role(one)].add(judged)
        try:
            self._report(judged)
        except RestOfRunNeeded:
            self._put_off.put(index, tuple(timeline))

    def judge_the_rest(self) -> None:
        """Every trial is known. The control's go first: what they come to is evidence for the others."""
        waiting = [index for index in sorted(self.neighbours) if index not in self.reports]
        for is_control in (True, False):
            self._beside = Beside(self.neighbours.values())
            for index in waiting:
                if self.neighbours[index].is_control is is_control:
                    facts = DispatchFacts(index, self._run, Timeline(self._put_off.take(index)))
                    self._report(replace(JudgedTrial.of(facts), beside=self._beside))

    def numbers(self, *, warmup: bool) -> list[int]:
        """Of the trials, in their order."""
        return [index for index in sorted(self.neighbours) if self.neighbours[index].warmup is warmup]

    def _report(self, judged: JudgedTrial) -> None:
        report = trial_report(judged, self._stalls)
        one = self.neighbours[judged.index]
        one.causes = () if judged.diagnosis is None else judged.diagnosis.causes
        if not one.warmup:
            self.findings.add(judged.index, report.findings, report.role)
        self.reports.put(judged.index, report)


def _role(one: Neighbour) -> str:
    return ROLES[one.is_control]


def _run_findings(trials: _Trials, run: Timeline) -> tuple[Finding, ...]:
    """First what is said of the run, then each kind of finding of its trials, the most frequent first."""
    counted = [trials.neighbours[index] for index in trials.numbers(warmup=False)]
    subject, control = ([one for one in counted if _role(one) == role] for role in ROLES)
    found = [check(subject, control) for check in RUN_CHECKS]
    found.append(leftover_room.judge(run))
    found += trials.findings.grouped()
    return tuple(finding for finding in found if finding is not None)
