"""The API as a watch may use it: methods that look, no others, and never too many calls."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

from lkdiag.control import ApiCallError, CallFailure, Control

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from lkdiag.settings import Credentials
    from lkdiag.timeline import TrialRecorder

T = TypeVar("T")

LOOKING = frozenset({"ListRooms", "ListDispatch", "ListParticipants", "GetParticipant"})
SLOWER = 2.0
SLOWEST_S = 5.0
FASTER = 0.98


BURST_S = 2.0
"""What was not asked for so long may be asked at once: calls come several at a time, and their first looks count."""


class Pace:
    """Turns, on average at most so many a second. After a refusal half as many, and slowly more again."""

    def __init__(self, per_second: float) -> None:
        self._least_s = 1 / per_second
        self.apart_s = self._least_s
        self._next_s = 0.0

    async def turn(self) -> None:
        """Wait for one."""
        now_s = asyncio.get_running_loop().time()
        at_s = max(self._next_s, now_s - BURST_S)
        self._next_s = at_s + self.apart_s
        self.apart_s = max(self._least_s, self.apart_s * FASTER)
        if at_s > now_s:
            await asyncio.sleep(at_s - now_s)

    def slow_down(self) -> None:
        """The server has had too many."""
        self.apart_s = min(SLOWEST_S, self.apart_s * SLOWER)


class LookingControl(Control):
    """Refuses every method that could change something in the project, before it is sent."""

    def __init__(self, credentials: Credentials, per_second: float) -> None:
        super().__init__(credentials)
        self._pace = Pace(per_second)

    def allow(self, per_second: float) -> None:
        """So many calls a second at most, from now on."""
        self._pace = Pace(per_second)

    async def _call(
        self,
        recorder: TrialRecorder,
        method: str,
        call: Coroutine[Any, Any, T],
        lacks: Callable[[T], str] = lambda _answer: "",
        doubt: Callable[[T], Awaitable[str]] | None = None,
        **about: Any,
    ) -> T:
        try:
            if method not in LOOKING:
                raise AssertionError(f"a watch does not call {method}")
            await self._pace.turn()
        except BaseException:
            call.close()  # never sent
            raise
        try:
            return await super()._call(recorder, method, call, lacks, doubt, **about)
        except ApiCallError as error:
            if error.failure is CallFailure.THROTTLED:
                self._pace.slow_down()
            raise
