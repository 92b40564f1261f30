"""No job is listed, and the worker is somebody else's: from outside many causes look alike.

A dispatch without a worker's acceptance leaves no trace: livekit-server v1.13.5 logs "not dispatching agent job since
no worker is available" (pkg/agent/client.go) or "failed to send job request", and listDispatch shows the dispatch
without a job, for ever. The fallback, the run's other trials and the worker's log rule some of them out; a control only
makes them more or less likely, as a dispatch may get lost now and then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.contract import Cause, Fallback, Mismatch, Outcome, State
from lkdiag.facts.observation import listing_is_due
from lkdiag.judge.causes import log, people
from lkdiag.judge.causes.diagnosis import Diagnosis, Elimination, of_finding
from lkdiag.judge.checks import wrong_worker
from lkdiag.judge.context import job_types, situation_of, was_asked, was_served
from lkdiag.judge.trial import sent_by_another_worker
from lkdiag.judge.wording import few, watched_s

if TYPE_CHECKING:
    from lkdiag.judge.context import TrialInRun

SILENT_DROP = "https://github.com/livekit/agents-js/issues/1211"
NO_WORKER = "https://github.com/livekit/livekit/issues/3857"
WAITS = (Cause.WAITS_FOR_PARTICIPANT, Cause.WAITS_FOR_TRACK)
POSSIBLE = (
    Cause.NO_WORKER,
    Cause.WRONG_NAME,
    Cause.WORKER_FULL,
    Cause.WORKER_SILENT,
    Cause.WORKER_ANSWERED_LATE,
    Cause.WORKER_DECLINED,
    Cause.ASSIGNMENT_LOST,
    Cause.LOST_BEFORE_WORKER,
    *WAITS,
)
"""All that end without a job. What is first is what most threads about it end with."""
ONCE = (Cause.LOST_BEFORE_WORKER, Cause.WORKER_FULL, Cause.WORKER_SILENT)
"""What strikes once and is over: more likely where the worker is known to be there otherwise."""

TELL_IDS = "the worker ids in your workers' logs ('registered worker'), beside those above"
TAKEN = (Cause.WORKER_NEVER_JOINED, Cause.SLOW_PLATFORM, Cause.SLOW_ANSWER, Cause.SLOW_JOIN)
"""What may be as well where a job may yet be listed."""


def diagnose(trial: TrialInRun) -> Diagnosis | None:
    """Of a trial that ended without a job, whose worker is not lkdiag's."""
    facts = trial.facts
    if facts.on_probe or trial.outcome is not Outcome.DROPPED or trial.state is not State.NO_JOB:
        return None
    elimination = eliminate(trial)
    known = not any(cause in elimination.causes for cause in TAKEN)
    opening = "no worker took it" if known else "no worker is known to have taken it"
    if trial.context.control_was_fine:
        opening += ", and the control was fine"
    return elimination.diagnosis(opening, _reference(trial))


def eliminate(trial: TrialInRun) -> Elimination:
    """All that is possible, less what the evidence rules out."""
    facts = trial.facts
    elimination = Elimination(*POSSIBLE)
    if listing_is_due(facts):
        elimination.speaks_for.append(
            f"no job was listed in {watched_s(facts):.1f} s: no worker is known to have taken it"
        )
    else:
        elimination.speaks_for.append(
            "whether a worker took it is not known: a job may be listed later than was looked"
        )
        elimination.causes += TAKEN
        elimination.would_tell.append("a higher --settle or --timeout: whether a job is listed after all")
    _by_its_name(trial, elimination)
    _by_its_room(trial, elimination)
    _by_control(trial, elimination)
    _by_mismatch(trial, elimination)
    log.narrow(trial, elimination)
    if any(cause in elimination.causes for cause in WAITS):
        elimination.would_tell.append("--caller publish: a worker for participants or publishers is called only then")
    if Cause.WRONG_NAME in elimination.causes and len(elimination.causes) > 1:
        elimination.would_tell.append(
            f"'registered worker' in the worker's log: it names the URL, and whether its name is {facts.agent_name!r} "
            "to the letter"
            if facts.agent_name
            else "'registered worker' in the worker's log: one with a name is never dispatched automatically"
        )
    if trial.context.is_cold(trial) and trial.context.peers(trial).served:
        elimination.causes.append(Cause.COLD_START)
    return elimination


def another_worker(trial: TrialInRun) -> Diagnosis | None:
    """F11: a worker that is not the one under test took the job, or another agent came than the one that was called.

    Certain where lkdiag's own worker was called; else a stranger in the room may as well be there by
    chance.
    """
    if trial.mismatch is not Mismatch.WRONG_WORKER:
        return None
    finding = wrong_worker.judge(trial)
    if sent_by_another_worker(trial.facts) is not None:
        return of_finding(finding, Cause.FOREIGN_WORKER, would_tell=(TELL_IDS,))
    assert finding is not None, "the mismatch has its finding"
    elimination = eliminate(trial)
    # one of the right name may be there as well
    elimination.causes.append(Cause.FOREIGN_WORKER)
    elimination.first(Cause.WRONG_NAME, Cause.FOREIGN_WORKER)
    elimination.speaks_for.insert(0, finding.fact)
    return elimination.diagnosis("the agent that was called did not come, and another one is there", finding.reference)


def _reference(trial: TrialInRun) -> str:
    return SILENT_DROP if trial.fallback is Fallback.RESCUED else NO_WORKER


def _by_its_name(trial: TrialInRun, elimination: Elimination) -> None:
    """Was a worker of that name there at another time?"""
    facts = trial.facts
    peers = trial.context.peers(trial)
    served = peers.served
    if trial.fallback is Fallback.RESCUED:
        after = "" if trial.fallback_latency_ms is None else f" after {trial.fallback_latency_ms / 1000:.2f} s"
        elimination.speaks_for.append(
            f"createDispatch in the same room ({facts.fallback_id}) brought an agent{after}: a worker of that name was "
            "there afterwards"
        )
    elif trial.fallback is Fallback.LOST:
        elimination.speaks_for.append("createDispatch in the same room brought nobody either: it lasts")
    if served:
        elimination.speaks_for.append(f"agents of that name came in {served} of {len(peers)} other trials of this run")
    elif peers:
        elimination.speaks_for.append(f"no agent of that name came in any of the {len(peers)} other trials")
    if served or was_served(trial) or was_asked(facts) or peers.asked:
        elimination.rule_out(Cause.WRONG_NAME)
        elimination.speaks_against.append("the name is right: a worker answers to it")
        elimination.first(*ONCE)
        elimination.last(Cause.NO_WORKER)


def _by_its_room(trial: TrialInRun, elimination: Elimination) -> None:
    """Was there somebody to serve, and does the worker need that at all?"""
    facts = trial.facts
    peers = trial.context.peers(trial)
    types = job_types(facts) | peers.job_types
    somebody, track = people.in_room(facts), people.published(facts)
    if "JT_ROOM" in types or peers.came_in(situation_of(facts)):
        elimination.rule_out(*WAITS)
    elif was_served(trial) and (somebody is None or somebody.mono_ns <= (facts.made_ns or 0)) and track is None:
        elimination.rule_out(*WAITS)  # nothing had changed in the room when the second dispatch brought its agent
    in_time_ns = (facts.opened_ns or 0) + int(facts.run.settings.timeout_s * 0.5e9)
    if somebody is not None and somebody.mono_ns <= in_time_ns:
        elimination.rule_out(Cause.WAITS_FOR_PARTICIPANT)
    if track is not None and track.mono_ns <= in_time_ns:
        elimination.rule_out(Cause.WAITS_FOR_TRACK)
    for job_type, cause in people.TYPES.items():
        if types == {job_type} and cause in elimination.causes:
            elimination.speaks_for.append(f"jobs of this name are of type {job_type}")
            elimination.first(cause)


def _by_control(trial: TrialInRun, elimination: Elimination) -> None:
    """The same project at the same time, with a worker that is known."""
    control = trial.context.judged_control
    if not control:
        elimination.would_tell.append("--control: whether the project delivers to a worker that is known to be there")
        return
    lost = trial.context.lost_on_the_way
    if lost:
        numbers = few(lost)
        elimination.first(Cause.LOST_BEFORE_WORKER)
        elimination.speaks_for.append(
            f"lkdiag's own worker, beside it, was never offered its job either (trial {numbers})"
        )
    elif trial.context.control_was_fine:
        elimination.last(Cause.LOST_BEFORE_WORKER)
        elimination.speaks_against.append(
            f"a loss on the platform: the control was fine, lkdiag's own worker took all of its {len(control)} "
            f"dispatch{'es' if len(control) > 1 else ''}"
        )


def _by_mismatch(trial: TrialInRun, elimination: Elimination) -> None:
    """Where this server was seen not to list a job, a job that is not listed proves nothing."""
    if trial.context.peers(trial).unreported:
        elimination.causes.append(Cause.WORKER_NEVER_JOINED)
        elimination.speaks_for.append("in another trial an agent came whose job was never listed")
