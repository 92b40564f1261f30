"""Whether the private livekit-server answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.server.config import LOOPBACK

if TYPE_CHECKING:
    import aiohttp

    from lkdiag.server.config import ApiKey, Ports


ANSWERS_WITHIN_S = 1.0
"""A stranger on the port may take the connection and then say nothing: ask again rather than wait for it."""


async def answers(session: aiohttp.ClientSession, ports: Ports, api_key: ApiKey) -> bool:
    """Whether `GET /` says OK and the key is good: a stranger on that port would not know it."""
    from aiohttp import ClientError, ClientTimeout
    from livekit.api import AccessToken, VideoGrants

    timeout = ClientTimeout(total=ANSWERS_WITHIN_S)
    base = f"http://{LOOPBACK}:{ports.http}"
    token = AccessToken(api_key.key, api_key.secret).with_grants(VideoGrants(room_list=True)).to_jwt()
    headers = {"Authorization": f"Bearer {token}"}
    try:
        async with session.get(base, timeout=timeout) as health:
            if health.status != 200:
                return False
        list_rooms = f"{base}/twirp/livekit.RoomService/ListRooms"
        async with session.post(list_rooms, json={}, headers=headers, timeout=timeout) as rooms:
            return rooms.status == 200
    except (ClientError, TimeoutError):
        return False
