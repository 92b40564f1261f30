"""A join by signalling alone that ends at once: the server's first words tell what it is."""

from __future__ import annotations

import asyncio
import datetime
from typing import TYPE_CHECKING

import aiohttp
from google.protobuf.message import DecodeError
from livekit import api
from livekit.protocol.rtc import JoinResponse, SignalResponse

from lkdiag.enum_name import enum_name

if TYPE_CHECKING:
    from lkdiag.settings import Credentials

PROTOCOL = "16"
"""Client protocol, as of livekit-server v1.13.5 (pkg/rtc/types/protocol_version.go)."""
PARAMS = {"protocol": PROTOCOL, "auto_subscribe": "0", "sdk": "python"}
"""What every join tells of its client."""
ANSWER_TIMEOUT_S = 5.0


async def read_server_info(credentials: Credentials, room: str) -> dict[str, str] | None:
    """Version, edition, region and node of the server, from its answer to a join of `room`; None without one.

    The room is made by this join, names an agent that nobody has, so that no worker of the project starts, and
    has to be deleted by the caller.
    """
    config = api.RoomConfiguration(
        empty_timeout=10, departure_timeout=1, agents=[api.RoomAgentDispatch(agent_name=f"{room}-nobody")]
    )
    token = (
        api.AccessToken(credentials.api_key, credentials.api_secret)
        .with_identity("lkdiag-signal")
        .with_ttl(datetime.timedelta(minutes=1))
        .with_grants(api.VideoGrants(room_join=True, room=room, hidden=True))
        .with_room_config(config)
        .to_jwt()
    )
    try:
        joined = await join_by_signal(credentials, token)
    except (aiohttp.ClientError, OSError, TimeoutError, TypeError, DecodeError):
        # it only describes the server: a run without it says so, and goes on
        return None
    return describe_server(joined)


async def join_by_signal(credentials: Credentials, token: str) -> JoinResponse:
    """What the server answers to a join by the websocket alone, which ends with it.

    Raises TimeoutError; aiohttp.ClientError and OSError without a websocket; TypeError (of aiohttp's receive_bytes) or
    DecodeError when it was closed instead of answered.
    """
    async with (
        asyncio.timeout(ANSWER_TIMEOUT_S),
        aiohttp.ClientSession() as session,
        session.ws_connect(
            f"{credentials.ws_url}/rtc",
            params=PARAMS,
            headers={"Authorization": f"Bearer {token}"},
        ) as socket,
    ):
        while True:
            response = SignalResponse.FromString(await socket.receive_bytes())
            if response.WhichOneof("message") == "join":
                return response.join


def describe_server(joined: JoinResponse) -> dict[str, str]:
    """What the server says of itself."""
    info = joined.server_info
    return {
        "version": info.version,
        "edition": enum_name(type(info).Edition, info.edition).lower(),
        "region": info.region,
        "node_id": info.node_id,
    }
