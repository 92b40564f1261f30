"""Carries out a run: trials one after another or side by side, paced, stopped, and swept up behind."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol, TypeVar

from lkdiag.control import ApiCallError
from lkdiag.trial.close import close_leftovers
from lkdiag.trial.stall import watch_stalls

P = TypeVar("P", bound="Planned")


class Planned(Protocol):
    """A trial to come, whatever it is about."""

    @property
    def index(self) -> int:
        """Its number; it orders the trials."""

    @property
    def warmup(self) -> bool:
        """Whether it is carried out before all others, and alone."""


if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from lkdiag.control import Control
    from lkdiag.timeline import Recorder

CLOSE_TIMEOUT_S = 30.0
"""After Ctrl-C: how long the rooms may take to be closed before lkdiag gives up and says which are left."""
RECHECKS = 3
RECHECK_INTERVAL_S = 1.0


class Engine:
    """Runs trials. It knows no scenario: `carry_out` is what a trial is."""

    def __init__(self, control: Control, recorder: Recorder, room_prefix: str) -> None:
        self._control = control
        self._recorder = recorder
        self._room_prefix = room_prefix
        self._aborted: str | None = None

    async def run(
        self,
        trials: Sequence[P],
        carry_out: Callable[[P], Awaitable[None]],
        stop: asyncio.Event,
        *,
        concurrency: int = 1,
        rate: float | None = None,
        gap_s: float = 0.0,
    ) -> None:
        """Carry out the trials until done, stopped (`stop`), or the server is gone. Rooms are closed in any case."""
        stalls = asyncio.create_task(watch_stalls(self._recorder), name="stall watch")
        work = asyncio.create_task(self._pace(trials, carry_out, concurrency, rate, gap_s), name="trials")
        stopped = asyncio.create_task(stop.wait(), name="stop")
        try:
            await asyncio.wait({work, stopped}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not work.done():
                work.cancel()
                await asyncio.wait({work}, timeout=CLOSE_TIMEOUT_S)
            stopped.cancel()
            swept = await close_leftovers(self._control, self._recorder, self._room_prefix)
            if not swept and not self._aborted:
                self._abort("the server did not answer when lkdiag looked for rooms that it left")
            stalls.cancel()
            await asyncio.gather(stopped, stalls, return_exceptions=True)
        if work.done() and not work.cancelled():
            work.result()

    async def _pace(
        self,
        trials: Sequence[P],
        carry_out: Callable[[P], Awaitable[None]],
        concurrency: int,
        rate: float | None,
        gap_s: float,
    ) -> None:
        # the warm-up ends before the first trial that counts begins
        for trial in trials:
            if trial.warmup:
                await carry_out(trial)
        counted = [trial for trial in trials if not trial.warmup]
        if rate is not None:
            await self._open_loop(counted, carry_out, rate)
        else:
            await self._closed_loop(counted, carry_out, concurrency, gap_s)

    async def _closed_loop(
        self,
        trials: Sequence[P],
        carry_out: Callable[[P], Awaitable[None]],
        concurrency: int,
        gap_s: float,
    ) -> None:
        waiting = iter(trials)

        async def take_turns() -> None:
            for number, trial in enumerate(waiting):
                if number and gap_s:
                    await asyncio.sleep(gap_s)
                if not await self._server_answers():
                    return
                await carry_out(trial)

        async with asyncio.TaskGroup() as group:
            for _ in range(min(concurrency, len(trials))):
                group.create_task(take_turns())

    async def _open_loop(self, trials: Sequence[P], carry_out: Callable[[P], Awaitable[None]], rate: float) -> None:
        clock = self._recorder.now_mono_ns
        began_ns = clock()
        async with asyncio.TaskGroup() as group:
            for number, trial in enumerate(trials):
                due_ns = began_ns + int(number / rate * 1e9)
                await asyncio.sleep(max(0.0, (due_ns - clock()) / 1e9))
                if not await self._server_answers():
                    return
                self._recorder.record("trial.due", trial.index, due_mono_ns=due_ns)
                group.create_task(_awaited(carry_out(trial)))

    def note_unreachable(self) -> None:
        """A call got no answer: before the next trial begins, the server is asked whether it is still there."""
        self._aborted = self._aborted or ""

    async def _server_answers(self) -> bool:
        """False once the server has not answered several times in a row; the run then ends, and says so."""
        if self._aborted is None:
            return True
        error = ""
        for attempt in range(RECHECKS):
            if self._aborted:
                return False
            if attempt:
                await asyncio.sleep(RECHECK_INTERVAL_S)
            try:
                await self._control.list_rooms(self._recorder.for_trial(None), self._room_prefix)
            except ApiCallError as failure:
                error = failure.reason
                continue
            self._aborted = None
            return True
        if not self._aborted:
            self._abort(f"the server does not answer any more: {error}")
        return False

    def _abort(self, reason: str) -> None:
        self._aborted = reason
        self._recorder.record("run.aborted", reason=reason)


async def _awaited(work: Awaitable[None]) -> None:
    await work
