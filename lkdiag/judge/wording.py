"""How the checks say times and ids, so that all of them say them alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.contract import Fallback
from lkdiag.journal.trial_kinds import FallbackFailed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lkdiag.facts.dispatch import DispatchFacts
    from lkdiag.journal.row import Row
    from lkdiag.judge.trial import JudgedTrial


MOST_NUMBERS = 50


def few(numbers: Sequence[int]) -> str:
    """Trials' numbers; of very many the first ones, and how many more there are."""
    told = ", ".join(str(number) for number in numbers[:MOST_NUMBERS])
    more = len(numbers) - MOST_NUMBERS
    return f"{told} and {more} more" if more > 0 else told


def at(facts: DispatchFacts, stage: str) -> str:
    """` at +0.21 s` since the room's creation, or nothing where the stage was not seen."""
    offset_ms = facts.stages_ms.get(stage)
    return "" if offset_ms is None else f" at {offset_ms / 1000:+.2f} s"


def worker_of(facts: DispatchFacts) -> str:
    """`worker AW_…`, as the job names it."""
    worker_id = None if facts.job is None else facts.job.get("worker_id")
    return f"worker {worker_id}" if worker_id else "a worker"


def agent_word(facts: DispatchFacts) -> str:
    """The agent that was called for."""
    return f"agent {facts.agent_name!r}" if facts.agent_name else "an agent without a name"


def timeout(facts: DispatchFacts) -> str:
    """`20 s`."""
    return f"{facts.run.settings.timeout_s:g} s"


def watched_s(facts: DispatchFacts) -> float:
    """How long the room was looked at, in seconds since it was asked for; 0 where nothing was seen."""
    last = max((look.mono_ns for look in facts.polls("participants")), default=None)
    return 0.0 if last is None or facts.opened_ns is None else (last - facts.opened_ns) / 1e9


def fallback_sentence(trial: JudgedTrial) -> str:
    """What createDispatch did in the same room afterwards; empty where it was not tried."""
    if trial.fallback is Fallback.RESCUED:
        after = "" if trial.fallback_latency_ms is None else f" after {trial.fallback_latency_ms / 1000:.2f} s"
        return f" createDispatch in the same room ({trial.facts.fallback_id}) brought an agent{after}."
    failed = trial.facts.timeline.first(FallbackFailed)
    if failed is not None and trial.fallback in (Fallback.UNCLEAR, Fallback.LOST):
        return f" createDispatch in the same room failed: {failed.row.error}."
    if trial.fallback is Fallback.UNCLEAR:
        others = ", ".join(repr(e.row.identity) for e in trial.facts.doubtful_joins)
        came = f"; {others} came, and no listed job tells for which dispatch" if others else ""
        return f" What createDispatch in the same room ({trial.facts.fallback_id}) brought can't be told{came}."
    if trial.fallback is Fallback.LOST:
        waited = f"{trial.facts.run.settings.fallback_timeout_s:g} s"
        return f" createDispatch in the same room ({trial.facts.fallback_id}) brought nobody either, in {waited}."
    return ""


def seqs(facts: DispatchFacts, *kinds: type[Row]) -> tuple[int, ...]:
    """The journal's numbers of a trial's events of these kinds."""
    return tuple(event.seq for event in facts.timeline.of(*kinds))
