"""The figures of a group of dispatch trials, taken one by one in any order: a few numbers of each are kept."""

from __future__ import annotations

from array import array
from collections import Counter
from typing import TYPE_CHECKING

from lkdiag.checks.verdict import Fallback, Mismatch, Outcome, State
from lkdiag.report.value import DispatchSummary
from lkdiag.stats import Quantiles, Rate

if TYPE_CHECKING:
    from lkdiag.checks.judged import JudgedTrial

UNJUDGED = (Outcome.ERROR, Outcome.INCONCLUSIVE)


class SummarySoFar:
    """Of the subject's trials, or of the control's."""

    def __init__(self) -> None:
        self.trials = 0
        self.unlisted = 0
        """How many of them listDispatch showed no job for, at their end."""
        self._outcomes: Counter[Outcome] = Counter()
        self._mismatches: Counter[Mismatch | None] = Counter()
        self._fallbacks: Counter[Fallback] = Counter()
        self._rescued = 0
        self._latency_ms = array("d")
        self._lag_ms = array("d")
        self._start_lag_ms = array("d")
        self._stages_ms: dict[str, array[float]] = {}
        self._seen_at: dict[str, tuple[int, int]] = {}
        """By stage, in which trial it was first, and at which place: it orders them."""

    def add(self, trial: JudgedTrial) -> None:
        """One trial that counts."""
        self.trials += 1
        self.unlisted += trial.state in (State.NO_DISPATCH, State.NO_JOB)
        self._outcomes[trial.outcome] += 1
        self._mismatches[trial.mismatch] += 1
        self._fallbacks[trial.fallback] += 1
        self._rescued += trial.outcome is Outcome.DROPPED and trial.fallback is Fallback.RESCUED
        if trial.facts.start_lag_ms is not None:
            self._start_lag_ms.append(trial.facts.start_lag_ms)
        if trial.outcome in (Outcome.DELIVERED, Outcome.DELAYED):
            self._add_delays(trial)

    def add_unjudged(self) -> None:
        """One trial that counts, and whose judging crashed."""
        self.trials += 1
        self.unlisted += 1
        self._outcomes[Outcome.INCONCLUSIVE] += 1
        self._fallbacks[Fallback.UNCLEAR] += 1

    def _add_delays(self, trial: JudgedTrial) -> None:
        facts = trial.facts
        if facts.latency_ms is not None:
            self._latency_ms.append(facts.latency_ms)
        if facts.state_lag_ms is not None:
            self._lag_ms.append(facts.state_lag_ms)
        for place, (stage, at_ms) in enumerate(facts.stages_ms.items()):
            if stage == "created":  # what the others are counted from
                continue
            self._stages_ms.setdefault(stage, array("d")).append(at_ms)
            at = trial.index, place
            self._seen_at[stage] = min(at, self._seen_at.get(stage, at))

    def summary(self) -> DispatchSummary:
        """All of them."""
        judged = sum(count for outcome, count in self._outcomes.items() if outcome not in UNJUDGED)
        return DispatchSummary(
            trials=self.trials,
            outcomes={outcome.value: self._outcomes[outcome] for outcome in Outcome},
            mismatches={mismatch.value: self._mismatches[mismatch] for mismatch in Mismatch},
            latency_ms=Quantiles.of(self._latency_ms),
            stages_ms={
                stage: Quantiles.of(self._stages_ms[stage])
                for stage in sorted(self._seen_at, key=self._seen_at.get)  # type: ignore[arg-type]
            },
            state_lag_ms=Quantiles.of(self._lag_ms),
            lost_rate=Rate.wilson(self._outcomes[Outcome.DROPPED], judged),
            rescued=self._rescued,
            fallbacks={fallback.value: self._fallbacks[fallback] for fallback in Fallback},
            start_lag_ms=Quantiles.of(self._start_lag_ms),
        )
