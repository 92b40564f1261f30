"""Running tallies: each trial is judged when it ends, as the report will judge it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lkdiag.timeline import Event, Timeline

if TYPE_CHECKING:
    from lkdiag.scenario.dispatch import DispatchScenario
    from lkdiag.scenario.script import DispatchScript, TeardownScript
    from lkdiag.scenario.shard import Shard
    from lkdiag.scenario.teardown import TeardownScenario


LASTING = ("run.started", "server.described", "server.started", "worker.registered")
"""What counts for every trial that comes after it."""
AROUND_NS = 30_000_000_000
"""What was seen longer before a trial began says nothing of it: exchanges of clocks count for 10 s."""


@dataclass(frozen=True)
class Ended:
    """What became of a trial that has just ended."""

    name: str
    outcome: str
    told: str
    """Outcome and figures, in a few words."""
    counted: bool
    """False for a warm-up."""


class Tally(ABC):
    """A sink of the recorder. `total` is the number of trials that count; None where a time is set instead."""

    def __init__(self, total: int | None, duration_s: float | None = None) -> None:
        self.total = total
        self.duration_s = duration_s
        self._begun_ns: int | None = None
        self._now_ns = 0
        self.done = 0
        self.outcomes: Counter[str] = Counter()
        self._lasting: list[Event] = []
        self._passing: deque[Event] = deque()
        """What the run had of its own around the trials that are under way: it is dropped when it is long over."""
        self._open: dict[int, list[Event]] = {}

    def note(self, event: Event) -> Ended | None:
        """Take an event; what became of its trial, if it was the last one of a trial."""
        self._now_ns = event.mono_ns
        if self._begun_ns is None and event.kind == "trial.started" and not event.data.get("warmup"):
            self._begun_ns = event.mono_ns
        if event.trial is None:
            if event.kind in LASTING:
                self._lasting.append(event)
            elif event.kind != "api.called":
                self._passing.append(event)
                self._forget(event.mono_ns)
            return None
        self._open.setdefault(event.trial, []).append(event)
        if event.kind != "trial.finished":
            return None
        events = self._open.pop(event.trial)
        if not any(one.kind == "trial.started" for one in events):
            return None
        run = Timeline([*self._lasting, *self._passing])
        ended = self._judge(event.trial, run, Timeline(events))
        if ended.counted:
            self.done += 1
            self.outcomes[ended.outcome] += 1
        return ended

    def _forget(self, now_ns: int) -> None:
        oldest_ns = min((events[0].mono_ns for events in self._open.values()), default=now_ns)
        while self._passing[0].mono_ns < oldest_ns - AROUND_NS:
            self._passing.popleft()

    @property
    def elapsed_s(self) -> float:
        """Since the first trial that counts began."""
        return 0.0 if self._begun_ns is None else (self._now_ns - self._begun_ns) / 1e9

    @property
    def told(self) -> str:
        """How far the run is: `3/10`, or `12 in 42 s of 300 s`."""
        if self.duration_s is None:
            return f"{self.done}/{self.total}"
        return f"{self.done} in {min(self.elapsed_s, self.duration_s):.0f} s of {self.duration_s:g} s"

    @abstractmethod
    def _judge(self, index: int, run: Timeline, trial: Timeline) -> Ended:
        """Judge a trial that has ended."""


def tally_of(script: DispatchScript | TeardownScript, shard: Shard | None = None) -> Tally:
    """Of the run that plays it, or its share of it."""
    from lkdiag.run.plan import plan_calls, plan_trials
    from lkdiag.scenario.script import DispatchScript

    if isinstance(script, DispatchScript):
        if script.settings.duration_s is not None:
            return DispatchTally(script.settings, None)
        planned = plan_trials(script.settings, script.cases, shard)
        return DispatchTally(script.settings, sum(not trial.warmup for trial in planned))
    return CallTally(script.settings, len(plan_calls(script.settings)))


class DispatchTally(Tally):
    """Of dispatch trials."""

    def __init__(self, scenario: DispatchScenario, total: int | None) -> None:
        super().__init__(total, scenario.duration_s)
        self._scenario = scenario

    def _judge(self, index: int, run: Timeline, trial: Timeline) -> Ended:
        from lkdiag.checks.facts import DispatchFacts, RunFacts
        from lkdiag.checks.judged import JudgedTrial

        judged = JudgedTrial.of(DispatchFacts(index, RunFacts.of(self._scenario, Timeline([*run, *trial])), trial))
        data = judged.facts.started.data
        fate = judged.outcome + (f", {judged.mismatch}" if judged.mismatch else "")
        latency_ms = judged.facts.latency_ms
        after = "" if latency_ms is None else f" after {latency_ms / 1000:.2f} s"
        name = "warm-up" if data["warmup"] else f"{data['role']} trial {index}"
        return Ended(name, judged.outcome, fate + after, counted=not data["warmup"])


class CallTally(Tally):
    """Of transfer teardowns."""

    def __init__(self, scenario: TeardownScenario, total: int) -> None:
        super().__init__(total)
        self._scenario = scenario

    def _judge(self, index: int, run: Timeline, trial: Timeline) -> Ended:
        from lkdiag.checks.teardown.facts import TeardownFacts
        from lkdiag.checks.teardown.judged import JudgedCall

        judged = JudgedCall.of(TeardownFacts(index, self._scenario, trial, run.of("lkdiag.stalled")))
        facts = judged.facts
        name = f"call {index} ({facts.cleanup}, {facts.agent_exit}, {facts.hangup} hangs up)"
        after = "" if facts.closed_ms is None else f" after {facts.closed_ms / 1000:.2f} s"
        return Ended(name, judged.outcome, judged.outcome + after, counted=True)
