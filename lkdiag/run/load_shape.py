"""The load shape: trials begin when a place becomes free (closed loop), or when they are due (open loop)."""

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
and lkdiag's event loop with them, for 0.1 to 1 s (measured), so that those trials could not be judged."""


class Planned(Protocol):
    """A trial to come, whatever it is about."""

    @property
    def index(self) -> int:
        """Its number, which orders the trials."""

    @property
    def role(self) -> str | None:
        """Whose trial it is; None if the run has only one role."""

    @property
    def warmup(self) -> bool:
        """Whether it runs before all other trials, and alone."""


@dataclass(frozen=True)
class LoadShape:
    """When trials begin. With a `rate` or a `burst` the loop is open: a trial begins when it is due."""

    concurrency: int = 1
    gap_s: float = 0.0
    rate: float | None = None
    burst: int | None = None
    """This many trials are due at the same instant, every `burst_every_s`."""
    burst_every_s: float = 30.0
    duration_s: float | None = None
    """No trial begins later than this after the first trial that is not a warm-up."""
    max_in_flight: int = 1000
    """In an open loop, a trial that is due while this many are in progress is not begun."""
    ramp_s: float = 0.0
    """In a closed loop, the seconds between the first trials of two places; 0: all begin at the same instant."""

    @classmethod
    def of(cls, scenario: DispatchScenario) -> LoadShape:
        """The load shape of a scenario."""
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

        A shard begins its trials at the times that they have in the whole run: the rate is that of all shards.
        """
        if self.burst is not None:
            return (index - 1) // self.burst * self.burst_every_s
        assert self.rate is not None, "a closed loop has no due times"
        return (index - 1) / self.rate


class LoadRunner(Generic[P]):
    """Carries out trials in a load shape. `go_on` says, before each trial begins, whether to continue."""

    def __init__(
        self,
        shape: LoadShape,
        recorder: Recorder,
        carry_out: Callable[[P], Awaitable[None]],
        go_on: Callable[[], Awaitable[bool]],
    ) -> None:
        self._shape = shape
        self._recorder = recorder
        self._carry_out = carry_out
        self._go_on = go_on

    async def run(self, trials: Iterable[P]) -> None:
        """Run all trials. Warm-up trials run first, one at a time, and end before any other trial begins."""
        waiting = iter(trials)
        for trial in waiting:
            if not trial.warmup:
                waiting = chain([trial], waiting)
                break
            await self._carry_out(trial)
        await (self._by_the_clock(waiting) if self._shape.is_open else self._in_turns(waiting))

    async def _in_turns(self, waiting: Iterator[P]) -> None:
        shape, clock = self._shape, self._recorder.now_mono_ns
        end_ns = None if shape.duration_s is None else clock() + int(shape.duration_s * 1e9)

        async def take_turns(place: int) -> None:
            if place and shape.ramp_s:
                await asyncio.sleep(place * shape.ramp_s)
            first = True
            while True:
                if not first and shape.gap_s:
                    await asyncio.sleep(shape.gap_s)
                if (end_ns is not None and clock() >= end_ns) or not await self._go_on():
                    return
                trial = next(waiting, None)
                if trial is None:
                    return
                await self._carry_out(trial)
                first = False

        async with asyncio.TaskGroup() as group:
            for place in range(shape.concurrency):
                group.create_task(take_turns(place))

    async def _by_the_clock(self, waiting: Iterator[P]) -> None:
        shape, clock = self._shape, self._recorder.now_mono_ns
        began_ns = clock()
        in_progress: set[asyncio.Task[None]] = set()
        async with asyncio.TaskGroup() as group:
            for trial in waiting:
                due_s = shape.due_s(trial.index)
                if shape.duration_s is not None and due_s >= shape.duration_s:
                    return
                due_ns = began_ns + int(due_s * 1e9)
                if clock() < due_ns:
                    await asyncio.sleep((due_ns - clock()) / 1e9)
                if not await self._go_on():
                    return
                if len(in_progress) >= shape.max_in_flight:
                    self._recorder.record(
                        TrialNotBegun(
                            planned=trial.index,
                            role=trial.role,
                            due_mono_ns=due_ns,
                            in_flight=len(in_progress),
                        )
                    )
                    await asyncio.sleep(0)  # let the trials in progress continue
                    continue
                self._recorder.record(TrialDue(due_mono_ns=due_ns), trial.index)
                task = group.create_task(_awaited(self._carry_out(trial)))
                in_progress.add(task)
                task.add_done_callback(in_progress.discard)


async def _awaited(work: Awaitable[None]) -> None:
    await work
