"""lkdiag's own worker was called: it knows what reached it and what it said, so that there is one cause.

Two are named where the server's patience with an answer is not known to the tenth of a second.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.contract import Cause, Mismatch, Outcome
from lkdiag.journal.worker_kinds import JobAccepted, JobAssigned, JobOffered, JobRejected, Offered
from lkdiag.judge.causes.diagnosis import Diagnosis
from lkdiag.judge.wording import at, watched_s

if TYPE_CHECKING:
    from lkdiag.facts.dispatch import DispatchFacts
    from lkdiag.journal.event import Event
    from lkdiag.judge.context import TrialInRun

SILENT_DROP = "https://github.com/livekit/agents-js/issues/1211"
NO_WORKER = "https://github.com/livekit/livekit/issues/3857"
ASSIGNMENT_LOST = "https://github.com/livekit/livekit/issues/4541"
ANSWER_MAX_S = 2.8
"""How long the server waits for a worker's answer. AssignJobTimeout says 10 s (livekit-server v1.13.5
pkg/agent/worker.go), but the request to which it belongs has psrpc's default of 3 s, of which 0.2 s are gone for the
selection (measured: answers after 2.5 s are taken, after 2.9 s not; its log: "failed to send job request")."""
ANSWER_MARGIN_S = 0.3
BLOCKED = "A real worker does so when its event loop is blocked."
SERVER_LOG = "the server's log of this job"


def diagnose(trial: TrialInRun) -> Diagnosis | None:
    """Of a trial whose agent the probe should have sent, and did not."""
    facts = trial.facts
    if not facts.on_probe or trial.outcome is not Outcome.DROPPED or trial.mismatch is Mismatch.WRONG_WORKER:
        return None
    offered, accepted = facts.probe_event(JobOffered), facts.probe_event(JobAccepted)
    if offered is None:
        return _never_offered(trial)
    late_s = 0.0 if facts.made_ns is None else (offered.mono_ns - facts.made_ns) / 1e9
    if late_s > facts.run.settings.timeout_s:
        return _offered_late(facts, offered, Cause.SLOW_PLATFORM)
    if accepted is None:
        return _never_accepted(facts, offered)
    if facts.probe_event(JobAssigned) is None:
        return _never_assigned(facts, offered, accepted)
    return Diagnosis(
        (Cause.WORKER_NEVER_JOINED,),
        "the worker took the job and did nothing with it.",
        (f"the worker was assigned {_job(facts, offered)}, and its agent did not join",),
        would_tell=("a longer --timeout: whether it comes at all",),
        reference=SILENT_DROP,
    )


def _job(facts: DispatchFacts, offered: Event[Offered]) -> str:
    return f"job {offered.row.job_id}{at(facts, 'offered')}"


def _never_offered(trial: TrialInRun) -> Diagnosis:
    facts = trial.facts
    control = "a longer --timeout: whether it is lost, or later than that"
    return Diagnosis(
        (Cause.LOST_BEFORE_WORKER,),
        "the dispatch was lost between the server's API and its worker: nothing on the worker's side can explain it. "
        "This is the silent drop of agents-js#1211; report it with the ids above.",
        (f"lkdiag's worker was registered all the time and was never offered the job, in {watched_s(facts):.1f} s",),
        would_tell=(control, "another --method", "the server's log of this dispatch"),
        reference=SILENT_DROP,
    )


def _never_accepted(facts: DispatchFacts, offered: Event[Offered]) -> Diagnosis:
    job = _job(facts, offered)
    if facts.probe_event(JobRejected) is not None:
        return Diagnosis(
            (Cause.WORKER_DECLINED,),
            "a worker that says it is not available is passed over, and where there is no other the dispatch ends "
            "there, without an error. A real worker does so when its load is above its threshold or it is draining.",
            (f"the worker was offered {job} and declined it",),
            reference=NO_WORKER,
        )
    waited_s = (facts.closing_began_ns - offered.mono_ns) / 1e9
    if waited_s < ANSWER_MAX_S:
        # it may have answered in time, had it been asked earlier
        return _offered_late(facts, offered, Cause.SLOW_PLATFORM, Cause.WORKER_SILENT, Cause.WORKER_ANSWERED_LATE)
    return Diagnosis(
        (Cause.WORKER_SILENT,),
        f"the server waits {ANSWER_MAX_S:g} s for a worker's answer, then gives the dispatch up without asking another "
        f"one. {BLOCKED}",
        (f"the worker was offered {job} and had not answered {waited_s:.1f} s later",),
        reference=SILENT_DROP,
    )


def _offered_late(facts: DispatchFacts, offered: Event[Offered], *causes: Cause) -> Diagnosis:
    late_s = 0.0 if facts.made_ns is None else (offered.mono_ns - facts.made_ns) / 1e9
    return Diagnosis(
        causes,
        f"the server asked the worker only {late_s:.2f} s after the dispatch was made: what the worker would have done "
        "with more time is not known.",
        (f"the worker was offered {_job(facts, offered)}, when there was no time left",),
        would_tell=("a longer --timeout",),
        reference=SILENT_DROP,
    )


def _never_assigned(facts: DispatchFacts, offered: Event[Offered], accepted: Event) -> Diagnosis:
    answer_s = (accepted.mono_ns - offered.mono_ns) / 1e9
    only = "only " if answer_s > ANSWER_MAX_S - ANSWER_MARGIN_S else ""
    seen = (
        f"the worker was offered {_job(facts, offered)}, accepted it {only}{answer_s:.2f} s later and was never "
        "assigned it"
    )
    too_late = (
        f"the server waits {ANSWER_MAX_S:g} s for a worker's answer, then gives the dispatch up without asking another "
        f"one. {BLOCKED}"
    )
    lost = "the assignment was lost between the worker's yes and the server's answer: see livekit#4541."
    if answer_s > ANSWER_MAX_S + ANSWER_MARGIN_S:
        return Diagnosis(
            (Cause.WORKER_ANSWERED_LATE,), f"that is too late: {too_late}", (seen,), reference=ASSIGNMENT_LOST
        )
    if only:
        return Diagnosis(
            (Cause.WORKER_ANSWERED_LATE, Cause.ASSIGNMENT_LOST),
            f"that is about as long as the server waits: {too_late} Or {lost}",
            (seen,),
            would_tell=(SERVER_LOG,),
            reference=ASSIGNMENT_LOST,
        )
    return Diagnosis(
        (Cause.ASSIGNMENT_LOST,),
        lost,
        (seen,),
        speaks_against=(f"{answer_s:.2f} s is well within the {ANSWER_MAX_S:g} s that the server waits",),
        would_tell=(SERVER_LOG,),
        reference=ASSIGNMENT_LOST,
    )
