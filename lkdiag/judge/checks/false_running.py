"""A2: the dispatch list says that the agent is at work, and it was never in the room.

The server sets JS_RUNNING before it even asks a worker, and lists the job once a worker has accepted it
(livekit-server v1.13.5 pkg/agent/worker.go, AssignJob): RUNNING means "assigned", not "joined". A worker that accepts
and then hangs, crashes or can't connect leaves it so for ever: nothing on the server looks after it ("TODO sweep jobs
that are never started", same place). Told apart from a loss (`dropped` with `no-job`) by the job that is listed, and
from a late agent by looking on for `settle_s` after the timeout while the job is RUNNING. What can't be told apart is
an agent of somebody else's that came and left between two looks, as its job stays RUNNING too: so the finding says how
far apart the looks were.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.contract import CheckSlug, Mismatch, Severity
from lkdiag.facts.observation import longest_gap_ms, longest_unseen_stay_ms
from lkdiag.facts.validity import FIRST_JOB_NS
from lkdiag.journal.trial_kinds import DispatchListed, ObservationEnded
from lkdiag.journal.worker_kinds import JobAccepted, JobAssigned
from lkdiag.judge.causes.taken import of_jobs
from lkdiag.judge.finding import Finding
from lkdiag.judge.wording import at, fallback_sentence, seqs, timeout, watched_s, worker_of

if TYPE_CHECKING:
    from lkdiag.facts.dispatch import DispatchFacts
    from lkdiag.judge.diagnosed import DiagnosedTrial

SLUG = CheckSlug.FALSE_RUNNING
REFERENCE = "https://github.com/livekit/agents-js/issues/1211"


def judge(trial: DiagnosedTrial) -> Finding | None:
    """A finding where a job is RUNNING (or SUCCESS) whose agent never came."""
    if trial.mismatch is not Mismatch.FALSE_RUNNING:
        return None
    facts = trial.facts
    job = facts.job
    assert job is not None, "there is no false-running without a job"
    identity = job.get("participant_identity")
    accepted = at(facts, "accepted") or at(facts, "job_started")
    return Finding(
        check=SLUG,
        severity=Severity.FAIL,
        title=f"listDispatch says {trial.state.upper()}, but no agent is there",
        fact=(
            f"listDispatch said {job['status']} for job {job['job_id']} of dispatch {_dispatch_id(trial)}; "
            f"{worker_of(facts)} accepted it{accepted}; no agent{f' {identity!r}' if identity else ''} joined in "
            f"{timeout(facts)}, nor was one seen until {watched_s(facts):.1f} s (looks at most "
            f"{longest_gap_ms(facts) / 1000:.1f} s apart{_densely(facts)}).{fallback_sentence(trial)}"
        ),
        hint=(
            f"RUNNING means that a worker accepted, not that its agent joined, nor that it stayed. {_look(trial)} "
            "Don't take RUNNING for an agent in your own code: ask listParticipants."
        ),
        trial=trial.index,
        evidence=seqs(facts, DispatchListed, JobAccepted, JobAssigned, ObservationEnded),
        reference=REFERENCE,
    )


def _densely(facts: DispatchFacts) -> str:
    """How dense the looks were when the agent was most likely to come; or that webhooks tell of none."""
    if facts.webhooks_are_whole:
        return "; the room's webhooks tell of no agent either"
    if not facts.is_close or facts.opened_ns is None:
        return ""
    from_ns = facts.opened_ns + FIRST_JOB_NS
    for_s = facts.run.settings.delayed_after_s
    unseen_ms = longest_unseen_stay_ms(facts, from_ns, from_ns + int(for_s * 1e9))
    return f", {unseen_ms:.0f} ms in the first {for_s:g} s"


def _look(trial: DiagnosedTrial) -> str:
    """Where to look next; what the worker's log has told already, where one was given."""
    explanation = trial.explanation
    if explanation is not None and of_jobs(trial.facts):
        return f"By that worker's log, {explanation.statement}"
    return "Look into that worker's log for the job id: did the job's process start, and could it connect to the room?"


def _dispatch_id(trial: DiagnosedTrial) -> str:
    dispatch = trial.facts.dispatch
    return "?" if dispatch is None else str(dispatch["dispatch_id"])
