"""No job is listed, and the worker is somebody else's: from outside many causes look alike.

A dispatch without a worker's acceptance leaves no trace: livekit-server v1.13.5 logs "not dispatching agent job since
no worker is available" (pkg/agent/client.go) or "failed to send job request", and listDispatch shows the dispatch
without a job, for ever. The fallback, the run's other trials and the worker's log rule some of them out; a control only
makes them more or less likely, as a dispatch may get lost now and then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.checks.diagnosis import log, people
from lkdiag.checks.diagnosis.value import Cause, Diagnosis, Weighing
from lkdiag.checks.neighbour import job_types, situation_of, was_asked, was_served
from lkdiag.checks.sight import listing_is_due
from lkdiag.checks.verdict import Fallback, Outcome, State
from lkdiag.checks.wording import few, watched_s

if TYPE_CHECKING:
    from lkdiag.checks.judged import JudgedTrial

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

TAKEN = (Cause.WORKER_NEVER_JOINED, Cause.SLOW_PLATFORM, Cause.SLOW_ANSWER, Cause.SLOW_JOIN)
"""What may be as well where a job may yet be listed."""


def diagnose(trial: JudgedTrial) -> Diagnosis | None:
    """Of a trial that ended without a job, whose worker is not lkdiag's."""
    facts = trial.facts
    if facts.on_probe or trial.outcome is not Outcome.DROPPED or trial.state is not State.NO_JOB:
        return None
    weighing = weigh(trial)
    known = not any(cause in weighing.causes for cause in TAKEN)
    opening = "no worker took it" if known else "no worker is known to have taken it"
    if trial.beside.control_was_fine:
        opening += ", and the control was fine"
    return weighing.diagnosis(opening, _reference(trial))


def weigh(trial: JudgedTrial) -> Weighing:
    """All that is possible, less what the evidence rules out."""
    facts = trial.facts
    weighing = Weighing(*POSSIBLE)
    if listing_is_due(facts):
        weighing.speaks_for.append(
            f"no job was listed in {watched_s(facts):.1f} s: no worker is known to have taken it"
        )
    else:
        weighing.speaks_for.append("whether a worker took it is not known: a job may be listed later than was looked")
        weighing.causes += TAKEN
        weighing.would_tell.append("a higher --settle or --timeout: whether a job is listed after all")
    _by_its_name(trial, weighing)
    _by_its_room(trial, weighing)
    _by_control(trial, weighing)
    _by_mismatch(trial, weighing)
    log.narrow(trial, weighing)
    if any(cause in weighing.causes for cause in WAITS):
        weighing.would_tell.append("--caller publish: a worker for participants or publishers is called only then")
    if Cause.WRONG_NAME in weighing.causes and len(weighing.causes) > 1:
        weighing.would_tell.append(
            f"'registered worker' in the worker's log: it names the URL, and whether its name is {facts.agent_name!r} "
            "to the letter"
            if facts.agent_name
            else "'registered worker' in the worker's log: one with a name is never dispatched automatically"
        )
    if trial.beside.is_cold(trial) and trial.beside.alike(trial).served:
        weighing.causes.append(Cause.COLD_START)
    return weighing


def _reference(trial: JudgedTrial) -> str:
    return SILENT_DROP if trial.fallback is Fallback.RESCUED else NO_WORKER


def _by_its_name(trial: JudgedTrial, weighing: Weighing) -> None:
    """Was a worker of that name there at another time?"""
    facts = trial.facts
    alike = trial.beside.alike(trial)
    served = alike.served
    if trial.fallback is Fallback.RESCUED:
        after = "" if trial.fallback_latency_ms is None else f" after {trial.fallback_latency_ms / 1000:.2f} s"
        weighing.speaks_for.append(
            f"createDispatch in the same room ({facts.fallback_id}) brought an agent{after}: a worker of that name was "
            "there afterwards"
        )
    elif trial.fallback is Fallback.LOST:
        weighing.speaks_for.append("createDispatch in the same room brought nobody either: it lasts")
    if served:
        weighing.speaks_for.append(f"agents of that name came in {served} of {len(alike)} other trials of this run")
    elif alike:
        weighing.speaks_for.append(f"no agent of that name came in any of the {len(alike)} other trials")
    if served or was_served(trial) or was_asked(facts) or alike.asked:
        weighing.rule_out(Cause.WRONG_NAME)
        weighing.speaks_against.append("the name is right: a worker answers to it")
        weighing.first(*ONCE)
        weighing.last(Cause.NO_WORKER)


def _by_its_room(trial: JudgedTrial, weighing: Weighing) -> None:
    """Was there somebody to serve, and does the worker need that at all?"""
    facts = trial.facts
    alike = trial.beside.alike(trial)
    types = job_types(facts) | alike.job_types
    somebody, track = people.in_room(facts), people.published(facts)
    if "JT_ROOM" in types or alike.came_in(situation_of(facts)):
        weighing.rule_out(*WAITS)
    elif was_served(trial) and (somebody is None or somebody.mono_ns <= (facts.made_ns or 0)) and track is None:
        weighing.rule_out(*WAITS)  # nothing had changed in the room when the second dispatch brought its agent
    in_time_ns = (facts.opened_ns or 0) + int(facts.run.scenario.timeout_s * 0.5e9)
    if somebody is not None and somebody.mono_ns <= in_time_ns:
        weighing.rule_out(Cause.WAITS_FOR_PARTICIPANT)
    if track is not None and track.mono_ns <= in_time_ns:
        weighing.rule_out(Cause.WAITS_FOR_TRACK)
    for job_type, cause in people.TYPES.items():
        if types == {job_type} and cause in weighing.causes:
            weighing.speaks_for.append(f"jobs of this name are of type {job_type}")
            weighing.first(cause)


def _by_control(trial: JudgedTrial, weighing: Weighing) -> None:
    """The same project at the same time, with a worker that is known."""
    control = trial.beside.judged_control
    if not control:
        weighing.would_tell.append("--control: whether the project delivers to a worker that is known to be there")
        return
    lost = trial.beside.lost_on_the_way
    if lost:
        numbers = few(lost)
        weighing.first(Cause.LOST_BEFORE_WORKER)
        weighing.speaks_for.append(
            f"lkdiag's own worker, beside it, was never offered its job either (trial {numbers})"
        )
    elif trial.beside.control_was_fine:
        weighing.last(Cause.LOST_BEFORE_WORKER)
        weighing.speaks_against.append(
            f"a loss on the platform: the control was fine, lkdiag's own worker took all of its {len(control)} "
            f"dispatch{'es' if len(control) > 1 else ''}"
        )


def _by_mismatch(trial: JudgedTrial, weighing: Weighing) -> None:
    """Where this server was seen not to list a job, a job that is not listed proves nothing."""
    if trial.beside.alike(trial).unreported:
        weighing.causes.append(Cause.WORKER_NEVER_JOINED)
        weighing.speaks_for.append("in another trial an agent came whose job was never listed")
