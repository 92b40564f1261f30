"""A1: the agent never came, and the dispatch list shows no job (or no dispatch) that would explain it.

A dispatch without a worker's acceptance leaves no trace: livekit-server v1.13.5 logs "not dispatching agent job since
no worker is available" (pkg/agent/client.go) or "failed to send job request", and listDispatch shows the dispatch
without a job, for ever. From outside, a lost request, a silent worker, a declining one, one over its load limit and a
missing one look alike; lkdiag's own worker, where it was the one called, knows which of them it was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.checks.verdict import Fallback, Finding, Mismatch, Outcome, Severity, State
from lkdiag.checks.wording import agent_word, at, fallback_sentence, seqs, timeout

if TYPE_CHECKING:
    from lkdiag.checks.judged import JudgedTrial

SLUG = "dropped"
SILENT_DROP = "https://github.com/livekit/agents-js/issues/1211"
NO_WORKER = "https://github.com/livekit/livekit/issues/3857"


def judge(trial: JudgedTrial) -> Finding | None:
    """A finding where nobody came; `false-running` and `wrong-worker` say more where they apply."""
    if trial.outcome is not Outcome.DROPPED or trial.mismatch in (Mismatch.FALSE_RUNNING, Mismatch.WRONG_WORKER):
        return None
    facts = trial.facts
    cause, hint, reference = _late_joiner(trial) or (_by_probe(trial) if facts.on_probe else _from_outside(trial))
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


def _late_joiner(trial: JudgedTrial) -> tuple[str, str, str] | None:
    latency_ms = trial.facts.latency_ms
    if latency_ms is None:
        return None
    return (
        f"it came after {latency_ms / 1000:.2f} s, when the time was up",
        "it is late rather than lost: a higher --timeout tells how late",
        SILENT_DROP,
    )


def _by_probe(trial: JudgedTrial) -> tuple[str, str, str]:
    """lkdiag's own worker was called, so it is known what reached it and what it said."""
    facts = trial.facts
    offered = facts.probe_event("job.offered")
    if offered is None:
        return (
            "lkdiag's worker was registered all the time and was never offered the job",
            "the dispatch was lost between the server's API and its worker: nothing on the worker's side can explain "
            "it. This is the silent drop of agents-js#1211; report it with the ids above.",
            SILENT_DROP,
        )
    job_id = offered.data["job_id"]
    if facts.probe_event("job.rejected") is not None:
        return (
            f"the worker was offered job {job_id}{at(facts, 'offered')} and declined it",
            "a worker that says it is not available is passed over, and where there is no other the dispatch ends "
            "there, without an error. A real worker does so when its load is above its threshold or it is draining.",
            NO_WORKER,
        )
    if facts.probe_event("job.accepted") is None:
        return (
            f"the worker was offered job {job_id}{at(facts, 'offered')} and never answered",
            "the server waits 10 s for a worker's answer, then gives the dispatch up without asking another one "
            "(livekit-server pkg/agent/worker.go, AssignJobTimeout). A real worker is silent when its event loop is "
            "blocked.",
            SILENT_DROP,
        )
    if facts.probe_event("job.assigned") is None:
        return (
            f"the worker accepted job {job_id}{at(facts, 'accepted')} and was never assigned it",
            "the assignment was lost between the worker's yes and the server's answer: see livekit#4541.",
            "https://github.com/livekit/livekit/issues/4541",
        )
    return (
        f"the worker was assigned job {job_id}{at(facts, 'assigned')}, and its agent did not join",
        "the worker took the job and did nothing with it.",
        SILENT_DROP,
    )


def _from_outside(trial: JudgedTrial) -> tuple[str, str, str]:
    """Somebody else's worker: only its log, or a control beside it, can tell what it saw."""
    if trial.fallback is Fallback.RESCUED:
        return (
            "a worker of that name was there afterwards",
            "either this dispatch was lost on its way to the worker, or the worker was not available just then (load "
            "above its threshold, blocked, restarting). Search the worker's log for the room's name: a 'received job "
            "request' speaks for the worker, none for the platform. --control tells the two apart from outside.",
            SILENT_DROP,
        )
    return (
        "no worker took it",
        f"no worker registered as {trial.facts.agent_name!r} took the job: none is connected to this project, its name "
        "is another one (names are compared to the letter), it serves another job type (then --caller helps), or it is "
        "over its load limit. Its log says 'registered worker' with the name and URL that it uses. --control shows "
        "whether the project delivers to a worker that is there.",
        NO_WORKER,
    )
