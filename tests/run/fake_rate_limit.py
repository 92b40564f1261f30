"""Not LiveKit: a proxy before a real livekit-server that refuses some calls as too many (HTTP 429)."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import aiohttp
from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

HOP_BY_HOP = {"host", "connection", "upgrade", "transfer-encoding", "content-length", "content-encoding"}
REFUSAL = '{"code": "resource_exhausted", "msg": "api rate limit exceeded"}'


@dataclass
class FakeRateLimit:
    """What it refuses: `refuses(method, number)`, the number counting that method's calls from 1."""

    target: str
    refuses: Callable[[str, int], bool]
    retry_after: str
    body: str
    url: str = ""
    calls: Counter[str] = field(default_factory=Counter)
    refused_s: list[float] = field(default_factory=list)
    """When, monotonic."""
    taken_s: list[float] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Refuse it, or hand it on."""
        if request.path.startswith("/twirp/"):
            method = request.path.rpartition("/")[2]
            self.calls[method] += 1
            if self.refuses(method, self.calls[method]):
                self.refused_s.append(time.monotonic())
                headers = {"Retry-After": self.retry_after} if self.retry_after else {}
                return web.Response(status=429, text=self.body, headers=headers)
            self.taken_s.append(time.monotonic())
        headers = {name: value for name, value in request.headers.items() if name.lower() not in HOP_BY_HOP}
        async with aiohttp.ClientSession() as session:
            if request.headers.get("Upgrade", "").lower() == "websocket":
                return await self._bridge(request, session, headers)
            async with session.request(
                request.method, self.target + request.path_qs, headers=headers, data=await request.read()
            ) as answer:
                return web.Response(status=answer.status, body=await answer.read(), content_type=answer.content_type)

    async def _bridge(
        self, request: web.Request, session: aiohttp.ClientSession, headers: dict[str, str]
    ) -> web.StreamResponse:
        kept = {name: value for name, value in headers.items() if not name.lower().startswith("sec-websocket")}
        async with session.ws_connect(self.target + request.path_qs, headers=kept) as server:
            client = web.WebSocketResponse()
            await client.prepare(request)
            ways = {
                asyncio.create_task(_pump(client, server)),
                asyncio.create_task(_pump(server, client)),
            }
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            await client.close()
            await server.close()
            await asyncio.gather(*ways, return_exceptions=True)
            return client


async def _pump(
    source: web.WebSocketResponse | aiohttp.ClientWebSocketResponse,
    sink: web.WebSocketResponse | aiohttp.ClientWebSocketResponse,
) -> None:
    async for message in source:
        await sink.send_bytes(message.data)


@contextlib.asynccontextmanager
async def rate_limited(
    target: str, refuses: Callable[[str, int], bool], retry_after: str = "1", body: str = REFUSAL
) -> AsyncIterator[FakeRateLimit]:
    """The proxy, while the block lasts. `target` is the real server's URL."""
    proxy = FakeRateLimit(target.replace("ws", "http", 1), refuses, retry_after, body)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", proxy.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        proxy.url = f"ws://{host}:{port}"
        yield proxy
    finally:
        await runner.cleanup()
