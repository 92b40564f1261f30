"""Asks listRooms for several rooms at once: for all whose end is waited for at the same moment."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from lkdiag.timeline import TrialRecorder

ROOMS_MAX = 100
"""Names in one call."""


class _Batch:
    def __init__(self) -> None:
        self.asked: list[tuple[TrialRecorder, str]] = []
        self.there: asyncio.Future[dict[str, str]] = asyncio.get_running_loop().create_future()


class Roll:
    """`ask` is one listRooms: those of the names that are there, with their SIDs. Raises what that raises.

    While one is under way those that come gather for the next; a single one does not wait for anybody. What is asked
    here is answered by a call that began afterwards.
    """

    def __init__(self, ask: Callable[[TrialRecorder, list[str]], Awaitable[dict[str, str]]]) -> None:
        self._ask = ask
        self._gathering: _Batch | None = None
        self._asking = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    async def sid_of(self, recorder: TrialRecorder, room: str) -> str | None:
        """The SID of that room; None where listRooms does not know it.

        A call for several rooms is recorded as the run's, and not as one trial's.
        """
        batch = self._gathering
        if batch is None or len(batch.asked) >= ROOMS_MAX:
            batch = self._gathering = _Batch()
            task = asyncio.create_task(self._answer(batch), name="listRooms for several")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        batch.asked.append((recorder, room))
        return (await asyncio.shield(batch.there)).get(room)

    async def _answer(self, batch: _Batch) -> None:
        async with self._asking:
            if self._gathering is batch:
                self._gathering = None
            recorder = batch.asked[0][0]
            names = list(dict.fromkeys(room for _, room in batch.asked))
            try:
                there = await self._ask(recorder if len(names) == 1 else recorder.run.for_trial(None), names)
            except asyncio.CancelledError:
                batch.there.cancel()
                raise
            except Exception as error:
                batch.there.set_exception(error)
                batch.there.exception()  # whoever asked may have gone
            else:
                batch.there.set_result(there)
