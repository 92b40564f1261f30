"""A reaper that asks for the room's participants every second, and deletes the room when one person is left in it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from lkdiag.call.cleanup.outside import reap_if_lone

if TYPE_CHECKING:
    from lkdiag.call.cleanup.outside import WatchedCall

INTERVAL_S = 1.0


async def watch(call: WatchedCall) -> None:
    """Until the room is deleted, or the watch is cancelled."""
    while True:
        if await reap_if_lone(call):
            return
        await asyncio.sleep(INTERVAL_S)
