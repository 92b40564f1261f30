"""The first reading of a journal: what all of its trials have to know of the run.

In the second one the trials are judged (`live.py`). What is in memory at a time are the run's own events, those of the
trials that had begun and not ended at that place of the journal, and whatever is made of the trials that ended.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from lkdiag.facts.run import KINDS, RunFactsSoFar
from lkdiag.journal.event import is_ground_truth
from lkdiag.journal.run_kinds import ClockSampled, ShardBegan, ShardEnded
from lkdiag.journal.timeline import Timeline, Whereabouts, selected
from lkdiag.journal.trial_kinds import TrialFinished, TrialStarted

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from lkdiag.facts.run import RunFacts, VerdictSettings
    from lkdiag.journal.event import Event

LAST = TrialFinished.KIND
"""What follows it (a worker's log, read when the run is over) is rare."""
NOTED = KINDS | {ShardBegan.KIND, ShardEnded.KIND}


@dataclass
class FirstReading:
    """What the first reading leaves."""

    run: Timeline
    """What belongs to no trial, but for the many exchanges of clocks."""
    late: dict[int, list[Event]] = field(default_factory=dict)
    """By trial, what came after its end."""


def read_first(events: Iterable[Event], kinds: Collection[str], note: Callable[[Event], None]) -> FirstReading:
    """Hand every event of these kinds to `note`, and keep the run's own, and what came late."""
    ended: set[int] = set()
    late: dict[int, list[Event]] = {}
    run: list[Event] = []

    def wanted(kind: str, trial: int | None) -> bool:
        return (trial is None or kind in kinds or kind == LAST or trial in ended) and not is_ground_truth(kind)

    for event in selected(events, wanted):
        trial = event.trial
        if event.kind in kinds:
            note(event)
        if trial is None:
            if event.kind != ClockSampled.KIND:
                run.append(event)
        elif trial in ended:
            late.setdefault(trial, []).append(event)
        elif event.kind == LAST:
            ended.add(trial)
    return FirstReading(Timeline(run), late)


class FactsByShard:
    """What a trial's checks have to know of the run around it: of its own shard, where the run was merged of several.

    Clocks of different machines never meet here: each shard has facts of its own. A run that was not merged is one
    shard, without a number.
    """

    def __init__(self, settings: VerdictSettings, *, merged: bool) -> None:
        self._settings = settings
        self._merged = merged
        self._where = Whereabouts()
        self._so_far: dict[int | None, RunFactsSoFar] = {} if merged else {None: RunFactsSoFar(settings)}
        self.shard_of: dict[int, int | None] = {}
        """Of each trial."""

    def note(self, event: Event) -> None:
        """Take one of NOTED."""
        shard = self._where.of(event)
        if event.kind in (ShardBegan.KIND, ShardEnded.KIND):
            self._so_far.setdefault(shard, RunFactsSoFar(self._settings))
            return
        if event.kind == TrialStarted.KIND and event.trial is not None:
            self.shard_of[event.trial] = shard
        if shard is not None or not self._merged:
            self._so_far[shard].note(event)
        elif event.trial is not None:
            # learnt afterwards, from a worker's log
            if event.trial in self.shard_of:
                self._so_far[self.shard_of[event.trial]].note(event)
        else:
            for so_far in self._so_far.values():
                so_far.note(event)

    def facts(self) -> dict[int | None, RunFacts]:
        """By shard."""
        return {shard: replace(so_far.facts(), shard=shard) for shard, so_far in self._so_far.items()}
