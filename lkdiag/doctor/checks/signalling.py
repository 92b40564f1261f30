"""Signalling: does a client get its websocket, and what does the server answer to it?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp
from google.protobuf.message import DecodeError
from livekit import api

from lkdiag.doctor.ask import reason_of, token
from lkdiag.doctor.check import failed, ok
from lkdiag.participant.signal import ANSWER_TIMEOUT_S, describe_server, join_by_signal

if TYPE_CHECKING:
    from livekit.protocol.rtc import JoinResponse

    from lkdiag.doctor.bench import Bench
    from lkdiag.doctor.check import Found

FIX = (
    "Let websockets on /rtc through what stands before the server: a proxy has to pass on the headers Upgrade and "
    "Connection, and the query."
)


async def signalling(bench: Bench) -> Found:
    """Join the doctor's room by the websocket alone, unseen."""
    room = api.RoomConfiguration(
        empty_timeout=10, departure_timeout=1, agents=[api.RoomAgentDispatch(agent_name=bench.nobody)]
    )
    bench.rooms_made.append(bench.room)  # the join makes it, where it is not there
    jwt = token(
        bench.known,
        api.VideoGrants(room_join=True, room=bench.room, hidden=True),
        identity="lkdiag-doctor-signal",
        room_config=room,
    )
    try:
        joined = await join_by_signal(bench.known, jwt)
    except TimeoutError:
        return failed(f"no answer on the websocket within {ANSWER_TIMEOUT_S:g} s", FIX)
    except (aiohttp.ClientError, OSError, TypeError, DecodeError) as error:
        closed = isinstance(error, TypeError | DecodeError)
        seen = "the websocket was closed instead of answered" if closed else f"no websocket: {reason_of(error)}"
        return failed(bench.clean(seen, jwt), FIX)
    bench.joined = joined
    note_server(bench, joined)
    turn = [url for server in joined.ice_servers for url in server.urls]
    return ok("joined by the websocket", TURN_and_STUN=", ".join(turn))


def note_server(bench: Bench, joined: JoinResponse) -> None:
    """Keep what the server says of itself."""
    about = joined.server_info
    bench.server = {
        **describe_server(joined),
        "protocol": str(about.protocol or ""),
        "agent_protocol": str(about.agent_protocol or ""),
    }
