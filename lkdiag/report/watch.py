"""From a journal's events to a report of the calls that were followed, and of the dispatches seen in them."""

from __future__ import annotations

import shlex
from dataclasses import fields, replace
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from lkdiag.checks.check_crashed import JUDGING, Guard
from lkdiag.checks.diagnosis.beside import Beside
from lkdiag.checks.neighbour import Neighbour
from lkdiag.checks.run_facts import RunFacts
from lkdiag.checks.verdict import Severity, Verdict
from lkdiag.checks.watch import CHECKS, NAME_CHECKS, left_alone, out_of_sight
from lkdiag.checks.watch.call import CallFacts
from lkdiag.checks.watch.judged import judge_observed, observed
from lkdiag.report.about import environment_of, run_of, scenario_of, verdict_of
from lkdiag.report.dispatch_trial import trial_report, unjudged_trial
from lkdiag.report.grouping import FindingsSoFar
from lkdiag.report.narrative import story, utc
from lkdiag.report.packed import PLAIN
from lkdiag.report.summing import UNJUDGED, SummarySoFar
from lkdiag.report.watch_call import call_end, call_report, left_room
from lkdiag.report.watch_value import CallEnd, ObservedTrial, WatchReport
from lkdiag.scenario.watch import WatchScenario
from lkdiag.timeline import Timeline

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lkdiag.checks.judged import JudgedTrial
    from lkdiag.checks.verdict import Finding
    from lkdiag.checks.watch.facts import ObservedFacts
    from lkdiag.report.value import DispatchSummary, Run, TrialReport
    from lkdiag.timeline import Event

OPTION = "--"


def build_watch(
    events: Iterable[Event],
    started: Event,
    notes: Sequence[str],
    *,
    plain: int = PLAIN,  # noqa: ARG001 - as of every kind of run
) -> WatchReport:
    """Judge a watch. Raises JournalError when its scenario can't be read.

    All of it is held at once: what an agent's name is known for by one call, another one is judged by.
    """
    scenario = scenario_of(started, WatchScenario)
    timeline = Timeline(events)
    run = timeline.run_level()
    # nothing of this run was ever cold or warm: the calls came when they came
    run_facts = replace(RunFacts.of(scenario, timeline), warmed_up=True)
    calls = [
        CallFacts(number, events)
        for number, events in sorted(timeline.by_trial().items())
        if events.first("trial.started") is not None
    ]
    guard, stalls = Guard(), run.of("lkdiag.stalled")
    calls = [call for call in calls if guard.call(partial(_read, call, scenario), False, _judging(call))]
    seen = [_Seen(one) for one in observed(calls, run_facts, scenario.agent_name)]
    beside = Beside([one.neighbour for one in seen])
    sums = SummarySoFar()
    trials = tuple(one.report(beside, stalls, sums) for one in seen)
    found = {call.number: guard.findings((left_alone.judge,), call, scenario.alone_for_s) for call in calls}
    reports = tuple(
        call_report(
            call,
            scenario.alone_for_s,
            tuple(trial.index for trial in trials if trial.call == call.number),
            found[call.number],
            story(call.story, stalls_of(stalls, call)) if found[call.number] else (),
        )
        for call in calls
    )
    found_of_run = _findings([one.neighbour for one in seen], trials, list(found.values()), run, calls, guard)
    about = run_of(started, run)
    names = dict.fromkeys(trial.agent_name for trial in trials)
    environment = environment_of(
        started,
        run,
        run_facts.clock_samples or (),
        scenario.agent_name or ", ".join(name or "(no name)" for name in names) or "the project's agents",
        guard,
    )
    notes_of_run = guard.call(partial(_notes, run), (), "the note on how the rooms were looked for")
    findings = (*found_of_run, *guard.crashes)
    nothing = all(trial.outcome in UNJUDGED for trial in trials) and not any(call.is_over for call in calls)
    verdict = verdict_of(findings, about, missing=False, nothing_judged=nothing)
    summary = sums.summary()
    return WatchReport(
        run=about,
        environment=environment,
        verdict=verdict,
        headline=_headline(verdict, summary, [call_end(call, scenario.alone_for_s) for call in calls], about),
        summary=summary,
        control=None,
        trials=trials,
        warmup=(),
        leftover_rooms=tuple(left_room(call) for call in calls if left_alone.is_left_over(call, scenario.alone_for_s)),
        findings=findings,
        notes=(*notes, *notes_of_run),
        calls=reports,
    )


def _read(call: CallFacts, scenario: WatchScenario) -> bool:
    """True once all that is said of the call could be made. A call where that crashes is left out as a whole."""
    observable = call.job_types, call.wanted(scenario.agent_name)
    call_report(call, scenario.alone_for_s, (), (), story(call.story, ()))
    if left_alone.is_left_over(call, scenario.alone_for_s):
        left_room(call)
    return observable is not None


def _judging(call: CallFacts) -> str:
    return f"the judging of call {call.number} (room {call.started.data.get('room')})"


class _Seen:
    """A dispatch that was seen. One whose judging crashes is inconclusive, and the others stand."""

    def __init__(self, facts: ObservedFacts) -> None:
        self._facts = facts
        self._guard = Guard(facts.index)
        self._trial = self._guard.call(partial(judge_observed, facts), None, JUDGING)
        known = None if self._trial is None else self._guard.call(partial(Neighbour.of, self._trial), None, JUDGING)
        self.neighbour = known or self._unjudged()

    def _unjudged(self) -> Neighbour:
        facts = self._facts
        neighbour = Neighbour.unjudged(facts.index, facts.run, facts.call.started, facts.call.last_ns)
        return msgspec.structs.replace(neighbour, agent_name=facts.agent_name)

    def report(self, beside: Beside, stalls: Sequence[Event], sums: SummarySoFar) -> ObservedTrial:
        """All that is said of it, now that the others are known. It is added to the figures."""
        made = None if self._guard.crashes else self._guard.call(partial(self._judge, beside, stalls), None, JUDGING)
        if made is None:
            self.neighbour = self._unjudged()
            sums.add_unjudged()
            whole = unjudged_trial(self._facts.index, self._facts.call.started, self._guard.crashes)
            return _observed(whole, self._facts)
        trial, report = made
        self.neighbour.causes = () if trial.diagnosis is None else trial.diagnosis.causes
        sums.add(trial)
        return report

    def _judge(self, beside: Beside, stalls: Sequence[Event]) -> tuple[JudgedTrial, ObservedTrial]:
        assert self._trial is not None, "nothing has crashed so far"
        trial = replace(self._trial, beside=beside)
        return trial, _trial(trial, self._facts, stalls)


def stalls_of(stalls: Sequence[Event], call: CallFacts) -> list[Event]:
    """Those during a call."""
    return [stall for stall in stalls if call.started.mono_ns <= stall.mono_ns <= call.last_ns]


def _trial(trial: JudgedTrial, facts: ObservedFacts, stalls: Sequence[Event]) -> ObservedTrial:
    report = trial_report(trial, stalls, CHECKS)
    report = replace(report, started_at=utc(facts.first_listing.at_ns))
    if report.diagnosis is not None:
        told = tuple(_elsewhere(text, facts.agent_name) for text in report.diagnosis.would_tell)
        report = replace(report, diagnosis=replace(report.diagnosis, would_tell=told))
    return _observed(report, facts)


def _observed(report: TrialReport, facts: ObservedFacts) -> ObservedTrial:
    values = {one.name: getattr(report, one.name) for one in fields(report)}
    return ObservedTrial(**values, agent_name=facts.agent_name, call=facts.call.number)


def _elsewhere(text: str, agent_name: str) -> str:
    """What a trial of lkdiag's own would tell is an option of another command."""
    known_here = text.startswith(("--worker-log", "--timeout", "--settle"))
    if not text.startswith(OPTION) or known_here or not agent_name:
        return text
    return f"lkdiag dispatch-trial --agent-name {shlex.quote(agent_name)} {text}"


# -- of the run as a whole ------------------------------------------------------------------------------------------


def _findings(
    judged: Sequence[Neighbour],
    trials: Sequence[ObservedTrial],
    alone: Sequence[Sequence[Finding]],
    run: Timeline,
    calls: Sequence[CallFacts],
    guard: Guard,
) -> tuple[Finding, ...]:
    found: list[Finding] = []
    for name in dict.fromkeys(trial.agent_name for trial in trials):
        of_name = [trial for trial in judged if trial.agent_name == name]
        found += guard.findings(NAME_CHECKS, of_name, ())
    found += guard.findings((out_of_sight.judge,), run)
    found += guard.findings((out_of_sight.judge_calls,), calls)
    found += _left_alone([finding for findings in alone for finding in findings], len(alone))
    of_trials = FindingsSoFar()
    for one in trials:
        of_trials.add(one.index, one.findings)
    found += of_trials.grouped()
    return tuple(found)


def _left_alone(findings: Sequence[Finding], calls: int) -> Iterable[Finding]:
    """One of each severity, however many calls it has befallen."""
    for severity in (Severity.FAIL, Severity.NOTE):
        alike = [finding for finding in findings if finding.severity is severity]
        if alike:
            facts = "; ".join(finding.fact for finding in alike)
            evidence = tuple(seq for finding in alike for seq in finding.evidence)
            yield replace(alike[0], fact=f"{len(alike)} of {calls} calls: {facts}", evidence=evidence)


def _notes(run: Timeline) -> list[str]:
    gaps = out_of_sight.gaps_s(run)
    apart = f"at most {max(gaps):.1f} s apart" if gaps else "none of which was answered"
    return [
        f"Nobody joined: rooms were looked for by listRooms, {apart}. A call that was shorter may not have been seen, "
        "and when somebody came or went is known only to within a look."
    ]


def _headline(verdict: Verdict, summary: DispatchSummary, ends: Sequence[CallEnd], run: Run) -> str:
    if not ends:
        told = "No call was seen, so there is nothing to judge."
    else:
        calls = f"{len(ends)} call{'s' if len(ends) > 1 else ''}"
        told = f"{calls} seen: {_dispatches(verdict, summary)}"
        left = sum(end is CallEnd.LEFT_OVER for end in ends)
        told += f"; in {left} of them somebody was left alone." if left else "; none was left over."
    if run.aborted is not None:
        told += f" The watch was given up: {run.aborted}."
    elif run.finished_at is None:
        told += " The watch was killed."
    return told


def _dispatches(verdict: Verdict, summary: DispatchSummary) -> str:
    if not summary.trials:
        return "no dispatch was seen"
    median = summary.latency_ms.p50
    if verdict is Verdict.PASS and summary.outcomes["delivered"] == summary.trials:
        after = "" if median is None else f", after {median / 1000:.2f} s in the median"
        one = summary.trials == 1
        return f"{'the only dispatch was' if one else f'all {summary.trials} dispatches were'} delivered{after}"
    told = ", ".join(f"{count} {outcome}" for outcome, count in summary.outcomes.items() if count)
    odd = ", ".join(f"{count} {mismatch}" for mismatch, count in summary.mismatches.items() if count)
    return f"of {summary.trials} dispatches {told}{f' (dispatch list: {odd})' if odd else ''}"
