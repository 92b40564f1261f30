"""From a journal's events to a report of transfer teardowns."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from lkdiag.contract import Severity, TeardownOutcome
from lkdiag.facts.teardown import STAYS, UNKNOWN, TeardownFacts
from lkdiag.journal.clock import KINDS as CLOCK
from lkdiag.journal.clock import Clocks
from lkdiag.journal.participant_kinds import AgentJoined, CallerJoined, HumanJoined, ParticipantJoined, ProbeJoined
from lkdiag.journal.run_kinds import LkdiagStalled, RunStarted
from lkdiag.journal.trial_kinds import ApiCalled, RoomCreated, RoomGone, TrialStarted
from lkdiag.journal.worker_kinds import JobAssigned, JobOffered
from lkdiag.judge.call import JudgedCall
from lkdiag.judge.checks import leftover_room
from lkdiag.judge.finding import IDS, JUDGING, STORY, Guard
from lkdiag.judge.live import LiveRun
from lkdiag.judge.run import read_first
from lkdiag.judge.tables import CALL_CHECKS
from lkdiag.report.about import environment_of, leftovers_of, run_of, scenario_of, verdict_of
from lkdiag.report.expectation import judge_expectation, seen_of
from lkdiag.report.health import health_of
from lkdiag.report.narrative import between, story
from lkdiag.report.packed import PLAIN, Packed, sequence_of
from lkdiag.report.summary import FindingsSoFar
from lkdiag.report.teardown_value import (
    SubjectSeen,
    Survivor,
    TeardownCell,
    TeardownReport,
    TeardownSummary,
    TeardownTrial,
)
from lkdiag.report.value import LeftoverRoom
from lkdiag.scenario.call import AgentExit, Cleanup, Side, TeardownScenario
from lkdiag.stats import Quantiles
from lkdiag.text import utc

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lkdiag.journal.event import Event
    from lkdiag.journal.timeline import Timeline
    from lkdiag.judge.finding import Finding
    from lkdiag.report.value import TimelineLine

AGENT_IDENTITY = "agent-"
"""What the SDKs' workers put before the job's id, to make their agent's identity."""
ORDER = [*Cleanup], [*AgentExit, STAYS, UNKNOWN], [*Side]


def build_teardown(
    events: Iterable[Event], started: Event[RunStarted], notes: Sequence[str], *, plain: int = PLAIN
) -> TeardownReport:
    """Judge a run. Raises JournalError when its scenario can't be read. More than `plain` trials are kept packed."""
    scenario = scenario_of(started, TeardownScenario)
    clocks = Clocks()
    first = read_first(events, CLOCK, clocks.note)
    run = first.run
    stalls = run.of(LkdiagStalled)
    gone = frozenset(event.row.room for event in run.of(RoomGone))
    packed, calls, found = Packed(TeardownTrial, plain=plain), [], FindingsSoFar()
    for over in LiveRun(first).follow(events):
        call, trial = _judge(TeardownFacts(over.index, scenario, over.trial, stalls, gone), stalls)
        packed.put(over.index, trial)
        found.add(over.index, trial.findings)
        calls.append(call)
    calls.sort(key=lambda call: call.index)
    trials = sequence_of(packed, [call.index for call in calls], plain=plain)
    guard = Guard()
    left = guard.findings((leftover_room.judge,), run)
    about = run_of(started, run)
    health = guard.call(partial(health_of, run, scenario, len(calls)), None, "the summary of lkdiag's own health")
    expectation = guard.call(
        lambda: judge_expectation(started.row.expect, map(seen_of, trials), interrupted=about.interrupted),
        None,
        "the comparison with what the scenario expects",
    )
    leftovers = guard.call(partial(_leftovers, run, calls), (), "the list of leftover rooms")
    environment = environment_of(started, run, clocks.samples(), scenario.agent_name, guard)
    findings = (*left, *found.grouped(), *guard.crashes)
    planned = _planned(scenario)
    verdict = verdict_of(findings, about, missing=planned > len(trials), nothing_judged=not trials)
    return TeardownReport(
        run=about,
        environment=environment,
        verdict=verdict,
        headline=_headline(calls, about.interrupted, about.aborted, planned),
        leftover_rooms=leftovers,
        findings=findings,
        expectation=expectation,
        health=health,
        notes=tuple(notes),
        summary=_summary(calls),
        trials=trials,
    )


class _Call(msgspec.Struct, frozen=True):
    """What the figures need of a call."""

    index: int
    cell: tuple[str, str, str]
    outcome: TeardownOutcome
    closed_ms: float | None
    stranded_ms: float | None
    leftover: LeftoverRoom | None

    @classmethod
    def of(cls, call: JudgedCall) -> _Call:
        facts = call.facts
        cell = (facts.cleanup, facts.agent_exit, facts.hangup)
        return cls(call.index, cell, call.outcome, facts.closed_ms, facts.stranded_ms, _leftover(call))


def _judge(facts: TeardownFacts, stalls: Sequence[Event]) -> tuple[_Call, TeardownTrial]:
    """A call's figures and its report. One whose judging crashes is inconclusive, and the other calls stand."""

    def judge() -> tuple[_Call, TeardownTrial]:
        judged = JudgedCall.of(facts)
        return _Call.of(judged), _trial(judged, stalls)

    guard = Guard(facts.index)
    return guard.call(judge, None, JUDGING) or _unjudged(facts.index, facts.timeline, guard.crashes)


def _unjudged(index: int, timeline: Timeline, crashes: Sequence[Finding]) -> tuple[_Call, TeardownTrial]:
    """What the call was to be, and the crash."""
    started = timeline.first(TrialStarted)
    assert started is not None, "a trial that was not begun is passed over"
    data = started.data
    told = str(data.get("agent_exit"))
    cell = str(data.get("cleanup")), told if told in ORDER[1] else UNKNOWN, str(data.get("hangup"))
    trial = TeardownTrial(
        index=index,
        started_at=utc(started.at_ns),
        room=str(data.get("room", "")),
        room_sid=None,
        human_room_sid=None,
        dispatch_id=None,
        job_id=None,
        participant_ids={},
        cleanup=cell[0],
        agent_exit=cell[1],
        subject=None,
        hangup=cell[2],
        merge=None,
        outcome=TeardownOutcome.INCONCLUSIVE,
        closed_ms=None,
        survivor=None,
        left_in_room=(),
        api_calls=0,
        findings=tuple(crashes),
        timeline=(),
    )
    return _Call(index, cell, TeardownOutcome.INCONCLUSIVE, None, None, None), trial


def _planned(scenario: TeardownScenario) -> int:
    exits = 1 if Cleanup.SUBJECT in scenario.cleanups else len(scenario.agent_exits)
    return len(scenario.cleanups) * exits * len(scenario.hangups) * scenario.count


def _headline(calls: Sequence[_Call], interrupted: bool, aborted: str | None, planned: int) -> str:
    if not calls:
        return "No call was played, so there is nothing to judge."
    counts = Counter(call.outcome for call in calls)
    if counts[TeardownOutcome.CLOSED] == len(calls):
        text = f"After each of {len(calls)} hang-ups the room was closed, and the other side disconnected."
    else:
        told = ", ".join(f"{counts[outcome]} {outcome}" for outcome in TeardownOutcome if counts[outcome])
        text = f"After {len(calls)} hang-ups the room was: {told}."
    if aborted is not None:
        text += f" The run was given up: {aborted}."
    elif interrupted:
        text += f" The run was interrupted after {len(calls)} of {planned} calls."
    return text


def _trial(call: JudgedCall, stalls: Sequence[Event]) -> TeardownTrial:
    facts = call.facts
    guard = call.guard
    found = guard.findings(CALL_CHECKS, call)
    ids = guard.call(partial(call_participants, facts), {}, IDS)
    told: tuple[TimelineLine, ...] = ()
    if guard.crashes or any(finding.severity is not Severity.NOTE for finding in found):
        last_ns = max(event.mono_ns for event in facts.timeline)
        told = guard.call(partial(story, facts.timeline, between(stalls, facts.started.mono_ns, last_ns)), (), STORY)
    dispatch_id, job_id = call_job(facts)
    return TeardownTrial(
        index=call.index,
        started_at=utc(facts.started.at_ns),
        room=facts.room,
        room_sid=facts.room_sid,
        human_room_sid=human_room_sid(facts),
        dispatch_id=dispatch_id,
        job_id=job_id,
        participant_ids=ids,
        cleanup=facts.cleanup,
        agent_exit=facts.agent_exit,
        subject=_subject(facts),
        hangup=facts.hangup,
        merge=facts.merge,
        outcome=call.outcome,
        closed_ms=facts.closed_ms,
        survivor=_survivor(facts),
        left_in_room=tuple(one["identity"] for one in facts.left_in_room),
        api_calls=len(facts.timeline.of(ApiCalled)),
        findings=(*found, *guard.crashes),
        timeline=told,
    )


def call_participants(facts: TeardownFacts) -> dict[str, str]:
    """PA_… ids in the caller room, as listParticipants showed them; else as each client was told itself."""
    found = {}
    for who, own in (("caller", CallerJoined), ("agent", ProbeJoined), ("human", HumanJoined)):
        joined = facts.timeline.last(own)
        kind = AgentJoined if who == "agent" else ParticipantJoined
        identity = None if joined is None else joined.row.identity
        listed = [e for e in facts.timeline.of(kind) if identity is None or e.row.identity == identity]
        event = listed[-1] if listed and (who == "agent" or joined is not None) else joined
        if event is not None and event.row.sid:
            found[who] = event.row.sid
    return found


def call_job(facts: TeardownFacts) -> tuple[str | None, str | None]:
    """The agent's dispatch and job: as the probe was offered it, else by its identity."""
    offered = facts.timeline.last(JobAssigned, JobOffered)
    if offered is not None:
        return offered.row.dispatch_id, offered.row.job_id
    came = facts.timeline.first(AgentJoined)
    identity = "" if came is None else came.row.identity
    job_id = identity.removeprefix(AGENT_IDENTITY)
    return None, job_id if identity != job_id and job_id.startswith("AJ_") else None


def human_room_sid(facts: TeardownFacts) -> str | None:
    """Of the second room, in which the human was called; None where none was made."""
    made = [e for e in facts.timeline.of(RoomCreated) if e.row.room != facts.room]
    return made[-1].row.sid if made else None


def _subject(facts: TeardownFacts) -> SubjectSeen | None:
    if facts.subject_at_hang_up is None:
        return None
    return SubjectSeen(silent=facts.subject_silent, put_out=facts.subject_put_out)


def _survivor(facts: TeardownFacts) -> Survivor | None:
    if facts.hung_up is None or facts.survivor_identity is None:
        return None
    out = facts.survivor_out
    return Survivor(
        identity=facts.survivor_identity,
        disconnected=out is not None,
        reason=None if out is None else out.row.reason,
        disconnected_ms=facts.survivor_out_ms,
        stranded_ms=facts.stranded_ms,
    )


def _leftovers(run: Timeline, calls: Sequence[_Call]) -> tuple[LeftoverRoom, ...]:
    """First what is there even now, then what lkdiag has deleted after it was judged."""
    there = leftovers_of(run)
    names = {room.name for room in there}
    judged = (call.leftover for call in calls)
    return (*there, *(room for room in judged if room is not None and room.name not in names))


def _leftover(call: JudgedCall) -> LeftoverRoom | None:
    """The room of a call that nobody had closed when its window ended."""
    facts = call.facts
    if call.outcome is not TeardownOutcome.LEFTOVER:
        return None
    return LeftoverRoom(
        name=facts.room,
        sid=facts.room_sid or "",
        created_at=None if facts.creation_ms is None else utc(facts.creation_ms * 1_000_000),
        participants=tuple(one["identity"] for one in facts.left_in_room),
        still_there=not facts.deleted_afterwards,
    )


def _summary(calls: Sequence[_Call]) -> TeardownSummary:
    counts = Counter(call.outcome for call in calls)
    cells: dict[tuple[str, str, str], list[_Call]] = {}
    for call in calls:
        cells.setdefault(call.cell, []).append(call)
    cleanups, exits, sides = ORDER
    ordered = sorted(
        cells.items(), key=lambda item: (cleanups.index(item[0][0]), exits.index(item[0][1]), sides.index(item[0][2]))
    )
    return TeardownSummary(
        trials=len(calls),
        outcomes={outcome.value: counts[outcome] for outcome in TeardownOutcome},
        closed_ms=Quantiles.of(_closed_ms(calls)),
        grid=tuple(_cell(*key, alike) for key, alike in ordered),
    )


def _cell(cleanup: str, agent_exit: str, hangup: str, calls: Sequence[_Call]) -> TeardownCell:
    stranded = [call.stranded_ms for call in calls if call.stranded_ms is not None]
    return TeardownCell(
        cleanup=cleanup,
        agent_exit=agent_exit,
        hangup=hangup,
        trials=len(calls),
        outcomes={outcome.value: count for outcome, count in Counter(call.outcome for call in calls).items()},
        closed_ms=Quantiles.of(_closed_ms(calls)).p50,
        stranded_ms=max(stranded, default=None),
    )


def _closed_ms(calls: Sequence[_Call]) -> list[float]:
    done = (TeardownOutcome.CLOSED, TeardownOutcome.SLOW)
    return [call.closed_ms for call in calls if call.outcome in done and call.closed_ms is not None]
