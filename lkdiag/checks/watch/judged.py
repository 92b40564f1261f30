"""A dispatch of a call, judged: by the rules of the trials, where enough of it was to be seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.checks.judged import JudgedTrial
from lkdiag.checks.outcome import mismatch_of, outcome_of, state_of
from lkdiag.checks.sight import looked_since
from lkdiag.checks.verdict import Fallback, Outcome
from lkdiag.checks.watch.facts import ObservedFacts
from lkdiag.checks.watch.seen_in_part import part_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lkdiag.checks.run_facts import RunFacts
    from lkdiag.checks.watch.call import CallFacts


def observed(calls: Iterable[CallFacts], run: RunFacts, agent_name: str | None) -> Iterator[ObservedFacts]:
    """Every dispatch of every call, numbered in the order of their coming."""
    calls = list(calls)
    types: dict[str, set[str]] = {}
    for call in calls:
        for name, seen in call.job_types.items():
            types.setdefault(name, set()).update(seen)
    index = 0
    for call in calls:
        for dispatch_id in call.wanted(agent_name):
            index += 1
            of_name = frozenset(types.get(call.dispatches[dispatch_id], ()))
            yield ObservedFacts(index, run, call.story, call, dispatch_id, of_name)


def judge_observed(facts: ObservedFacts) -> JudgedTrial:
    """Its verdict. There is no fallback of lkdiag's own."""
    outcome, reason = _outcome_of(facts)
    return JudgedTrial(facts, outcome, reason, state_of(facts), mismatch_of(facts, outcome), _fallback(outcome), None)


def _fallback(outcome: Outcome) -> Fallback:
    return Fallback.OFF if outcome is Outcome.DROPPED else Fallback.NOT_NEEDED


def _outcome_of(facts: ObservedFacts) -> tuple[Outcome, str]:
    if (part := part_of(facts)) is not None:
        return Outcome.INCONCLUSIVE, part
    if facts.before_watch and facts.failure is None and facts.agent is not None:
        return Outcome.DELIVERED, ""  # a late one was only seen in part
    if facts.agent is None and facts.failure is None and facts.expected_ns is not None:
        for what in ("participants", "dispatches"):
            if not looked_since(facts, what, facts.expected_ns, facts.run.scenario.timeout_s):
                return Outcome.INCONCLUSIVE, f"no look at the room's {what} was answered at the end of the timeout"
    return outcome_of(facts)
