"""A worker's first exchange with the server: connect, register, and hear what it answers."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import aiohttp
from google.protobuf.message import DecodeError
from livekit import api

from lkdiag.errors import ConnectionLostError
from lkdiag.secrecy.scrubber import scrub
from lkdiag.worker import protocol

if TYPE_CHECKING:
    from lkdiag.settings import Credentials

REGISTER_TIMEOUT_S = 10.0
"""The server's own limit (livekit-server pkg/agent/worker.go, RegisterTimeout)."""


async def register(
    session: aiohttp.ClientSession, credentials: Credentials, registration: protocol.Registration
) -> tuple[aiohttp.ClientWebSocketResponse, protocol.Registered]:
    """A socket on which the server has answered the registration. Raises ConnectionLostError."""
    token = api.AccessToken(credentials.api_key, credentials.api_secret).with_grants(api.VideoGrants(agent=True))
    jwt = token.to_jwt()
    try:
        async with asyncio.timeout(REGISTER_TIMEOUT_S):
            socket = await session.ws_connect(
                f"{credentials.ws_url}/agent",
                params={"protocol": "1"},
                headers={"Authorization": f"Bearer {jwt}"},
                max_msg_size=0,
            )
            await socket.send_bytes(protocol.register(registration))
            while True:
                message = protocol.parse(await socket.receive_bytes())
                if isinstance(message, protocol.Registered):
                    return socket, message
    except (TimeoutError, aiohttp.ClientError, OSError, TypeError, DecodeError) as error:
        # TypeError: aiohttp's receive_bytes, when the server closed the socket instead of answering
        reason = scrub(str(error) or type(error).__name__, [credentials.api_secret, jwt])
        raise ConnectionLostError(
            f"lkdiag's worker could not register with {credentials.host}: {reason}",
            "is the websocket path /agent let through by what stands before the server?",
        ) from None
