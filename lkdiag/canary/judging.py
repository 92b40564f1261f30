"""Judges each trial of a run that goes on, by the very checks of the report, with no more in memory than it needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lkdiag.checks.check_crashed import JUDGING
from lkdiag.checks.facts import DispatchFacts, RunFacts
from lkdiag.checks.judged import JudgedTrial
from lkdiag.checks.verdict import Fallback, Mismatch, Outcome, State
from lkdiag.errors import kind_and_place
from lkdiag.timeline import Timeline

if TYPE_CHECKING:
    from lkdiag.scenario.dispatch import DispatchScenario
    from lkdiag.timeline import Event

BEFORE_NS = 15_000_000_000
"""Of what belongs to no trial, what is older does not count: clock samples do within 10 s of one, all else in it."""
REGISTRATIONS = 50
"""Under how many of its last worker ids the probe is known."""


@dataclass(frozen=True)
class Judgement:
    """One trial's place in the contract's words, and where it stands."""

    index: int
    room: str
    role: str
    outcome: Outcome
    reason: str
    """Why it is `error` or `inconclusive`."""
    state: State
    mismatch: Mismatch | None
    fallback: Fallback
    latency_ms: float | None
    crash: str = ""
    """By what its judging crashed, if it did: nothing is known of it then."""

    @classmethod
    def of(cls, facts: DispatchFacts) -> Judgement:
        """Judge a trial."""
        trial, data = JudgedTrial.of(facts), facts.started.data
        return cls(
            index=facts.index,
            room=data["room"],
            role=data["role"],
            outcome=trial.outcome,
            reason=trial.reason,
            state=trial.state,
            mismatch=trial.mismatch,
            fallback=trial.fallback,
            latency_ms=facts.latency_ms,
        )

    @classmethod
    def unjudged(cls, index: int, started: Event, crash: str) -> Judgement:
        """Of a trial whose judging crashed."""
        data = started.data
        return cls(
            index=index,
            room=data["room"],
            role=data["role"],
            outcome=Outcome.INCONCLUSIVE,
            reason=f"{JUDGING} crashed: {crash}",
            state=State.NO_DISPATCH,
            mismatch=None,
            fallback=Fallback.UNCLEAR,
            latency_ms=None,
            crash=crash,
        )

    @property
    def is_clean(self) -> bool:
        """Delivered, and nothing contradicts it: what a report has no finding about."""
        return self.outcome is Outcome.DELIVERED and self.mismatch is None


class Judge:
    """A sink of one run's recorder. `judge` is to be called when what belongs to a trial has been said."""

    def __init__(self, scenario: DispatchScenario) -> None:
        self._scenario = scenario
        self._run: list[Event] = []
        self._trials: dict[int, list[Event]] = {}

    def note(self, event: Event) -> None:
        """Take an event."""
        if event.trial is not None:
            self._trials.setdefault(event.trial, []).append(event)
        elif event.kind != "api.called":
            self._run.append(event)

    def judge(self, index: int) -> Judgement | None:
        """What became of a trial, which is forgotten then; None for a warm-up, and where the end of all cut it off."""
        trial = Timeline(self._trials.pop(index, ()))
        started = trial.first("trial.started")
        if started is None:
            return None
        run = Timeline([*self._run, *trial])
        self._forget(started.mono_ns - BEFORE_NS)
        if started.data["warmup"] or trial.first("trial.interrupted") is not None:
            return None
        try:
            return Judgement.of(DispatchFacts(index, RunFacts.of(self._scenario, run), trial))
        except Exception as error:
            return Judgement.unjudged(index, started, kind_and_place(error))

    @property
    def size(self) -> int:
        """How many events it holds."""
        return len(self._run) + sum(map(len, self._trials.values()))

    def _forget(self, before_ns: int) -> None:
        """A trial that comes later needs nothing of what is older than the one before it."""
        registered = [event for event in self._run if event.kind == "worker.registered"][-REGISTRATIONS:]
        recent = [event for event in self._run if event.mono_ns >= before_ns and event.kind != "worker.registered"]
        self._run = sorted([*registered, *recent], key=lambda event: event.seq)
