"""What the diagnoses of a run's failed trials come to, so that what is said of the run does not contradict them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.checks.diagnosis.value import MOST_IN_A_SENTENCE, WORDS, Cause, in_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lkdiag.checks.neighbour import Neighbour


def causes_of(trials: Sequence[Neighbour]) -> tuple[Cause, ...]:
    """Every cause that one of them may have had, in the order of the trials'."""
    found = (cause for t in trials for cause in t.causes)
    return tuple(dict.fromkeys(found))


def by_the_log(trials: Sequence[Neighbour]) -> str:
    """What the worker's own log leaves of their causes, as a sentence; empty without one, or where it tells little."""
    causes = causes_of(trials)
    if not causes or trials[0].run.log is None:
        return ""
    if len(causes) <= MOST_IN_A_SENTENCE:
        return f"By the worker's log: {in_words(causes)}."
    if Cause.WRONG_NAME in causes:
        return ""
    first = (t.causes[0] for t in trials if t.causes)
    return f"By the worker's log, most likely {', or '.join(WORDS[cause] for cause in dict.fromkeys(first))}."
