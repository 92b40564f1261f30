"""How two calls become one: MoveParticipant where the server has it, else the human leaves one room for the other."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lkdiag.control import ApiCallError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from lkdiag.control import Control
    from lkdiag.timeline import TrialRecorder

MOVE, REJOIN = "move-participant", "rejoin"


@dataclass
class MergeWay:
    """What this server can: asked once a run, then remembered."""

    known: str | None = None
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)


async def merge_calls(
    way: MergeWay,
    control: Control,
    recorder: TrialRecorder,
    from_room: str,
    identity: str,
    to_room: str,
    rejoin: Callable[[], Awaitable[None]],
) -> str:
    """Bring the participant into the other room; by which way. Raises ApiCallError and JoinError.

    The open-source server has no MoveParticipant: livekit-server 1.13.5 answers 500 `unknown`, 'not implemented'.
    """
    if way.known != REJOIN:
        async with way.asking:
            if way.known != REJOIN:
                try:
                    await control.move_participant(recorder, from_room, identity, to_room)
                except ApiCallError as error:
                    if not ("not implemented" in error.reason or error.code in ("unimplemented", "bad_route")):
                        raise
                    way.known = REJOIN
                else:
                    way.known = MOVE
                    return MOVE
    await rejoin()
    return REJOIN
