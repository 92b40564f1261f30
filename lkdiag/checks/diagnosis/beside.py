"""The rest of the run: what its other trials, and the control's, say about one that failed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lkdiag.checks.diagnosis.value import Cause
from lkdiag.checks.verdict import Fallback, Outcome

if TYPE_CHECKING:
    from lkdiag.checks.judged import JudgedTrial


@dataclass(frozen=True)
class Beside:
    """Every trial of the run, warm-ups included, by whose worker it is about."""

    subject: tuple[JudgedTrial, ...] = ()
    control: tuple[JudgedTrial, ...] = ()

    def alike(self, trial: JudgedTrial) -> tuple[JudgedTrial, ...]:
        """The other trials of the subject, for the same agent name. Workers that lkdiag plays have one a trial."""
        name = trial.facts.agent_name
        return tuple(t for t in self.subject if t.index != trial.index and t.facts.agent_name == name)

    def judged_control(self) -> tuple[JudgedTrial, ...]:
        """The control's trials that could be judged."""
        return tuple(t for t in self.control if t.outcome not in (Outcome.ERROR, Outcome.INCONCLUSIVE))


def was_served(trial: JudgedTrial) -> bool:
    """Whether an agent of the name came in that trial, by whichever dispatch."""
    facts = trial.facts
    named = facts.identities_for(lambda dispatch_id: dispatch_id in facts.other_ids)
    by_another = any(join.data["identity"] in named for join in facts.joins)
    return facts.agent is not None or trial.fallback is Fallback.RESCUED or by_another


def was_asked(trial: JudgedTrial) -> bool:
    """Whether a job of that name was listed in that trial, by whichever dispatch, taken or declined."""
    listed = (item for event in trial.facts.listings for item in event.data["dispatches"])
    return any(item["jobs"] for item in listed if item["agent_name"] == trial.facts.agent_name)


def lost_on_the_way(trial: JudgedTrial) -> tuple[JudgedTrial, ...]:
    """The control's trials whose dispatch may have been lost before it came to a worker."""
    control = trial.beside.judged_control()
    return tuple(t for t in control if t.diagnosis is not None and Cause.LOST_BEFORE_WORKER in t.diagnosis.causes)


def overlap(trial: JudgedTrial) -> int:
    """How many other trials of the same worker ran at the same time."""
    began, ended = trial.facts.began_ns, trial.facts.closing_began_ns
    others = trial.beside.alike(trial)
    return sum(t.facts.began_ns < ended and began < t.facts.closing_began_ns for t in others)


def job_types(trial: JudgedTrial) -> set[str]:
    """Of the jobs that were listed for the name: JT_ROOM, JT_PARTICIPANT, JT_PUBLISHER."""
    listed = (item for event in trial.facts.listings for item in event.data["dispatches"])
    jobs = (job for item in listed if item["agent_name"] == trial.facts.agent_name for job in item["jobs"])
    return {job["type"] for job in jobs if job.get("type")}
