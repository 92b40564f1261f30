"""A dispatch of a call, judged: by the rules of the trials, where enough of it was to be seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.contract import Fallback, Outcome
from lkdiag.facts.observation import polled_since
from lkdiag.facts.watched_call import WatchedDispatchFacts
from lkdiag.judge.checks.seen_in_part import part_of
from lkdiag.judge.diagnosed import DiagnosedTrial
from lkdiag.judge.trial import mismatch_of, outcome_of, state_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lkdiag.facts.run import RunFacts
    from lkdiag.facts.watched_call import WatchedCallFacts


def observed(
    calls: Iterable[WatchedCallFacts], run: RunFacts, agent_name: str | None
) -> Iterator[WatchedDispatchFacts]:
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
            yield WatchedDispatchFacts(index, run, call.story, call, dispatch_id, of_name)


def judge_watched_dispatch(facts: WatchedDispatchFacts) -> DiagnosedTrial:
    """Its verdict. There is no fallback of lkdiag's own."""
    outcome, reason = _outcome_of(facts)
    return DiagnosedTrial(
        facts, outcome, reason, state_of(facts), mismatch_of(facts, outcome), _fallback(outcome), None
    )


def _fallback(outcome: Outcome) -> Fallback:
    return Fallback.OFF if outcome is Outcome.DROPPED else Fallback.NOT_NEEDED


def _outcome_of(facts: WatchedDispatchFacts) -> tuple[Outcome, str]:
    if (part := part_of(facts)) is not None:
        return Outcome.INCONCLUSIVE, part
    if facts.before_watch and facts.failure is None and facts.agent is not None:
        return Outcome.DELIVERED, ""  # a late one was only seen in part
    if facts.agent is None and facts.failure is None and facts.expected_ns is not None:
        for what in ("participants", "dispatches"):
            if not polled_since(facts, what, facts.expected_ns, facts.run.settings.timeout_s):
                return Outcome.INCONCLUSIVE, f"no look at the room's {what} was answered at the end of the timeout"
    return outcome_of(facts)
