"""One run's events, taken one by one: each trial is judged when it is over.

While a run goes on, the tally, the canary and the lines of a watch learn so what became of a trial; from a journal that
is read the reports are made so, of a finished run, of one that goes on, and of a merged one. What differs is how much
is known of the run around a trial: all of it, where the journal was read before (`FirstReading`); else what was said so
far, and no longer ago than AROUND_NS.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lkdiag.contract import Fallback, Mismatch, Outcome, State
from lkdiag.errors import kind_and_place
from lkdiag.facts.dispatch import DispatchFacts
from lkdiag.facts.run import KINDS, RunFacts
from lkdiag.facts.teardown import TeardownFacts
from lkdiag.facts.watched_call import WatchedCallFacts
from lkdiag.journal.event import Event
from lkdiag.journal.run_kinds import LkdiagStalled, RunStarted, ServerDescribed, ServerStarted
from lkdiag.journal.timeline import Timeline
from lkdiag.journal.trial_kinds import DispatchStarted, TrialInterrupted, TrialStarted
from lkdiag.journal.worker_kinds import WorkerRegistered
from lkdiag.judge.call import JudgedCall
from lkdiag.judge.finding import JUDGING
from lkdiag.judge.run import LAST
from lkdiag.judge.trial import JudgedTrial
from lkdiag.judge.watched import judge_watched_dispatch, observed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lkdiag.facts.run import VerdictSettings
    from lkdiag.facts.teardown import TeardownSettings
    from lkdiag.judge.run import FirstReading

LASTING = tuple(row.KIND for row in (RunStarted, ServerDescribed, ServerStarted, WorkerRegistered))
"""What counts for every trial that comes after it, however much later: the last LASTING_MIN of each at least."""
LASTING_MIN = 50
AROUND_NS = 30_000_000_000
"""What else the run said longer before a trial began tells nothing of it: exchanges of clocks count for 10 s."""


@dataclass(frozen=True)
class Over:
    """A trial with all of its events so far, and what is known of the run around it."""

    index: int
    trial: Timeline
    run: Timeline
    """What belongs to no trial."""

    @property
    def started(self) -> Event[DispatchStarted]:
        """How it began: a dispatch's."""
        event = self.trial.first(DispatchStarted)
        assert event is not None, "one that was not begun is passed over"
        return event

    @property
    def whole(self) -> Timeline:
        """Both, in the order in which they were recorded."""
        return Timeline(sorted([*self.run, *self.trial], key=lambda event: event.seq))


class LiveRun:
    """Takes a run's events in their order, and hands out each trial with what is known of the run around it."""

    def __init__(self, known: FirstReading | None = None) -> None:
        self._known = known
        self._lasting = {kind: deque[Event]() for kind in LASTING}
        self._passing = deque[Event]()
        """What the run said around the trials that are under way."""
        self._under_way: dict[int, list[Event]] = {}
        self._over: set[int] = set()

    def note(self, event: Event) -> int | None:
        """Take an event; the number of its trial, if it was the trial's last one."""
        if event.trial is None:
            self._note_run(event)
            return None
        if event.trial in self._over:
            return None
        self._under_way.setdefault(event.trial, []).append(event)
        return event.trial if event.kind == LAST else None

    def _note_run(self, event: Event) -> None:
        if self._known is not None or event.kind not in KINDS:
            return
        kept, least = self._passing, 0
        if event.kind in LASTING:
            kept, least = self._lasting[event.kind], LASTING_MIN
        kept.append(event)
        since_ns = self._needed_since_ns(event.mono_ns) - AROUND_NS
        while len(kept) > least and kept[0].mono_ns < since_ns:
            kept.popleft()

    def _needed_since_ns(self, now_ns: int) -> int:
        """When the oldest trial began that is under way."""
        return min((events[0].mono_ns for events in self._under_way.values()), default=now_ns)

    def so_far(self, index: int) -> Over | None:
        """A trial that is under way; None for one that was not begun."""
        trial = self._seen(index)
        if trial is None:
            return None
        if self._known is not None:
            return Over(index, trial, self._known.run)
        lasting = (event for events in self._lasting.values() for event in events)
        return Over(index, trial, Timeline(sorted([*lasting, *self._passing], key=lambda event: event.seq)))

    def _seen(self, index: int) -> Timeline | None:
        """A trial's own events so far; None for one that was not begun."""
        trial = Timeline(self._under_way.get(index, ()))
        return None if trial.first(TrialStarted) is None else trial

    def take(self, index: int) -> Over | None:
        """A trial that is over, which is forgotten then; None for one that was not begun."""
        self._over.add(index)
        if self._known is not None and index in self._under_way:
            self._under_way[index] += self._known.late.pop(index, ())
        over = self.so_far(index)
        self._under_way.pop(index, None)
        return over

    def follow(self, events: Iterable[Event]) -> Iterator[Over]:
        """Take a whole journal's: each trial as soon as it has ended, then those that never did."""
        for event in events:
            ended = self.note(event)
            if ended is not None and (over := self.take(ended)) is not None:
                yield over
        for index in list(self._under_way):
            if (over := self.take(index)) is not None:
                yield over

    @property
    def size(self) -> int:
        """How many events it holds."""
        held = (*self._lasting.values(), self._passing, *self._under_way.values())
        return sum(map(len, held))


# -- what is told while a run goes on ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class TrialVerdict:
    """One dispatch trial's place in the contract's words, and where it stands."""

    index: int
    room: str
    role: str
    warmup: bool
    interrupted: bool
    """Whether the end of the run cut it off."""
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
    def of(cls, over: Over, settings: VerdictSettings) -> TrialVerdict:
        """Judge a trial."""
        trial = JudgedTrial.of(DispatchFacts(over.index, RunFacts.of(settings, over.whole), over.trial))
        return cls(
            *_about(over),
            outcome=trial.outcome,
            reason=trial.reason,
            state=trial.state,
            mismatch=trial.mismatch,
            fallback=trial.fallback,
            latency_ms=trial.facts.latency_ms,
        )

    @classmethod
    def unjudged(cls, over: Over, crash: str) -> TrialVerdict:
        """Of a trial whose judging crashed."""
        return cls(
            *_about(over),
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


def _about(over: Over) -> tuple[int, str, str, bool, bool]:
    data = over.started.data  # there may be anything in it: that may be what its judging crashed by
    cut_off = over.trial.first(TrialInterrupted) is not None
    room, role = str(data.get("room", "")), str(data.get("role", "subject"))
    return over.index, room, role, bool(data.get("warmup")), cut_off


class DispatchJudge(LiveRun):
    """Judges dispatch trials. `judge` is to be called when what belongs to a trial has been said."""

    def __init__(self, settings: VerdictSettings) -> None:
        super().__init__()
        self._settings = settings

    def judge(self, index: int) -> TrialVerdict | None:
        """What became of a trial, which is forgotten then; None for one that was not begun."""
        over = self.take(index)
        return None if over is None else TrialVerdict.of(over, self._settings)

    def judge_or_crash(self, index: int) -> TrialVerdict | None:
        """The same; where judging crashes, the verdict says so."""
        over = self.take(index)
        if over is None:
            return None
        try:
            return TrialVerdict.of(over, self._settings)
        except Exception as error:
            return TrialVerdict.unjudged(over, kind_and_place(error))


class CallJudge(LiveRun):
    """Judges transfer teardowns."""

    def __init__(self, settings: TeardownSettings) -> None:
        super().__init__()
        self._settings = settings

    def judge(self, index: int) -> JudgedCall | None:
        """What became of a call, which is forgotten then; None for one that was not begun."""
        over = self.take(index)
        if over is None:
            return None
        return JudgedCall.of(TeardownFacts(index, self._settings, over.trial, over.run.of(LkdiagStalled)))


class WatchJudge(LiveRun):
    """Judges the dispatches of calls that others made, as soon as nobody waits for their agents any more."""

    def __init__(self, settings: VerdictSettings, agent_name: str | None) -> None:
        super().__init__()
        self._settings = settings
        self._agent_name = agent_name
        self._longest_ns = int((settings.timeout_s + 2 * settings.settle_s + settings.delayed_after_s) * 1e9)

    def _needed_since_ns(self, now_ns: int) -> int:
        """A call may last for days; a dispatch in it is judged that long after its agent is due, at the latest."""
        return max(super()._needed_since_ns(now_ns), now_ns - self._longest_ns)

    def call(self, number: int) -> WatchedCallFacts | None:
        """A call, as far as it was seen."""
        seen = self._seen(number)
        return None if seen is None else WatchedCallFacts(number, seen)

    def judge(self, number: int, dispatch_id: str | None) -> JudgedTrial | None:
        """A dispatch of such a call; None where it is none of those that are judged."""
        over = self.so_far(number)
        if over is None:
            return None
        found = observed(
            [WatchedCallFacts(number, over.trial)], RunFacts.of(self._settings, over.whole), self._agent_name
        )
        return next((judge_watched_dispatch(facts) for facts in found if facts.under_test == dispatch_id), None)
