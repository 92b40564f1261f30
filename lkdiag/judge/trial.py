"""What became of a dispatch: outcome, state, mismatch and fallback of one trial, in the contract's words."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from lkdiag.contract import CallFailure, Fallback, Mismatch, Outcome, State
from lkdiag.facts.observation import LISTING_LAG_S, polled_since
from lkdiag.facts.validity import (
    GAP_MAX_MS,
    missed_stay_ms,
    own_worker_missed,
    unfit_to_judge_absence,
    unfit_to_judge_presence,
)
from lkdiag.journal.attribution import was_declined
from lkdiag.journal.participant_kinds import ProbeJoining
from lkdiag.journal.trial_kinds import (
    DispatchListed,
    FallbackCreated,
    FallbackFailed,
    ObservationEnded,
    RoomReplaced,
    RoomReused,
    RoomUnconfirmed,
    TrialCrashed,
    TrialFailed,
)
from lkdiag.journal.worker_kinds import JobAccepted
from lkdiag.judge.finding import Guard

if TYPE_CHECKING:
    from lkdiag.facts.dispatch import DispatchFacts
    from lkdiag.journal.event import Event

STATES = {
    "JS_PENDING": State.PENDING,
    "JS_RUNNING": State.RUNNING,
    "JS_SUCCESS": State.SUCCESS,
    "JS_FAILED": State.FAILED,
    "JS_CANCELLED": State.CANCELLED,
}
LINGER_S = 1.0
"""A participant that leaves may be listed for a moment after its job was ended: the server does both side by side
(livekit-server v1.13.5 pkg/rtc/room.go, RemoveParticipant)."""


def outcome_of(facts: DispatchFacts) -> tuple[Outcome, str]:
    """The outcome, and for `error` and `inconclusive` the reason."""
    if facts.failure is not None and isinstance(facts.failure.row, TrialCrashed):
        return Outcome.INCONCLUSIVE, f"lkdiag itself failed: {facts.failure.row.error}"
    if not facts.finished:
        return Outcome.INCONCLUSIVE, "the run was interrupted before this trial had ended"
    if facts.failure is not None:
        return _of_failure(facts)
    reason = unfit_to_judge_absence(facts) if facts.agent is None else unfit_to_judge_presence(facts)
    if reason is not None:
        return Outcome.INCONCLUSIVE, reason
    settings, latency_ms = facts.run.settings, facts.latency_ms
    if facts.agent is None or (latency_ms is not None and latency_ms > settings.timeout_s * 1000):
        return Outcome.DROPPED, ""
    late = latency_ms is not None and latency_ms > settings.delayed_after_s * 1000
    return Outcome.DELAYED if late else Outcome.DELIVERED, ""


def _of_failure(facts: DispatchFacts) -> tuple[Outcome, str]:
    """What LiveKit itself refuses is an error; any other failed call, or lkdiag's own part, tells nothing."""
    assert facts.failure is not None
    row = facts.failure.row
    if isinstance(row, RoomReused):
        own = row.earlier_trial == facts.index
        whose = "which this trial had deleted" if own else f"which was trial {row.earlier_trial}'s"
        return Outcome.ERROR, f"the server gave back room {row.sid}, {whose}"
    assert isinstance(row, TrialFailed), "one that crashed is told before"
    refused = row.failure == CallFailure.REFUSED
    return Outcome.ERROR if refused else Outcome.INCONCLUSIVE, f"lkdiag could not {row.step}: {row.error}"


def state_of(facts: DispatchFacts) -> State:
    """What listDispatch said of the dispatch under test at the end, before lkdiag closed the room."""
    if facts.dispatch is None or facts.dispatch_vanished:
        return State.NO_DISPATCH
    return State.NO_JOB if facts.job is None else STATES.get(facts.job["status"], State.PENDING)


# -- where state and room contradict each other ------------------------------------------------------------------------


def mismatch_of(facts: DispatchFacts, outcome: Outcome) -> Mismatch | None:
    """Where state and room contradict each other; never for a trial that could not be judged."""
    if outcome in (Outcome.ERROR, Outcome.INCONCLUSIVE) or facts.dispatch_vanished:
        return None
    if sent_by_another_worker(facts) is not None or _agent_of_another_name(facts, outcome):
        return Mismatch.WRONG_WORKER
    state = state_of(facts)
    if facts.agent is None and state in (State.RUNNING, State.SUCCESS) and not facts.declined:
        return Mismatch.FALSE_RUNNING if _long_enough(facts) else None
    if facts.agent is not None and state in (State.NO_DISPATCH, State.NO_JOB):
        return Mismatch.UNREPORTED if _settled(facts) else None
    if facts.agent is not None and state in (State.FAILED, State.CANCELLED):
        return Mismatch.FAILED_PRESENT if _still_there(facts) else None
    return None


def sent_by_another_worker(facts: DispatchFacts) -> str | None:
    """A job of the probe's dispatch that the probe never took, or an agent that it never sent; in words."""
    if not facts.on_probe:
        return None
    accepted = facts.timeline.of(JobAccepted)
    for job in facts.jobs:
        known = job.get("worker_id") in facts.run.probe_worker_ids
        if not known and job["job_id"] not in {event.row.job_id for event in accepted}:
            worker = f"worker {job['worker_id']}" if job.get("worker_id") else "another worker"
            return f"{worker} {'declined' if was_declined(job) else 'took'} job {job['job_id']}"
    agent = facts.agent
    if agent is not None and agent["identity"] not in {event.row.identity for event in accepted}:
        return f"another worker sent agent {agent['identity']!r}"
    return None


def _agent_of_another_name(facts: DispatchFacts, outcome: Outcome) -> bool:
    """Instead of the one that was called, and brought by no dispatch that had to be listed by then."""
    if outcome is not Outcome.DROPPED:
        return False
    return any(
        event.row.agent_name not in (None, "", facts.agent_name)
        and polled_since(facts, "dispatches", event.mono_ns, LISTING_LAG_S)
        for event in facts.strangers
    )


def _long_enough(facts: DispatchFacts) -> bool:
    """A job that was listed only just now may still bring its agent; one of the probe's that sets out will."""
    if facts.job_listed is None or facts.probe_event(ProbeJoining) is not None:
        return False
    if facts.doubtful_joins and not facts.own_identities:
        return False
    ended = facts.timeline.first(ObservationEnded)
    end_ns = facts.closing_began_ns if ended is None else ended.mono_ns
    if not polled_since(facts, "participants", end_ns, -GAP_MAX_MS / 1000):
        return False  # out of sight at the end: it may have come then
    settings = facts.run.settings
    patience_s = max(settings.delayed_after_s, settings.settle_s)
    return polled_since(facts, "participants", facts.job_listed.mono_ns, patience_s)


def _settled(facts: DispatchFacts) -> bool:
    """A job may be listed later than its agent joins; afterwards listDispatch has to have been asked once more."""
    if facts.agent_seen is None or facts.agent_left is not None:
        return False
    patience_s = max(LISTING_LAG_S, facts.run.settings.settle_s)
    return polled_since(facts, "dispatches", facts.agent_seen.mono_ns, patience_s)


def _still_there(facts: DispatchFacts) -> bool:
    """Only a look well after the listing can tell that the agent outlived its job."""
    return facts.agent_left is None and polled_since(facts, "participants", facts.listings[-1].mono_ns, LINGER_S)


# -- the fallback ------------------------------------------------------------------------------------------------------


def fallback_of(facts: DispatchFacts, outcome: Outcome) -> tuple[Fallback, float | None]:
    """What the fallback did, and after how many milliseconds its agent joined (server's clock)."""
    if not facts.run.settings.fallback:
        return Fallback.OFF, None
    attempted = facts.timeline.first(FallbackCreated, FallbackFailed)
    if attempted is None and outcome is Outcome.DROPPED and facts.agent is None and not facts.doubtful_joins:
        return Fallback.OFF, None  # a scenario without that step
    came_first = outcome in (Outcome.DELIVERED, Outcome.DELAYED)
    if attempted is None or (came_first and not _gone_before(facts, attempted)):
        # in a room that the story itself has deleted, nobody has looked
        out_of_sight = attempted is not None and attempted.mono_ns > facts.closing_began_ns
        return Fallback.UNCLEAR if out_of_sight else Fallback.NOT_NEEDED, None
    if facts.timeline.of(RoomReplaced, RoomUnconfirmed):
        return Fallback.UNCLEAR, None
    agent, created_ms = facts.fallback_agent, facts.fallback_created_ms
    if agent is not None:
        latency_ms = None if created_ms is None else round(agent["joined_at_ms"] - created_ms, 1)
        return Fallback.RESCUED, latency_ms
    if outcome is not Outcome.DROPPED and not came_first:
        return Fallback.UNCLEAR, None
    if isinstance(attempted.row, FallbackFailed):
        refused = attempted.row.failure == CallFailure.REFUSED
        return Fallback.LOST if refused else Fallback.UNCLEAR, None
    # not known: an agent that may be the fallback's, a worker of lkdiag's that failed or was not reached, its agent
    # under way, or nobody having looked
    waited = polled_since(facts, "participants", attempted.mono_ns, facts.run.settings.fallback_timeout_s)
    own = facts.fallback_probe_job
    missed = own_worker_missed(facts, own) or _may_have_flashed(facts)
    if facts.doubtful_joins or own.event(ProbeJoining) is not None or not waited or missed:
        return Fallback.UNCLEAR, None
    return Fallback.LOST, None


def _may_have_flashed(facts: DispatchFacts) -> bool:
    """A worker took the fallback's job, and its agent may have come and gone unseen."""
    listings = [e for e in facts.listings if _jobs_of_fallback(facts, e)]
    if not listings:
        return False
    if facts.fallback_probe_job.event(JobAccepted) is not None:
        return False  # lkdiag's own worker knows whether its agent was there
    return not facts.webhooks_are_whole and missed_stay_ms(facts, facts.fallback_asked_ns, listings[0]) is not None


def _jobs_of_fallback(facts: DispatchFacts, listing: Event[DispatchListed]) -> list[dict[str, Any]]:
    mine = (item for item in listing.row.dispatches if item["dispatch_id"] == facts.fallback_id)
    return [job for item in mine for job in item["jobs"] if not was_declined(job)]


def _gone_before(facts: DispatchFacts, attempted: Event) -> bool:
    """The agent had come, and was seen to be gone again when the fallback was tried."""
    return facts.agent_left is not None and facts.agent_left.mono_ns <= attempted.mono_ns


@dataclass(frozen=True)
class JudgedTrial:
    """One trial's facts with its verdict."""

    facts: DispatchFacts
    outcome: Outcome
    reason: str
    """Why it is `error` or `inconclusive`."""
    state: State
    mismatch: Mismatch | None
    fallback: Fallback
    fallback_latency_ms: float | None

    @classmethod
    def of(cls, facts: DispatchFacts) -> Self:
        """Judge a trial."""
        outcome, reason = outcome_of(facts)
        fallback, fallback_latency_ms = fallback_of(facts, outcome)
        mismatch = mismatch_of(facts, outcome)
        return cls(facts, outcome, reason, state_of(facts), mismatch, fallback, fallback_latency_ms)

    @property
    def index(self) -> int:
        """The trial's number."""
        return self.facts.index

    @property
    def judges_webhooks(self) -> bool:
        """Only where webhooks were to be received, and the trial went its way."""
        return self.facts.run.webhooks and self.outcome not in (Outcome.ERROR, Outcome.INCONCLUSIVE)

    @cached_property
    def guard(self) -> Guard:
        """Knows which of its checks and causes crashed."""
        return Guard(self.index)
