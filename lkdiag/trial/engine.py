"""Carries out a run: trials one after another or side by side, paced, stopped, and swept up behind."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from lkdiag.control import ApiCallError
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
RECHECKS = 3
RECHECK_INTERVAL_S = 1.0


class Engine:
    """Runs trials. It knows no scenario: `carry_out` is what a trial is."""

    def __init__(self, control: Control, recorder: Recorder, room_prefix: str, server_pid: int | None = None) -> None:
        self._control = control
        self._recorder = recorder
        self._room_prefix = room_prefix
        self._server_pid = server_pid
        self._aborted: str | None = None

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
                if unseen is not None and not self._aborted:
                    self._abort(f"the server did not tell which rooms lkdiag left: {unseen}")
                await asyncio.gather(stopped, return_exceptions=True)
        if work.done() and not work.cancelled():
            work.result()

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
                if not failure.rate_limited:  # one that asks for fewer calls does answer
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
