"""A trial, judged: its place in the contract's words, before the checks say what lies behind it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from lkdiag.checks.check_crashed import Guard
from lkdiag.checks.diagnosis import Diagnosis, diagnose, explain_dispatch
from lkdiag.checks.diagnosis.beside import Beside
from lkdiag.checks.outcome import fallback_of, mismatch_of, outcome_of, state_of

if TYPE_CHECKING:
    from lkdiag.checks.facts import DispatchFacts
    from lkdiag.checks.verdict import Fallback, Mismatch, Outcome, State


@dataclass(frozen=True)
class JudgedTrial:
    """One trial's facts with its verdict."""

    facts: DispatchFacts
    outcome: Outcome
    reason: str
    """Why it is `error` or `inconclusive`."""
    state: State
    mismatch: Mismatch | None
    fallback: Fallback
    fallback_latency_ms: float | None
    beside: Beside = field(default=Beside(), repr=False, compare=False)
    """The rest of the run."""

    @classmethod
    def of(cls, facts: DispatchFacts) -> JudgedTrial:
        """Judge a trial."""
        outcome, reason = outcome_of(facts)
        fallback, fallback_latency_ms = fallback_of(facts, outcome)
        mismatch = mismatch_of(facts, outcome)
        return cls(facts, outcome, reason, state_of(facts), mismatch, fallback, fallback_latency_ms)

    @property
    def index(self) -> int:
        """The trial's number."""
        return self.facts.index

    @cached_property
    def guard(self) -> Guard:
        """Knows which of its checks and causes crashed."""
        return Guard(self.index)

    @cached_property
    def diagnosis(self) -> Diagnosis | None:
        """Why it went wrong; None where nothing did, or nothing is known."""
        return diagnose(self)

    @cached_property
    def explanation(self) -> Diagnosis | None:
        """Why the agent of the dispatch was late or lost, whatever else is diagnosed."""
        return explain_dispatch(self)
