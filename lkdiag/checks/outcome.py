"""What became of a dispatch: outcome, state, mismatch and fallback of one trial, in the contract's words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.checks.fitness import unfit_to_judge_absence, unfit_to_judge_presence
from lkdiag.checks.verdict import Fallback, Mismatch, Outcome, State

if TYPE_CHECKING:
    from lkdiag.checks.facts import DispatchFacts

STATES = {
    "JS_PENDING": State.PENDING,
    "JS_RUNNING": State.RUNNING,
    "JS_SUCCESS": State.SUCCESS,
    "JS_FAILED": State.FAILED,
    "JS_CANCELLED": State.CANCELLED,
}


def outcome_of(facts: DispatchFacts) -> tuple[Outcome, str]:
    """The outcome, and for `error` and `inconclusive` the reason."""
    if facts.failure is not None and facts.failure.kind == "trial.crashed":
        return Outcome.INCONCLUSIVE, f"lkdiag itself failed: {facts.failure.data['error']}"
    if not facts.finished:
        return Outcome.INCONCLUSIVE, "the run was interrupted before this trial had ended"
    if facts.failure is not None:
        return _of_failure(facts)
    scenario, latency_ms = facts.run.scenario, facts.latency_ms
    if latency_ms is not None and latency_ms <= scenario.timeout_s * 1000:
        if (reason := unfit_to_judge_presence(facts)) is not None:
            return Outcome.INCONCLUSIVE, reason
        late = latency_ms > scenario.delayed_after_s * 1000
        return Outcome.DELAYED if late else Outcome.DELIVERED, ""
    if (reason := unfit_to_judge_absence(facts)) is not None:
        return Outcome.INCONCLUSIVE, reason
    return Outcome.DROPPED, ""


def _of_failure(facts: DispatchFacts) -> tuple[Outcome, str]:
    assert facts.failure is not None
    data = facts.failure.data
    if facts.failure.kind == "room.reused":
        return Outcome.ERROR, f"the server gave back room {data['sid']}, which was trial {data['earlier_trial']}'s"
    if data["step"] in ("watch the room", "wait for the probe"):
        return Outcome.INCONCLUSIVE, f"lkdiag could not {data['step']}: {data['error']}"
    return Outcome.ERROR, f"lkdiag could not {data['step']}: {data['error']}"


def state_of(facts: DispatchFacts) -> State:
    """What listDispatch said of the dispatch under test at the end, before lkdiag closed the room."""
    if facts.dispatch is None:
        return State.NO_DISPATCH
    return State.NO_JOB if facts.job is None else STATES.get(facts.job["status"], State.PENDING)


def mismatch_of(facts: DispatchFacts, outcome: Outcome) -> Mismatch | None:
    """Where state and room contradict each other; never for a trial that could not be judged."""
    if outcome in (Outcome.ERROR, Outcome.INCONCLUSIVE):
        return None
    if _wrong_worker(facts, outcome):
        return Mismatch.WRONG_WORKER
    state = state_of(facts)
    if facts.agent is None and state in (State.RUNNING, State.SUCCESS):
        return Mismatch.FALSE_RUNNING if _long_enough(facts) else None
    if facts.agent is not None and state in (State.NO_DISPATCH, State.NO_JOB):
        return Mismatch.UNREPORTED if _settled(facts) else None
    if facts.agent is not None and state in (State.FAILED, State.CANCELLED):
        return Mismatch.FAILED_PRESENT if _still_there(facts) else None
    return None


def _wrong_worker(facts: DispatchFacts, outcome: Outcome) -> bool:
    """The probe's job is another worker's, or an agent of another name came instead of the one that was called."""
    if facts.on_probe and any(
        job.get("worker_id") and job["worker_id"] not in facts.run.probe_worker_ids for job in facts.jobs
    ):
        return True
    return outcome is Outcome.DROPPED and any(
        agent.get("agent_name") not in (None, "", facts.agent_name) for agent in facts.strangers
    )


def _long_enough(facts: DispatchFacts) -> bool:
    """A job that was listed only just now may still bring its agent."""
    if facts.job_listed is None or not facts.looks("participants"):
        return False
    listed_ns = facts.job_listed.mono_ns
    return facts.looked_since("participants", listed_ns + int(facts.run.scenario.delayed_after_s * 1e9))


def _settled(facts: DispatchFacts) -> bool:
    """A job may be listed later than its agent joins; afterwards listDispatch has to have been asked once more."""
    if facts.agent_seen is None:
        return False
    return facts.looked_since("dispatches", facts.agent_seen.mono_ns + int(facts.run.scenario.settle_s * 1e9))


def _still_there(facts: DispatchFacts) -> bool:
    """Only a look that began after the listing can tell that the agent outlived its job."""
    return (
        facts.agent_left is None
        and bool(facts.listings)
        and facts.looked_since("participants", facts.listings[-1].mono_ns)
    )


def fallback_of(facts: DispatchFacts) -> tuple[Fallback, float | None]:
    """What the fallback did, and after how many milliseconds its agent joined (server's clock)."""
    if not facts.run.scenario.fallback:
        return Fallback.OFF, None
    attempted = facts.timeline.first("fallback.created", "fallback.failed")
    if attempted is None:
        return Fallback.NOT_NEEDED, None
    agent, created_ms = facts.fallback_agent, facts.fallback_created_ms
    if agent is None:
        return Fallback.LOST, None
    latency_ms = None if created_ms is None else round(agent["joined_at_ms"] - created_ms, 1)
    return Fallback.RESCUED, latency_ms
