"""How trials follow each other: side by side as places become free, or each when it is due, come what may."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from lkdiag.journal.trial_kinds import TrialDue, TrialNotBegun
from lkdiag.scenario.dispatch import JoinBy

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator

    from lkdiag.journal.recorder import Recorder
    from lkdiag.scenario.dispatch import DispatchScenario


P = TypeVar("P", bound="Planned")

MEDIA_RAMP_S = 0.1
"""Between the first joins with media. One costs 0.13 s of CPU: eight to fourteen in the same instant held two cores,
and lkdiag's event loop with them, for 0.1 to 1 s (measured), and trials could not be judged for that."""


class Planned(Protocol):
    """A trial to come, whatever it is about."""

    @property
    def index(self) -> int:
        """Its number; it orders the trials."""

    @property
    def role(self) -> str | None:
        """Whose trial it is; None where there is one role alone."""

    @property
    def warmup(self) -> bool:
        """Whether it is carried out before all others, and alone."""


@dataclass(frozen=True)
class Pace:
    """A shape of load. With a `rate` or a `burst` the loop is open: a trial begins when it is due."""

    concurrency: int = 1
    gap_s: float = 0.0
    rate: float | None = None
    burst: int | None = None
    """So many trials are due at the same instant,"""
    burst_every_s: float = 30.0
    """and again after that."""
    duration_s: float | None = None
    """No trial begins later than that after the first one that counts."""
    max_in_flight: int = 1000
    """In an open loop: a trial that is due while so many go on is not begun."""
    ramp_s: float = 0.0
    """In a closed loop: the places are taken one after another, so far apart, and not all in the same instant."""

    @classmethod
    def of(cls, scenario: DispatchScenario) -> Pace:
        """As a scenario wants it."""
        return cls(
            concurrency=scenario.concurrency,
            gap_s=scenario.gap_s,
            rate=scenario.rate,
            burst=scenario.burst,
            burst_every_s=scenario.burst_every_s,
            duration_s=scenario.duration_s,
            max_in_flight=scenario.max_in_flight,
            ramp_s=0.0 if scenario.join is JoinBy.SIGNAL else MEDIA_RAMP_S,
        )

    @property
    def is_open(self) -> bool:
        """Whether trials begin by the clock."""
        return self.rate is not None or self.burst is not None

    def due_s(self, index: int) -> float:
        """When the trial of that index, from 1 on, is due in an open loop: seconds since the first of the whole run.

        A shard plays some of a run's trials, each when the whole run would: the rate is that of all shards.
        """
        if self.burst is not None:
            return (index - 1) // self.burst * self.burst_every_s
        assert self.rate is not None, "a closed loop has no due times"
        return (index - 1) / self.rate


class Pacer(Generic[P]):
    """Carries trials out at a pace. `go_on` says, before each begins, whether it makes sense still."""

    def __init__(
        self,
        pace: Pace,
        recorder: Recorder,
        carry_out: Callable[[P], Awaitable[None]],
        go_on: Callable[[], Awaitable[bool]],
    ) -> None:
        self._pace = pace
        self._recorder = recorder
        self._carry_out = carry_out
        self._go_on = go_on

    async def run(self, trials: Iterable[P]) -> None:
        """All of them: those for warming up first, alone, and ended before the first one that counts begins."""
        waiting = iter(trials)
        for trial in waiting:
            if not trial.warmup:
                waiting = chain([trial], waiting)
                break
            await self._carry_out(trial)
        await (self._by_the_clock(waiting) if self._pace.is_open else self._in_turns(waiting))

    async def _in_turns(self, waiting: Iterator[P]) -> None:
        pace, clock = self._pace, self._recorder.now_mono_ns
        end_ns = None if pace.duration_s is None else clock() + int(pace.duration_s * 1e9)

        async def take_turns(place: int) -> None:
            if place and pace.ramp_s:
                await asyncio.sleep(place * pace.ramp_s)
            first = True
            while True:
                if not first and pace.gap_s:
                    await asyncio.sleep(pace.gap_s)
                if (end_ns is not None and clock() >= end_ns) or not await self._go_on():
                    return
                trial = next(waiting, None)
                if trial is None:
                    return
                await self._carry_out(trial)
                first = False

        async with asyncio.TaskGroup() as group:
            for place in range(pace.concurrency):
                group.create_task(take_turns(place))

    async def _by_the_clock(self, waiting: Iterator[P]) -> None:
        pace, clock = self._pace, self._recorder.now_mono_ns
        began_ns = clock()
        going_on: set[asyncio.Task[None]] = set()
        async with asyncio.TaskGroup() as group:
            for trial in waiting:
                due_s = pace.due_s(trial.index)
                if pace.duration_s is not None and due_s >= pace.duration_s:
                    return
                due_ns = began_ns + int(due_s * 1e9)
                if clock() < due_ns:
                    await asyncio.sleep((due_ns - clock()) / 1e9)
                if not await self._go_on():
                    return
                if len(going_on) >= pace.max_in_flight:
                    self._recorder.record(
                        TrialNotBegun(
                            planned=trial.index,
                            role=trial.role,
                            due_mono_ns=due_ns,
                            in_flight=len(going_on),
                        )
                    )
                    await asyncio.sleep(0)  # those that go on come first
                    continue
                self._recorder.record(TrialDue(due_mono_ns=due_ns), trial.index)
                task = group.create_task(_awaited(self._carry_out(trial)))
                going_on.add(task)
                task.add_done_callback(going_on.discard)


async def _awaited(work: Awaitable[None]) -> None:
    await work
