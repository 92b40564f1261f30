"""A1: the agent never came, and the dispatch list shows no job (or no dispatch) that would explain it.

A dispatch without a worker's acceptance leaves no trace: livekit-server v1.13.5 logs "not dispatching agent job since
no worker is available" (pkg/agent/client.go) or "failed to send job request", and listDispatch shows the dispatch
without a job, for ever. From outside, a lost request, a silent worker, a declining one, one over its load limit and a
missing one look alike; lkdiag's own worker, where it was the one called, knows which of them it was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.checks.fitness import began_to_join_too_late
from lkdiag.checks.sight import LISTING_LAG_S, listing_is_due
from lkdiag.checks.verdict import Fallback, Finding, Mismatch, Outcome, Severity, State
from lkdiag.checks.wording import agent_word, at, fallback_sentence, seqs, timeout, watched_s, worker_of

if TYPE_CHECKING:
    from lkdiag.checks.facts import DispatchFacts
    from lkdiag.checks.judged import JudgedTrial

SLUG = "dropped"
SILENT_DROP = "https://github.com/livekit/agents-js/issues/1211"
NO_WORKER = "https://github.com/livekit/livekit/issues/3857"
ASSIGNMENT_LOST = "https://github.com/livekit/livekit/issues/4541"
ROOM_EXISTED = "https://github.com/livekit/livekit/issues/4390"
ANSWER_MAX_S = 2.8
"""How long the server waits for a worker's answer. AssignJobTimeout says 10 s (livekit-server v1.13.5
pkg/agent/worker.go), but the request to which it belongs has psrpc's default of 3 s, of which 0.2 s are gone for the
selection (measured: answers after 2.5 s are taken, after 2.9 s not; its log: "failed to send job request")."""
ANSWER_MARGIN_S = 0.2
Cause = tuple[str, str, str]
"""What was seen, what it means, and the upstream thread."""


def judge(trial: JudgedTrial) -> Finding | None:
    """A finding where nobody came; `false-running` and `wrong-worker` say more where they apply."""
    if trial.outcome is not Outcome.DROPPED or trial.mismatch in (Mismatch.FALSE_RUNNING, Mismatch.WRONG_WORKER):
        return None
    facts = trial.facts
    cause, hint, reference = _late_joiner(facts) or _explained(trial)
    seen = {State.NO_DISPATCH: "no dispatch", State.NO_JOB: "the dispatch, but no job"}.get(
        trial.state, f"a job in the state {trial.state.upper()}"
    )
    return Finding(
        check=SLUG,
        severity=Severity.FAIL,
        title="no agent came in time",
        fact=(
            f"no {agent_word(facts).removeprefix('an ')} joined in {timeout(facts)}; listDispatch shows {seen}; "
            f"{cause}.{fallback_sentence(trial)}"
        ),
        hint=hint,
        trial=trial.index,
        evidence=seqs(
            facts,
            "dispatch.listed",
            "job.offered",
            "job.rejected",
            "job.accepted",
            "observation.ended",
            "fallback.created",
            "fallback.ended",
        ),
        reference=reference,
    )


def _late_joiner(facts: DispatchFacts) -> Cause | None:
    if facts.latency_ms is not None:
        came = f"it came after {facts.latency_ms / 1000:.2f} s, when the time was up"
    elif began_to_join_too_late(facts):
        came = "it set out only when the time was up"
    else:
        return None
    return came, "it is late rather than lost: a higher --timeout tells how late", SILENT_DROP


def _explained(trial: JudgedTrial) -> Cause:
    facts = trial.facts
    if facts.on_probe and (trial.state is not State.NO_DISPATCH or facts.probe_event("job.offered") is not None):
        return _by_probe(facts)
    if trial.state is State.NO_DISPATCH:
        return (
            "the server has no such dispatch",
            "it was asked for and is not there, so that no worker can have been called. In a room that existed before, "
            "the dispatches of a createRoom or of a token count for nothing.",
            ROOM_EXISTED,
        )
    return _from_outside(trial) if facts.job is None else _by_job(facts)


def _by_probe(facts: DispatchFacts) -> Cause:
    """lkdiag's own worker was called, so it is known what reached it and what it said."""
    offered, accepted = facts.probe_event("job.offered"), facts.probe_event("job.accepted")
    if offered is None:
        return (
            f"lkdiag's worker was registered all the time and was never offered the job, in {watched_s(facts):.1f} s",
            "the dispatch was lost between the server's API and its worker: nothing on the worker's side can explain "
            "it. This is the silent drop of agents-js#1211; report it with the ids above.",
            SILENT_DROP,
        )
    job = f"job {offered.data['job_id']}{at(facts, 'offered')}"
    if facts.probe_event("job.rejected") is not None:
        return (
            f"the worker was offered {job} and declined it",
            "a worker that says it is not available is passed over, and where there is no other the dispatch ends "
            "there, without an error. A real worker does so when its load is above its threshold or it is draining.",
            NO_WORKER,
        )
    if accepted is None:
        waited_s = (facts.closing_began_ns - offered.mono_ns) / 1e9
        return (
            f"the worker was offered {job} and had not answered {waited_s:.1f} s later",
            f"the server waits {ANSWER_MAX_S:g} s for a worker's answer, then gives the dispatch up without asking "
            "another one. A real worker is silent when its event loop is blocked.",
            SILENT_DROP,
        )
    if facts.probe_event("job.assigned") is None:
        answer_s = (accepted.mono_ns - offered.mono_ns) / 1e9
        if answer_s > ANSWER_MAX_S - ANSWER_MARGIN_S:
            return (
                f"the worker was offered {job}, accepted it only {answer_s:.2f} s later and was never assigned it",
                f"that is too late: the server waits {ANSWER_MAX_S:g} s for a worker's answer, then gives the dispatch "
                "up without asking another one. A real worker answers late when its event loop is blocked.",
                ASSIGNMENT_LOST,
            )
        return (
            f"the worker was offered {job}, accepted it {answer_s:.2f} s later and was never assigned it",
            "the assignment was lost between the worker's yes and the server's answer: see livekit#4541.",
            ASSIGNMENT_LOST,
        )
    return (
        f"the worker was assigned {job}, and its agent did not join",
        "the worker took the job and did nothing with it.",
        SILENT_DROP,
    )


def _by_job(facts: DispatchFacts) -> Cause:
    """Somebody else's worker took the job: it is listed, and its agent was not seen."""
    job = facts.job
    assert job is not None
    error = f", {job['error']!r}" if job.get("error") else ""
    return (
        f"{worker_of(facts)} took job {job['job_id']} ({job['status']}{error})",
        "the worker was called and accepted, and its agent was not seen: its log names the job id, and says what "
        "became of the job's process.",
        SILENT_DROP,
    )


def _from_outside(trial: JudgedTrial) -> Cause:
    """Somebody else's worker: only its log, or a control beside it, can tell what it saw."""
    if trial.fallback is Fallback.RESCUED:
        return (
            "a worker of that name was there afterwards",
            "either this dispatch was lost on its way to the worker, or the worker was not available just then (load "
            "above its threshold, blocked, restarting). Search the worker's log for the room's name: a 'received job "
            "request' speaks for the worker, none for the platform. --control tells the two apart from outside.",
            SILENT_DROP,
        )
    if not listing_is_due(trial.facts):
        return (
            "whether a worker took it is not known",
            f"a job may be listed {LISTING_LAG_S:g} s late, and listDispatch was not asked so long: a higher --settle "
            "or --timeout tells more.",
            NO_WORKER,
        )
    return (
        "no worker took it",
        f"no worker registered as {trial.facts.agent_name!r} took the job: none is connected to this project, its name "
        "is another one (names are compared to the letter), it serves another job type (then --caller helps), it is "
        "over its load limit, or it did not answer in time. Its log says 'registered worker' with the name and URL "
        "that it uses. --control shows whether the project delivers to a worker that is there.",
        NO_WORKER,
    )
