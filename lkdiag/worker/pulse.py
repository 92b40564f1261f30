"""A worker's pings: proof of life, and samples of the server's clock."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from lkdiag.worker import protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from lkdiag.timeline import TrialRecorder


class Pulse:
    """Sends pings and takes their answers. `samples_clock`: whether each answer is recorded as a clock sample."""

    def __init__(
        self, recorder: TrialRecorder, send: Callable[[bytes], Awaitable[bool]], *, samples_clock: bool
    ) -> None:
        self._recorder = recorder
        self._send = send
        self._samples_clock = samples_clock
        self._sent: dict[int, int] = {}
        self._answered = asyncio.Event()

    async def check(self, timeout_s: float) -> bool:
        """Whether a ping that is sent now is answered within `timeout_s`."""
        self._answered.clear()
        if not await self.beat():
            return False
        try:
            async with asyncio.timeout(timeout_s):
                await self._answered.wait()
        except TimeoutError:
            return False
        return True

    async def beat(self) -> bool:
        """Send a ping; whether it went out."""
        sent_ns = self._recorder.run.now_wall_ns()
        self._sent[sent_ns // 1_000_000] = sent_ns
        return await self._send(protocol.ping(sent_ns // 1_000_000))

    def note(self, pong: protocol.Pong) -> None:
        """An answer came."""
        self._answered.set()
        sent_ns = self._sent.pop(pong.sent_ms, None)
        if sent_ns is not None and self._samples_clock:
            self._recorder.record(
                "clock.sampled",
                before_ns=sent_ns,
                after_ns=self._recorder.run.now_wall_ns(),
                server_ms=pong.server_ms,
            )

    def forget(self) -> None:
        """Nothing that was sent so far will be answered."""
        self._sent.clear()
