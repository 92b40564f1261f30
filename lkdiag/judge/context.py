"""The rest of a run: what is kept of each trial, and what the others, and the control's, say about one that failed.

A run of 100,000 trials keeps these summaries, and not the trials' events. They are counted once for all trials, so that
each is compared with the others in no time.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from sys import intern
from typing import TYPE_CHECKING, Any

import msgspec

from lkdiag.contract import Cause, Fallback, Mismatch, Outcome, State
from lkdiag.facts.observation import listing_is_due
from lkdiag.journal.trial_kinds import TrialPaused
from lkdiag.judge.finding import NotACrash
from lkdiag.judge.trial import JudgedTrial

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lkdiag.facts.dispatch import DispatchFacts
    from lkdiag.facts.run import RunFacts
    from lkdiag.journal.event import Event
    from lkdiag.journal.trial_kinds import TrialStarted

Situation = tuple[str, str]
"""Which caller is in the room, and which of a scenario's cases it is."""
_types: dict[frozenset[str], frozenset[str]] = {}
_situations: dict[Situation, Situation] = {}


class TrialSummary(msgspec.Struct, gc=False):
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
    def of(cls, trial: JudgedTrial) -> TrialSummary:
        """What is to be kept of a trial, but for its diagnosis."""
        facts = trial.facts
        started = facts.started.row
        situation = situation_of(facts)
        types = job_types(facts)
        worker_id = worker_of_job(facts)
        return cls(
            index=trial.index,
            run=facts.run,
            is_control=started.role == "control",
            warmup=started.warmup,
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
    def unjudged(cls, index: int, run: RunFacts, started: Event[TrialStarted], last_ns: int) -> TrialSummary:
        """What is to be kept of a trial whose judging crashed: when it ran, and what it was to be."""
        data = started.data  # there may be anything in it
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
    started = facts.started.row
    return str(started.caller), str(started.case)


def was_served(trial: JudgedTrial) -> bool:
    """Whether an agent of the name came in that trial, by whichever dispatch."""
    facts = trial.facts
    if facts.agent is not None or trial.fallback is Fallback.RESCUED:
        return True
    named = facts.identities_for(lambda dispatch_id: dispatch_id in facts.other_ids)
    return any(join.row.identity in named for join in facts.joins)


def was_asked(facts: DispatchFacts) -> bool:
    """Whether a job of that name was listed in that trial, by whichever dispatch, taken or declined."""
    return bool(jobs_of_name(facts))


def was_paused(facts: DispatchFacts) -> bool:
    """Whether it began after an idle gap on purpose."""
    return any(event.row.for_s > 0 for event in facts.prelude.of(TrialPaused))


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
    listed = (item for listing in facts.listings for item in listing.row.dispatches)
    return [job for item in listed if item["agent_name"] == facts.agent_name for job in item["jobs"]]


class RestOfRunNeeded(NotACrash):
    """A trial can't be judged to its end before the rest of its run is known."""


class Group:
    """The subject's trials for one agent name. Simulated workers have a name for each trial."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._job_types: Counter[str] = Counter()
        self._came_in: Counter[Situation] = Counter()
        self._by_index: dict[int, TrialSummary] = {}

    def add(self, one: TrialSummary) -> None:
        """One more trial."""
        self._by_index[one.index] = one
        self._counts.update(name for name, is_so in _signs(one).items() if is_so)
        self._job_types.update(one.job_types)
        self._came_in[one.situation] += one.came

    @cached_property
    def _spans(self) -> tuple[list[int], list[int]]:
        every = self._by_index.values()
        return sorted(one.began_ns for one in every), sorted(one.closing_began_ns for one in every)

    @cached_property
    def workers(self) -> frozenset[str]:
        """That took the jobs whose agents came."""
        return frozenset(one.worker_id for one in self._by_index.values() if one.came and one.worker_id is not None)

    def without(self, index: int) -> PeerTrials:
        """All but that trial."""
        return PeerTrials(self, self._by_index.get(index))

    def count(self, sign: str, without: TrialSummary | None) -> int:
        """Of how many that is so, but for one."""
        return self._counts[sign] - (without is not None and _signs(without)[sign])

    def types(self, without: TrialSummary | None) -> frozenset[str]:
        """Of the jobs that were listed, but for one trial's."""
        mine = frozenset() if without is None else without.job_types
        return frozenset(kind for kind, count in self._job_types.items() if count > (kind in mine))

    def came_in(self, situation: Situation, without: TrialSummary | None) -> bool:
        """Whether an agent came where callers and case are the same, but for one trial."""
        mine = without is not None and without.situation == situation and without.came
        return self._came_in[situation] > mine

    def at_the_same_time(self, began_ns: int, ended_ns: int, without: TrialSummary | None) -> int:
        """How many of them had something of that time, but for one."""
        begins, ends = self._spans
        there = bisect_left(begins, ended_ns) - bisect_right(ends, began_ns)
        mine = without is not None and without.began_ns < ended_ns and began_ns < without.closing_began_ns
        return there - mine


def _signs(one: TrialSummary) -> dict[str, bool]:
    return {
        "trial": True,
        "served": one.served,
        "asked": one.asked,
        "unreported": one.mismatch is Mismatch.UNREPORTED,
        "unlogged": not one.in_log,
    }


class PeerTrials:
    """The other trials of the subject, for the same agent name as one of them (or of the control)."""

    def __init__(self, group: Group, without: TrialSummary | None) -> None:
        self._group = group
        self._without = without

    def __len__(self) -> int:
        return self._group.count("trial", self._without)

    @property
    def served(self) -> int:
        """In how many an agent of the name came, by whichever dispatch."""
        return self._group.count("served", self._without)

    @property
    def asked(self) -> int:
        """In how many a job of the name was listed, by whichever dispatch, taken or declined."""
        return self._group.count("asked", self._without)

    @property
    def unreported(self) -> int:
        """In how many an agent came whose job was never listed."""
        return self._group.count("unreported", self._without)

    @property
    def are_in_log(self) -> bool:
        """Whether every job of theirs went to a worker whose log was given."""
        return not self._group.count("unlogged", self._without)

    @property
    def job_types(self) -> frozenset[str]:
        """Of all their jobs that were listed."""
        return self._group.types(self._without)

    def came_in(self, situation: Situation) -> bool:
        """Whether an agent came in one with the same caller, of the same case."""
        return self._group.came_in(situation, self._without)

    def at_the_same_time(self, began_ns: int, ended_ns: int) -> int:
        """How many ran then."""
        return self._group.at_the_same_time(began_ns, ended_ns, self._without)


class RunContext:
    """Every trial of the run, warm-ups included."""

    def __init__(self, trials: Iterable[TrialSummary] = ()) -> None:
        every = tuple(trials)
        subject = [one for one in every if not one.is_control]
        self.judged_control: Sequence[TrialSummary] = [
            one for one in every if one.is_control and one.outcome not in (Outcome.ERROR, Outcome.INCONCLUSIVE)
        ]
        """The control's trials that could be judged."""
        self.first_index = min((one.index for one in subject), default=None)
        """Of the subject's first trial."""
        self._groups: dict[str, Group] = {}
        for one in subject:
            self._groups.setdefault(one.agent_name, Group()).add(one)
        self.some_warm_delivered = any(
            one.outcome is Outcome.DELIVERED and not _is_cold(one, self.first_index or 0) for one in subject
        )
        """Whether one that did not begin after an idle gap was delivered."""

    def peers(self, trial: JudgedTrial) -> PeerTrials:
        """The other trials of the subject, for the same agent name."""
        return self._groups.get(trial.facts.agent_name, Group()).without(trial.index)

    @cached_property
    def control_was_fine(self) -> bool:
        """Whether each of the control's dispatches, to lkdiag's own worker, was delivered."""
        control = self.judged_control
        return bool(control) and all(one.outcome is Outcome.DELIVERED for one in control)

    @cached_property
    def lost_on_the_way(self) -> tuple[int, ...]:
        """The control's trials whose dispatch may have been lost before it came to a worker."""
        return tuple(one.index for one in self.judged_control if Cause.LOST_BEFORE_WORKER in one.causes)

    def is_cold(self, trial: JudgedTrial) -> bool:
        """Whether it began after an idle gap on purpose, or was the run's very first."""
        first_index = trial.index if self.first_index is None else self.first_index
        return was_paused(trial.facts) or is_first_of_all(trial.index, first_index, trial.facts.run)

    def is_odd_one(self, trial: JudgedTrial) -> bool:
        """Whether its job went to a worker that took none of those whose agents came, all of which went to others."""
        mine = worker_of_job(trial.facts)
        if mine is None:
            return False
        theirs = self._groups.get(trial.facts.agent_name, Group()).workers
        return bool(theirs) and mine not in theirs


@dataclass(frozen=True)
class TrialInRun(JudgedTrial):
    """A judged trial among the others of its run."""

    context: RunContext = field(default=RunContext(), repr=False, compare=False)
    """The rest of the run."""


class NotYetKnown(RunContext):
    """Stands for the rest of a run that is still being read: whoever asks it for anything is told to come again."""

    def __getattribute__(self, name: str) -> Any:
        raise RestOfRunNeeded(name)


def _is_cold(one: TrialSummary, first_index: int) -> bool:
    return one.paused or is_first_of_all(one.index, first_index, one.run)
