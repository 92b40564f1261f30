"""Counts by outcome while a run goes on: each trial is judged when it ends, as the report will judge it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lkdiag.journal.trial_kinds import TrialStarted

if TYPE_CHECKING:
    from lkdiag.journal.event import Event
    from lkdiag.judge.live import LiveRun
    from lkdiag.scenario.call import TeardownScenario
    from lkdiag.scenario.dispatch import DispatchScenario
    from lkdiag.scenario.script import DispatchScript, TeardownScript
    from lkdiag.scenario.shard import Shard


@dataclass(frozen=True)
class Ended:
    """How a trial has just ended."""

    name: str
    outcome: str
    message: str
    """Outcome and figures, in a few words."""
    counted: bool
    """False for a warm-up."""


class Tally(ABC):
    """A sink of the recorder. `total` is the number of trials that count; None where a time is set instead."""

    judge: LiveRun

    def __init__(self, total: int | None, duration_s: float | None = None) -> None:
        self.total = total
        self.duration_s = duration_s
        self._begun_ns: int | None = None
        self._now_ns = 0
        self.done = 0
        self.outcomes: Counter[str] = Counter()

    def note(self, event: Event) -> Ended | None:
        """Take an event; how its trial ended, if it was the trial's last event."""
        self._now_ns = event.mono_ns
        row = event.row
        if self._begun_ns is None and isinstance(row, TrialStarted) and not row.counts_for_nothing:
            self._begun_ns = event.mono_ns
        index = self.judge.note(event)
        ended = None if index is None else self._judge(index)
        if ended is not None and ended.counted:
            self.done += 1
            self.outcomes[ended.outcome] += 1
        return ended

    @property
    def elapsed_s(self) -> float:
        """Since the first trial that counts began."""
        return 0.0 if self._begun_ns is None else (self._now_ns - self._begun_ns) / 1e9

    @property
    def progress(self) -> str:
        """How far the run has come: `3/10`, or `12 in 42 s of 300 s`."""
        if self.duration_s is None:
            return f"{self.done}/{self.total}"
        return f"{self.done} in {min(self.elapsed_s, self.duration_s):.0f} s of {self.duration_s:g} s"

    @abstractmethod
    def _judge(self, index: int) -> Ended | None:
        """Judge a trial that has ended; None for one that was not begun."""


def tally_of(script: DispatchScript | TeardownScript, shard: Shard | None = None) -> Tally:
    """The tally of a run of the script, or of one shard of it."""
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
        from lkdiag.judge.live import DispatchJudge

        super().__init__(total, scenario.duration_s)
        self.judge: DispatchJudge = DispatchJudge(scenario)

    def _judge(self, index: int) -> Ended | None:
        judged = self.judge.judge(index)
        if judged is None:
            return None
        fate = judged.outcome + (f", {judged.mismatch}" if judged.mismatch else "")
        after = "" if judged.latency_ms is None else f" after {judged.latency_ms / 1000:.2f} s"
        name = "warm-up" if judged.warmup else f"{judged.role} trial {index}"
        return Ended(name, judged.outcome, fate + after, counted=not judged.warmup)


class CallTally(Tally):
    """Of transfer teardowns."""

    def __init__(self, scenario: TeardownScenario, total: int) -> None:
        from lkdiag.judge.live import CallJudge

        super().__init__(total)
        self.judge: CallJudge = CallJudge(scenario)

    def _judge(self, index: int) -> Ended | None:
        judged = self.judge.judge(index)
        if judged is None:
            return None
        facts = judged.facts
        name = f"call {index} ({facts.cleanup}, {facts.agent_exit}, {facts.hangup} hangs up)"
        after = "" if facts.closed_ms is None else f" after {facts.closed_ms / 1000:.2f} s"
        return Ended(name, judged.outcome, judged.outcome + after, counted=True)
