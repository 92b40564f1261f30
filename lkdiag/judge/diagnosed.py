"""Why a trial went wrong: the most likely causes from its whole timeline, and from the rest of its run.

Where the evidence fits two causes both are named, and none is guessed. To add one: its word in `contract.py`, a
function in the file of its kind, and a line in the table here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from lkdiag.contract import Outcome
from lkdiag.judge.causes import (
    aftermath,
    late,
    outside,
    people,
    probe,
    room,
    taken,
)
from lkdiag.judge.causes.diagnosis import Diagnosis
from lkdiag.judge.context import TrialInRun

Diagnose = Callable[[TrialInRun], Diagnosis | None]

OF_THE_DISPATCH: tuple[Diagnose, ...] = (
    people.waited,
    late.diagnose,
    room.no_dispatch,
    people.probe_waits,
    probe.diagnose,
    taken.diagnose,
    outside.diagnose,
)
"""What became of the dispatch itself."""

DIAGNOSES: tuple[Diagnose, ...] = (
    room.came_back,
    outside.another_worker,
    aftermath.second,
    *OF_THE_DISPATCH,
    aftermath.contradiction,
    aftermath.blind,
    aftermath.webhooks,
    aftermath.left,
)
"""In this order: what comes first explains what comes after it."""


@dataclass(frozen=True)
class DiagnosedTrial(TrialInRun):
    """A judged trial, and why it went as it did."""

    @cached_property
    def diagnosis(self) -> Diagnosis | None:
        """The first cause that has something to say.

        None for a trial in which nothing failed, or that could not be judged, or of which nothing is known.
        """
        return self.guard.first((room.came_back,) if self.outcome is Outcome.INCONCLUSIVE else DIAGNOSES, self)

    @cached_property
    def explanation(self) -> Diagnosis | None:
        """Why the agent of the dispatch was late or lost, also where something else has come of it since."""
        return self.guard.first(OF_THE_DISPATCH, self)
