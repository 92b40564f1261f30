"""A call, judged: its outcome, before the checks say what lies behind it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from lkdiag.checks.check_crashed import Guard
from lkdiag.checks.teardown.outcome import outcome_of

if TYPE_CHECKING:
    from lkdiag.checks.teardown.facts import TeardownFacts
    from lkdiag.checks.teardown.verdict import TeardownOutcome


@dataclass(frozen=True)
class JudgedCall:
    """One call's facts with its verdict."""

    facts: TeardownFacts
    outcome: TeardownOutcome
    reason: str
    """Why it is `error` or `inconclusive`."""

    @classmethod
    def of(cls, facts: TeardownFacts) -> JudgedCall:
        """Judge a call."""
        return cls(facts, *outcome_of(facts))

    @property
    def index(self) -> int:
        """The trial's number."""
        return self.facts.index

    @cached_property
    def guard(self) -> Guard:
        """Knows which of its checks crashed."""
        return Guard(self.index)

    def seqs(self, *kinds: str) -> tuple[int, ...]:
        """The journal's numbers of its events of these kinds."""
        return tuple(event.seq for event in self.facts.seen(*kinds))
