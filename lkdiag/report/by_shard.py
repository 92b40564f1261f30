"""What a trial's checks have to know of the run around it: of its own shard, where the run was put together of several.

Clocks of different machines never meet here: each shard has facts of its own.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from lkdiag.checks import missing_trials
from lkdiag.checks.run_facts import KINDS, RunFactsSoFar
from lkdiag.report.shard_value import ShardOfRun
from lkdiag.timeline.shards import BEGAN, ENDED, Whereabouts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lkdiag.checks.run_facts import RunFacts
    from lkdiag.checks.terms import Terms
    from lkdiag.timeline import Event, Timeline

NOTED = KINDS | {BEGAN, ENDED}


class FactsByShard:
    """Gathers them in one reading. A run that was not put together is one shard, without a number."""

    def __init__(self, scenario: Terms, *, merged: bool) -> None:
        self._scenario = scenario
        self._merged = merged
        self._where = Whereabouts()
        self._so_far: dict[int | None, RunFactsSoFar] = {} if merged else {None: RunFactsSoFar(scenario)}
        self.shard_of: dict[int, int | None] = {}
        """Of each trial."""

    def note(self, event: Event) -> None:
        """Take one of NOTED."""
        shard = self._where.of(event)
        if event.kind in (BEGAN, ENDED):
            self._so_far.setdefault(shard, RunFactsSoFar(self._scenario))
            return
        if event.kind == "trial.started" and event.trial is not None:
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


def shards_of(apart: Mapping[int | None, Timeline], shard_of: Mapping[int, int | None]) -> tuple[ShardOfRun, ...]:
    """Every shard of a run that was put together, those without a journal too."""
    lost = {int(event.data["index"]): event for event in apart[None].of(missing_trials.KIND)}
    played = Counter(shard for trial, shard in shard_of.items() if trial > 0)
    found = []
    for index in sorted({*(shard for shard in apart if shard is not None), *lost}):
        own, about = apart.get(index), lost.get(index)
        began = None if own is None else own.first(BEGAN)
        missing = 0 if about is None else len(about.data["trials"]) or None
        found.append(
            ShardOfRun(
                index=index,
                of=int((began or lost[index]).data["of"]),
                run_id=None if began is None else str(began.data["run_id"]),
                trials=played[index],
                not_begun=0 if own is None else len(own.of("trial.not_begun")),
                missing=missing,
                lost=None if about is None else str(about.data["reason"]),
            )
        )
    return tuple(found)
