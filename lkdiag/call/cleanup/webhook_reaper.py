"""agents-js#1895's workaround: a `participant_left` webhook makes it look, and delete the room of a lone person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.call.cleanup.outside import reap_if_lone

if TYPE_CHECKING:
    from lkdiag.call.cleanup.outside import WatchedCall

LEFT = ("participant_left", "participant_connection_aborted")


async def watch(call: WatchedCall) -> None:
    """Until the room is deleted, or the watch is cancelled."""
    assert call.webhooks is not None, "the webhook reaper is played only where webhooks arrive"
    async for event in call.webhooks.of_room(call.room):
        if event.event in LEFT and await reap_if_lone(call):
            return
