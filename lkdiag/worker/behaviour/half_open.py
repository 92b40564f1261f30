"""Hangs, with its connection open: the server takes it for a worker that is there, and its jobs are dropped.

livekit-server pings a worker every 10 s but waits for no pong, and does not miss the worker's own (v1.13.5
pkg/service/wsprotocol.go, pingWorker), so it goes on choosing it for as long as the TCP connection stands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from lkdiag.worker.behaviour.honest import Honest

if TYPE_CHECKING:
    from lkdiag.worker.behaviour.base import Line


class HalfOpen(Honest):
    """From its registration on reads and writes nothing; the connection stays open."""

    own_worker: ClassVar[bool] = True

    async def on_registered(self, line: Line) -> None:
        """Hang."""
        await line.freeze()
