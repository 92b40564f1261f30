"""What is counted of a run, trial by trial and in any order: the figures, the findings of each kind, the API calls."""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from lkdiag.contract import CallFailure, Fallback, Mismatch, Outcome, State
from lkdiag.journal.trial_kinds import ApiCalled
from lkdiag.report.value import ApiCalls, DispatchSummary
from lkdiag.stats import Quantiles, Rate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lkdiag.journal.event import Event
    from lkdiag.journal.timeline import Timeline
    from lkdiag.judge.finding import Finding
    from lkdiag.judge.trial import JudgedTrial

UNJUDGED = (Outcome.ERROR, Outcome.INCONCLUSIVE)


class SummarySoFar:
    """The figures of the subject's trials, or of the control's."""

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


@dataclass
class _Kind:
    first: Finding
    at: tuple[int, int]
    """The trial's number, and the place among its findings."""
    trials: array[int] = field(default_factory=lambda: array("q"))
    sides: set[str] = field(default_factory=set)


class FindingsSoFar:
    """The findings of a run's trials, one for each kind, with the numbers of the trials that have it."""

    def __init__(self) -> None:
        self._kinds: dict[tuple[str, str], _Kind] = {}
        self._roles: Counter[str] = Counter()

    def add(self, trial: int, findings: Sequence[Finding], role: str = "") -> None:
        """A trial's. `role` is whose it is: what has befallen one side only is counted among that side's trials."""
        self._roles[role] += 1
        for place, finding in enumerate(findings):
            at = trial, place
            kind = self._kinds.setdefault((finding.check, finding.title), _Kind(finding, at))
            if at < kind.at:
                kind.first, kind.at = finding, at
            kind.trials.append(trial)
            kind.sides.add(role)

    def grouped(self) -> list[Finding]:
        """One for each kind, the most frequent first."""
        kinds = sorted(self._kinds.values(), key=lambda kind: (-len(kind.trials), kind.at))
        return [
            replace(
                kind.first,
                fact=f"{len(kind.trials)} of {self._among(kind.sides)}; trial {kind.first.trial}: {kind.first.fact}",
                trial=None,
                trials=tuple(sorted(kind.trials)),
            )
            for kind in kinds
        ]

    def _among(self, sides: set[str]) -> str:
        """Among how many, and whose, where there are two sides."""
        if len(sides) != 1 or len(self._roles) < 2:
            return f"{self._roles.total()} trials"
        (side,) = sides
        return f"the {side}'s {self._roles[side]} trials"


class ApiCallsSoFar:
    """What a run's trials cost the project: counted from what belongs to no trial, and trial by trial."""

    def __init__(self, run: Timeline) -> None:
        self._total = self._of_trials = self._refused = self._trials = 0
        for event in run.of(ApiCalled):
            # listRooms for several rooms at a time is recorded as the run's
            self._note(event, of_trial=event.row.rooms is not None)

    def note(self, trial: Timeline) -> None:
        """Take all of a trial's events."""
        self._trials += 1
        for event in trial.of(ApiCalled):
            self._note(event, of_trial=True)

    def _note(self, event: Event[ApiCalled], *, of_trial: bool) -> None:
        self._total += 1
        self._of_trials += of_trial
        self._refused += event.row.failure == CallFailure.THROTTLED

    def counted(self) -> ApiCalls:
        """So far."""
        per_trial = round(self._of_trials / self._trials, 1) if self._trials else None
        return ApiCalls(self._total, per_trial, self._refused)
