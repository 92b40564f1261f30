"""API clients with a token for one room: signed once a room, where the library signs one for every call."""

from __future__ import annotations

import datetime
import time
from collections import OrderedDict
from typing import TYPE_CHECKING

from livekit import api

if TYPE_CHECKING:
    import aiohttp

    from lkdiag.settings import Credentials

KEPT_MAX = 256
"""Rooms of which the token is kept: more than are open at a time, as a rule."""
TOKEN_TTL_S = 3600.0
RENEWED_AFTER_S = 600.0


class RoomClients:
    """For what is asked of a room again and again: to make it, to look at it, to delete it."""

    def __init__(self, credentials: Credentials, session: aiohttp.ClientSession) -> None:
        self._credentials = credentials
        self._session = session
        self._clients: OrderedDict[str, tuple[float, api.LiveKitAPI]] = OrderedDict()

    def of(self, room: str) -> api.LiveKitAPI:
        """One that may administer that room, make and delete rooms, and list them."""
        now_s = time.monotonic()
        made_s, client = self._clients.get(room, (0.0, None))
        if client is None or now_s - made_s > RENEWED_AFTER_S:
            client = api.LiveKitAPI.with_token(
                self._sign(room), self._credentials.http_url, session=self._session, failover=False
            )
            self._clients[room] = (now_s, client)
            if len(self._clients) > KEPT_MAX:
                self._clients.popitem(last=False)
        return client

    def _sign(self, room: str) -> str:
        grants = api.VideoGrants(room_create=True, room_list=True, room_admin=True, room=room)
        return (
            api.AccessToken(self._credentials.api_key, self._credentials.api_secret)
            .with_ttl(datetime.timedelta(seconds=TOKEN_TTL_S))
            .with_grants(grants)
            .to_jwt()
        )
