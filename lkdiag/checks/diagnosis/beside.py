"""The rest of the run: what its other trials, and the control's, say about one that failed.

It is counted once for all trials, so that each is compared with the others in no time, however many they are.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from functools import cached_property
from typing import TYPE_CHECKING, Any

from lkdiag.checks.check_crashed import NotACrash
from lkdiag.checks.diagnosis.value import Cause
from lkdiag.checks.neighbour import Neighbour, is_first_of_all, was_paused, worker_of_job
from lkdiag.checks.verdict import Mismatch, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lkdiag.checks.judged import JudgedTrial
    from lkdiag.checks.neighbour import Situation


class RestOfRunNeeded(NotACrash):
    """A trial can't be judged to its end before the rest of its run is known."""


class Group:
    """The subject's trials for one agent name. Workers that lkdiag plays have a name for each trial."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._job_types: Counter[str] = Counter()
        self._came_in: Counter[Situation] = Counter()
        self._by_index: dict[int, Neighbour] = {}

    def add(self, one: Neighbour) -> None:
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

    def without(self, index: int) -> Others:
        """All but that trial."""
        return Others(self, self._by_index.get(index))

    def count(self, sign: str, without: Neighbour | None) -> int:
        """Of how many that is so, but for one."""
        return self._counts[sign] - (without is not None and _signs(without)[sign])

    def types(self, without: Neighbour | None) -> frozenset[str]:
        """Of the jobs that were listed, but for one trial's."""
        mine = frozenset() if without is None else without.job_types
        return frozenset(kind for kind, count in self._job_types.items() if count > (kind in mine))

    def came_in(self, situation: Situation, without: Neighbour | None) -> bool:
        """Whether an agent came where callers and case are the same, but for one trial."""
        mine = without is not None and without.situation == situation and without.came
        return self._came_in[situation] > mine

    def at_the_same_time(self, began_ns: int, ended_ns: int, without: Neighbour | None) -> int:
        """How many of them had something of that time, but for one."""
        begins, ends = self._spans
        there = bisect_left(begins, ended_ns) - bisect_right(ends, began_ns)
        mine = without is not None and without.began_ns < ended_ns and began_ns < without.closing_began_ns
        return there - mine


def _signs(one: Neighbour) -> dict[str, bool]:
    return {
        "trial": True,
        "served": one.served,
        "asked": one.asked,
        "unreported": one.mismatch is Mismatch.UNREPORTED,
        "unlogged": not one.in_log,
    }


class Others:
    """The other trials of the subject, for the same agent name as one of them (or of the control)."""

    def __init__(self, group: Group, without: Neighbour | None) -> None:
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


class Beside:
    """Every trial of the run, warm-ups included."""

    def __init__(self, trials: Iterable[Neighbour] = ()) -> None:
        every = tuple(trials)
        subject = [one for one in every if not one.is_control]
        self.judged_control: Sequence[Neighbour] = [
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

    def alike(self, trial: JudgedTrial) -> Others:
        """The other trials of the subject, for the same agent name."""
        return self._groups.get(trial.facts.agent_name, Group()).without(trial.index)

    @cached_property
    def control_was_fine(self) -> bool:
        """Whether lkdiag's own worker, beside it, was delivered each time."""
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


class NotYetKnown(Beside):
    """Stands for the rest of a run that is still being read: whoever asks it for anything is told to come again."""

    def __getattribute__(self, name: str) -> Any:
        raise RestOfRunNeeded(name)


def _is_cold(one: Neighbour, first_index: int) -> bool:
    return one.paused or is_first_of_all(one.index, first_index, one.run)
