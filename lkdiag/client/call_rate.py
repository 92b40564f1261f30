"""Waiting after HTTP 429, and one listRooms for all trials that wait for a room's end."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from lkdiag.scenario.option import parse_number

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from lkdiag.journal.recorder import TrialRecorder


BACKOFF_S = 1.0
"""The first wait if there is no Retry-After; it doubles with each further refusal."""
BACKOFF_MAX_S = 30.0
RETRY_AFTER_MAX_S = 60.0
"""The longest wait, even if the server asks for more: the rooms of the run have to be closed at some point."""


def parse_retry_after_s(text: str | None, now: datetime | None = None) -> float | None:
    """Parse seconds, or a date (RFC 9110); None for anything else. A date without a time zone is in UTC."""
    if text is None:
        return None
    try:
        return max(0.0, parse_number(text.strip()))
    except ValueError:
        pass
    try:
        until = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return max(0.0, (until - (now or datetime.now(UTC))).total_seconds())


class RateLimit:
    """The server's limit on the rate of calls (HTTP 429). All calls of a run share it: a refusal applies to all."""

    def __init__(self) -> None:
        self._quiet_until_ns = 0
        self._refused = 0

    def note_refusal(self, began_ns: int, now_ns: int, retry_after_s: float | None) -> None:
        """Note that a call that began at `began_ns` was refused. Refusals of concurrent calls count as one."""
        if began_ns >= self._quiet_until_ns:
            self._refused += 1
        backoff_s: float = min(BACKOFF_S * 2 ** (self._refused - 1), BACKOFF_MAX_S)
        wait_s = backoff_s if retry_after_s is None else min(retry_after_s, RETRY_AFTER_MAX_S)
        self._quiet_until_ns = max(self._quiet_until_ns, now_ns + int(wait_s * 1e9))

    def note_answer(self, began_ns: int) -> None:
        """Note that a call that began at `began_ns` was not refused."""
        if began_ns >= self._quiet_until_ns:
            self._refused = 0

    def wait_s(self, now_ns: int) -> float:
        """How long a call has to wait now."""
        return max(0.0, (self._quiet_until_ns - now_ns) / 1e9)


ROOMS_MAX = 100
"""The most names in one call."""


class _Batch:
    def __init__(self) -> None:
        self.asked: list[tuple[TrialRecorder, str]] = []
        self.there: asyncio.Future[dict[str, str]] = asyncio.get_running_loop().create_future()


class RoomListBatcher:
    """Combines concurrent requests for rooms into one listRooms each.

    `ask` makes the call: from names to the SIDs of the existing ones. While a call is in progress, new requests are
    collected for the next call; a request alone does not wait. Each request is answered by a call that begins after it.
    """

    def __init__(self, ask: Callable[[TrialRecorder, list[str]], Awaitable[dict[str, str]]]) -> None:
        self._ask = ask
        self._gathering: _Batch | None = None
        self._asking = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    async def sid_of(self, recorder: TrialRecorder, room: str) -> str | None:
        """The SID of that room, or None if listRooms does not have it. Raises what `ask` raises.

        A call for several rooms is recorded as the run's, not as one trial's.
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
                batch.there.exception()  # the requesting task may have ended
            else:
                batch.there.set_result(there)
