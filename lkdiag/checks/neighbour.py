"""A judged trial as the rest of its run knows it: the little that other trials, and the run as a whole, go by.

A run of 100,000 trials keeps these, and not the trials' events.
"""

from __future__ import annotations

from sys import intern
from typing import TYPE_CHECKING, Any

import msgspec

from lkdiag.checks.sight import listing_is_due
from lkdiag.checks.verdict import Fallback, Mismatch, Outcome, State

if TYPE_CHECKING:
    from lkdiag.checks.diagnosis.value import Cause
    from lkdiag.checks.facts import DispatchFacts, RunFacts
    from lkdiag.checks.judged import JudgedTrial
    from lkdiag.timeline import Event

Situation = tuple[str, str]
"""Which caller is in the room, and which of a scenario's cases it is."""
_types: dict[frozenset[str], frozenset[str]] = {}
_situations: dict[Situation, Situation] = {}


class Neighbour(msgspec.Struct, gc=False):
    """Each of them is a few hundred bytes: what many trials have in common they share."""

    index: int
    run: Any
    """The RunFacts."""
    is_control: bool
    warmup: bool
    agent_name: str
    on_probe: bool
    situation: Situation
    outcome: Outcome
    state: State
    mismatch: Mismatch | None
    fallback: Fallback
    latency_ms: float | None
    began_ns: int
    closing_began_ns: int
    paused: bool
    """Whether it began after an idle gap on purpose."""
    came: bool
    """Whether the agent of the dispatch under test was there."""
    served: bool
    """Whether an agent of the name came, by whichever dispatch."""
    asked: bool
    """Whether a job of that name was listed, by whichever dispatch, taken or declined."""
    listing_was_due: bool
    job_types: frozenset[str]
    """Of the jobs that were listed for the name: JT_ROOM, JT_PARTICIPANT, JT_PUBLISHER."""
    worker_id: str | None
    """The id of the worker that took the job, of somebody else's workers."""
    in_log: bool
    """Whether each job of the name is one of the worker's log, or went to a worker whose log it is."""
    causes: tuple[Cause, ...] = ()
    """By its diagnosis, once there is one."""

    @classmethod
    def of(cls, trial: JudgedTrial) -> Neighbour:
        """What is to be kept of a trial, but for its diagnosis."""
        facts = trial.facts
        data = facts.started.data
        situation = situation_of(facts)
        types = job_types(facts)
        worker_id = worker_of_job(facts)
        return cls(
            index=trial.index,
            run=facts.run,
            is_control=data["role"] == "control",
            warmup=bool(data["warmup"]),
            agent_name=intern(facts.agent_name),
            on_probe=facts.on_probe,
            situation=_situations.setdefault(situation, situation),
            outcome=trial.outcome,
            state=trial.state,
            mismatch=trial.mismatch,
            fallback=trial.fallback,
            latency_ms=facts.latency_ms,
            began_ns=facts.began_ns,
            closing_began_ns=facts.closing_began_ns,
            paused=was_paused(facts),
            came=facts.agent is not None,
            served=was_served(trial),
            asked=was_asked(facts),
            listing_was_due=listing_is_due(facts),
            job_types=_types.setdefault(types, types),
            worker_id=None if worker_id is None else intern(worker_id),
            in_log=is_in_log(facts),
        )

    @classmethod
    def unjudged(cls, index: int, run: RunFacts, started: Event, last_ns: int) -> Neighbour:
        """What is to be kept of a trial whose judging crashed: when it ran, and what it was to be."""
        data = started.data
        return cls(
            index=index,
            run=run,
            is_control=data.get("role") == "control",
            warmup=bool(data.get("warmup")),
            agent_name=str(data.get("agent_name", "")),
            on_probe=bool(data.get("on_probe")),
            situation=(str(data.get("caller")), str(data.get("case"))),
            outcome=Outcome.INCONCLUSIVE,
            state=State.NO_DISPATCH,
            mismatch=None,
            fallback=Fallback.UNCLEAR,
            latency_ms=None,
            began_ns=started.mono_ns,
            closing_began_ns=last_ns,
            paused=False,
            came=False,
            served=False,
            asked=False,
            listing_was_due=False,
            job_types=frozenset(),
            worker_id=None,
            in_log=False,
        )


def situation_of(facts: DispatchFacts) -> Situation:
    """Which caller is in the room, and which of a scenario's cases it is."""
    data = facts.started.data
    return str(data.get("caller")), str(data.get("case"))


def was_served(trial: JudgedTrial) -> bool:
    """Whether an agent of the name came in that trial, by whichever dispatch."""
    facts = trial.facts
    if facts.agent is not None or trial.fallback is Fallback.RESCUED:
        return True
    named = facts.identities_for(lambda dispatch_id: dispatch_id in facts.other_ids)
    return any(join.data["identity"] in named for join in facts.joins)


def was_asked(facts: DispatchFacts) -> bool:
    """Whether a job of that name was listed in that trial, by whichever dispatch, taken or declined."""
    return bool(jobs_of_name(facts))


def was_paused(facts: DispatchFacts) -> bool:
    """Whether it began after an idle gap on purpose."""
    return any(event.data["for_s"] > 0 for event in facts.prelude.of("trial.paused"))


def is_first_of_all(index: int, first_index: int, run: RunFacts) -> bool:
    """Whether nothing was dispatched before it, not even to warm up."""
    return index == first_index and first_index > 0 and not run.warmed_up


def job_types(facts: DispatchFacts) -> frozenset[str]:
    """Of the jobs that were listed for the name: JT_ROOM, JT_PARTICIPANT, JT_PUBLISHER."""
    return frozenset(job["type"] for job in jobs_of_name(facts) if job.get("type"))


def worker_of_job(facts: DispatchFacts) -> str | None:
    """The id of the worker that took the job, of somebody else's workers."""
    job = facts.job
    return None if job is None or facts.declined or facts.on_probe else job.get("worker_id")


def is_in_log(facts: DispatchFacts) -> bool:
    """Whether every job of the name went to a worker whose log was given; so it is where there is no log."""
    log = facts.run.log
    if log is None:
        return True
    return all(job["job_id"] in log.jobs or job.get("worker_id") in log.worker_ids for job in jobs_of_name(facts))


def jobs_of_name(facts: DispatchFacts) -> list[dict[str, Any]]:
    """Every job that was ever listed for the agent's name, as often as it was."""
    listed = (item for listing in facts.listings for item in listing.data["dispatches"])
    return [job for item in listed if item["agent_name"] == facts.agent_name for job in item["jobs"]]
