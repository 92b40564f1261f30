"""From a journal's events to a report of the calls that were followed, and of the dispatches seen in them."""

from __future__ import annotations

import shlex
from dataclasses import fields, replace
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from lkdiag.contract import CallEnd, Severity, Verdict
from lkdiag.facts.run import RunFacts
from lkdiag.facts.watched_call import WatchedCallFacts
from lkdiag.journal.run_kinds import LkdiagStalled, RunStarted
from lkdiag.journal.timeline import Timeline
from lkdiag.journal.trial_kinds import TrialStarted
from lkdiag.judge.checks import left_alone, out_of_sight
from lkdiag.judge.context import RunContext, TrialSummary
from lkdiag.judge.finding import JUDGING, Guard
from lkdiag.judge.tables import NAME_CHECKS, WATCH_CHECKS
from lkdiag.judge.watched import judge_watched_dispatch, observed
from lkdiag.report.about import environment_of, run_of, scenario_of, verdict_of
from lkdiag.report.dispatch import trial_report, unjudged_trial
from lkdiag.report.narrative import story
from lkdiag.report.packed import PLAIN
from lkdiag.report.summary import UNJUDGED, FindingsSoFar, SummarySoFar
from lkdiag.report.sweep import Occupant, what_closes
from lkdiag.report.watch_value import AloneSeen, CallReport, ObservedTrial, PersonSeen, WatchedRoomLeft, WatchReport
from lkdiag.scenario.watch import WatchScenario
from lkdiag.text import utc

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lkdiag.facts.watched_call import WatchedDispatchFacts
    from lkdiag.journal.event import Event
    from lkdiag.journal.presence import Stay
    from lkdiag.judge.diagnosed import DiagnosedTrial
    from lkdiag.judge.finding import Finding
    from lkdiag.report.value import DispatchSummary, Run, TimelineLine, TrialReport

OPTION = "--"


def build_watch(
    events: Iterable[Event],
    started: Event[RunStarted],
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
        WatchedCallFacts(number, events)
        for number, events in sorted(timeline.by_trial().items())
        if events.first(TrialStarted) is not None
    ]
    guard, stalls = Guard(), run.of(LkdiagStalled)
    calls = [call for call in calls if guard.call(partial(_read, call, scenario), False, _judging(call))]
    seen = [_Seen(one) for one in observed(calls, run_facts, scenario.agent_name)]
    context = RunContext([one.summary for one in seen])
    sums = SummarySoFar()
    trials = tuple(one.report(context, stalls, sums) for one in seen)
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
    found_of_run = _findings([one.summary for one in seen], trials, list(found.values()), run, calls, guard)
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


def _read(call: WatchedCallFacts, scenario: WatchScenario) -> bool:
    """True once all that is said of the call could be made. A call where that crashes is left out as a whole."""
    observable = call.job_types, call.wanted(scenario.agent_name)
    call_report(call, scenario.alone_for_s, (), (), story(call.story, ()))
    if left_alone.is_left_over(call, scenario.alone_for_s):
        left_room(call)
    return observable is not None


def _judging(call: WatchedCallFacts) -> str:
    return f"the judging of call {call.number} (room {call.started.data.get('room')})"


class _Seen:
    """A dispatch that was seen. One whose judging crashes is inconclusive, and the others stand."""

    def __init__(self, facts: WatchedDispatchFacts) -> None:
        self._facts = facts
        self._guard = Guard(facts.index)
        self._trial = self._guard.call(partial(judge_watched_dispatch, facts), None, JUDGING)
        known = None if self._trial is None else self._guard.call(partial(TrialSummary.of, self._trial), None, JUDGING)
        self.summary = known or self._unjudged()

    def _unjudged(self) -> TrialSummary:
        facts = self._facts
        summary = TrialSummary.unjudged(facts.index, facts.run, facts.call.started, facts.call.last_ns)
        return msgspec.structs.replace(summary, agent_name=facts.agent_name)

    def report(self, context: RunContext, stalls: Sequence[Event], sums: SummarySoFar) -> ObservedTrial:
        """All that is said of it, now that the others are known. It is added to the figures."""
        made = None if self._guard.crashes else self._guard.call(partial(self._judge, context, stalls), None, JUDGING)
        if made is None:
            self.summary = self._unjudged()
            sums.add_unjudged()
            whole = unjudged_trial(self._facts.index, self._facts.call.started, self._guard.crashes)
            return _observed(whole, self._facts)
        trial, report = made
        self.summary.causes = () if trial.diagnosis is None else trial.diagnosis.causes
        sums.add(trial)
        return report

    def _judge(self, context: RunContext, stalls: Sequence[Event]) -> tuple[DiagnosedTrial, ObservedTrial]:
        assert self._trial is not None, "nothing has crashed so far"
        trial = replace(self._trial, context=context)
        return trial, _trial(trial, self._facts, stalls)


def stalls_of(stalls: Sequence[Event], call: WatchedCallFacts) -> list[Event]:
    """Those during a call."""
    return [stall for stall in stalls if call.started.mono_ns <= stall.mono_ns <= call.last_ns]


def _trial(trial: DiagnosedTrial, facts: WatchedDispatchFacts, stalls: Sequence[Event]) -> ObservedTrial:
    report = trial_report(trial, stalls, WATCH_CHECKS)
    report = replace(report, started_at=utc(facts.first_listing.at_ns))
    if report.diagnosis is not None:
        told = tuple(_elsewhere(text, facts.agent_name) for text in report.diagnosis.would_tell)
        report = replace(report, diagnosis=replace(report.diagnosis, would_tell=told))
    return _observed(report, facts)


def _observed(report: TrialReport, facts: WatchedDispatchFacts) -> ObservedTrial:
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
    judged: Sequence[TrialSummary],
    trials: Sequence[ObservedTrial],
    alone: Sequence[Sequence[Finding]],
    run: Timeline,
    calls: Sequence[WatchedCallFacts],
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


# -- one call ----------------------------------------------------------------------------------------------------------


def call_report(
    call: WatchedCallFacts,
    alone_for_s: float,
    trials: tuple[int, ...],
    findings: tuple[Finding, ...],
    timeline: tuple[TimelineLine, ...],
) -> CallReport:
    """Everything that is said of it."""
    room, alone = call.room, call.alone
    return CallReport(
        number=call.number,
        room=call.started.row.room,
        room_sid=None if room is None else room.row.sid,
        found_at=utc(call.started.at_ns),
        created_at=_created_at(call),
        existed=call.existed,
        trials=trials,
        people=tuple(_person(stay) for stay in call.stays),
        ended=call_end(call, alone_for_s),
        closed_ms=_closed_ms(call),
        alone=None
        if alone is None
        else AloneSeen(
            identity=alone.identity,
            kind=alone.kind,
            since=_utc_of(call, alone.since_ns),
            for_s=round(call.alone_s(alone), 1),
            still=call.is_alone_still(alone),
            left_by=alone.left_by,
        ),
        findings=findings,
        timeline=timeline,
    )


def call_end(call: WatchedCallFacts, alone_for_s: float) -> CallEnd:
    """How it was found at last."""
    if left_alone.is_left_over(call, alone_for_s):
        return CallEnd.LEFT_OVER
    if call.closed_ns is not None:
        return CallEnd.CLOSED
    return CallEnd.EMPTY if call.emptied_ns is not None else CallEnd.OPEN


def left_room(call: WatchedCallFacts) -> WatchedRoomLeft:
    """Of a call that was left over: its room, and what would close it."""
    room, alone = call.room, call.alone
    assert room is not None, "who was left alone was in a room"
    assert alone is not None, "somebody was left alone in it"
    still = call.is_alone_still(alone)
    there = [stay for stay in call.stays if stay.left_ns is None] if still else []
    return WatchedRoomLeft(
        name=room.row.room,
        sid=room.row.sid,
        created_at=_created_at(call),
        participants=tuple(stay.identity for stay in there) or (alone.identity,),
        still_there=still,
        closes=_closes(call, there) if still else _what_became(call),
    )


def _closes(call: WatchedCallFacts, there: Sequence[Stay]) -> str:
    room = call.room
    assert room is not None, "it is about its room"
    occupants = tuple(
        Occupant(stay.identity, stay.sid, stay.kind, hidden=False, present_s=_seconds(call.last_ns - stay.seen_ns))
        for stay in there
    )
    return what_closes(
        occupants,
        num_participants=len(there),
        age_s=_seconds(call.last_ns - call.started.mono_ns),
        empty_timeout_s=room.row.empty_timeout_s or 0,
        departure_timeout_s=room.row.departure_timeout_s or 0,
    )


def _what_became(call: WatchedCallFacts) -> str:
    alone = call.alone
    assert alone is not None, "somebody was left alone in it"
    for_s = f"after {call.alone_s(alone):.0f} s"
    if call.closed_ns is not None and (alone.until_ns is None or call.closed_ns <= alone.until_ns):
        return f"it was closed {for_s}"
    return f"{alone.identity} left, or got company, {for_s}"


def _closed_ms(call: WatchedCallFacts) -> float | None:
    if call.closed_ns is None or call.emptied_ns is None or call.closed_ns < call.emptied_ns:
        return None
    return round((call.closed_ns - call.emptied_ns) / 1e6, 1)


def _created_at(call: WatchedCallFacts) -> str | None:
    created_ms = 0 if call.room is None else call.room.row.creation_time_ms
    return utc(created_ms * 1_000_000) if created_ms else None


def _person(stay: Stay) -> PersonSeen:
    stayed_s = None if stay.left_ns is None else round((stay.left_ns - stay.seen_ns) / 1e9, 1)
    return PersonSeen(stay.identity, stay.sid, stay.kind, stayed_s)


def _utc_of(call: WatchedCallFacts, mono_ns: int) -> str:
    return utc(call.started.at_ns + mono_ns - call.started.mono_ns)


def _seconds(span_ns: int) -> int:
    return max(0, int(span_ns / 1e9))
