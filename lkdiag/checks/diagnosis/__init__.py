"""Why a trial went wrong: the most likely causes from its whole timeline, and from the rest of its run.

Where the evidence fits two causes both are named, and none is guessed. To add one: its word in `value.py`, a function
in the file of its kind, and a line in the table here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lkdiag.checks.diagnosis import aftermath, contradiction, foreign, late, outside, people, probe, room, taken
from lkdiag.checks.diagnosis.value import Cause, Diagnosis
from lkdiag.checks.verdict import Outcome

if TYPE_CHECKING:
    from lkdiag.checks.judged import JudgedTrial

__all__ = ["Cause", "Diagnosis", "diagnose", "explain_dispatch"]

Diagnose = Callable[["JudgedTrial"], Diagnosis | None]

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
    foreign.diagnose,
    aftermath.second,
    *OF_THE_DISPATCH,
    contradiction.diagnose,
    aftermath.blind,
    aftermath.webhooks,
    aftermath.left,
)
"""In this order: what comes first explains what comes after it."""


def diagnose(trial: JudgedTrial) -> Diagnosis | None:
    """The first that has something to say; None for a trial in which nothing failed, or that could not be judged."""
    if trial.outcome is Outcome.INCONCLUSIVE:
        return trial.guard.first((room.came_back,), trial)
    return trial.guard.first(DIAGNOSES, trial)


def explain_dispatch(trial: JudgedTrial) -> Diagnosis | None:
    """Why the agent was late or lost, also where something else has come of it since."""
    return trial.guard.first(OF_THE_DISPATCH, trial)
