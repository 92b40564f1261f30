"""Carries out a run: trials one after another or side by side, paced, stopped, and swept up behind."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from lkdiag.control import ApiCallError, CallFailure
from lkdiag.trial.close import close_leftovers
from lkdiag.trial.health import health_watched
from lkdiag.trial.pace import Pace, Pacer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from lkdiag.control import Control
    from lkdiag.timeline import Recorder
    from lkdiag.trial.pace import P

CLOSE_TIMEOUT_S = 30.0
"""After Ctrl-C: how long the rooms may take to be closed before lkdiag gives up and says which are left."""
RECHECK_INTERVAL_S = 1.0


class Engine:
    """Runs trials. It knows no scenario: `carry_out` is what a trial is."""

    def __init__(self, control: Control, recorder: Recorder, room_prefix: str, server_pid: int | None = None) -> None:
        self._control = control
        self._recorder = recorder
        self._room_prefix = room_prefix
        self._server_pid = server_pid
        self._aborted: str | None = None
        self._is_doubted = False

    async def run(
        self,
        trials: Iterable[P],
        carry_out: Callable[[P], Awaitable[None]],
        stop: asyncio.Event,
        pace: Pace | None = None,
    ) -> None:
        """Carry out the trials until done, stopped (`stop`), or the server is gone. Rooms are closed in any case.

        Without a `pace` they go one after another.
        """
        pacer = Pacer(pace or Pace(), self._recorder, carry_out, self._server_answers)
        async with health_watched(self._recorder, self._control, self._server_pid):
            work = asyncio.create_task(pacer.run(trials), name="trials")
            stopped = asyncio.create_task(stop.wait(), name="stop")
            try:
                await asyncio.wait({work, stopped}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                if not work.done():
                    work.cancel()
                    await asyncio.wait({work}, timeout=CLOSE_TIMEOUT_S)
                stopped.cancel()
                unseen = await close_leftovers(self._control, self._recorder, self._room_prefix)
                if unseen is not None:
                    self._give_up(f"the server did not tell which rooms lkdiag left: {unseen}")
                await asyncio.gather(stopped, return_exceptions=True)
        if work.done() and not work.cancelled():
            work.result()

    def note_unreachable(self) -> None:
        """LiveKit was not heard: before the next trial begins, the server is asked whether it is still there."""
        self._is_doubted = True

    async def _server_answers(self) -> bool:
        """False once the server counts as gone (`control/away.py`); the run then ends, and says so."""
        while self._is_doubted and not self._aborted:
            try:
                await self._control.list_rooms(self._recorder.for_trial(None), self._room_prefix)
            except ApiCallError as failure:
                if failure.failure is not CallFailure.REFUSED:
                    if gone := self._control.given_up(self._recorder.now_mono_ns()):
                        silent = failure.failure is CallFailure.UNANSWERED
                        self._give_up(f"the server does not answer any more: {failure.reason}" if silent else gone)
                    else:
                        await asyncio.sleep(RECHECK_INTERVAL_S)
                    continue
            self._is_doubted = False
        return self._aborted is None

    def _give_up(self, reason: str) -> None:
        if self._aborted is None:
            self._aborted = reason
            self._recorder.record("run.aborted", reason=reason)
