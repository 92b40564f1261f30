"""A webhook receiver: takes the server's events, checks their signature, and hands them to whom they concern."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from aiohttp import web
from livekit import api

from lkdiag.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from types import TracebackType

    from livekit.protocol.webhook import WebhookEvent

    from lkdiag.settings import Credentials
    from lkdiag.timeline import TrialRecorder

PATH = "/webhook"


class WebhookListener:
    """Listens on `host:port` (port 0: any). Every event of a room that is watched is recorded in its trial."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self._host = host
        self._port = port
        self._receiver: api.WebhookReceiver | None = None
        self._rooms: dict[str, tuple[TrialRecorder, asyncio.Queue[WebhookEvent]]] = {}
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post(PATH, self._receive)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self._host, self._port).start()
        except OSError as error:
            await self._runner.cleanup()
            raise UsageError(
                f"no webhooks can be received on {self._host}:{self._port}: {error.strerror}",
                "choose another --webhook-listen",
            ) from error
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    @property
    def url(self) -> str:
        """Where the server has to send its events."""
        assert self._runner is not None, "used outside its `async with`"
        host, port = self._runner.addresses[0][:2]
        return f"http://{host}:{port}{PATH}"

    def trust(self, credentials: Credentials) -> None:
        """Take only what is signed with this key. Until then everything is refused."""
        self._receiver = api.WebhookReceiver(api.TokenVerifier(credentials.api_key, credentials.api_secret))

    def watch(self, room: str, recorder: TrialRecorder) -> None:
        """Record the events of that room from now on."""
        self._rooms[room] = (recorder, asyncio.Queue())

    def unwatch(self, room: str) -> None:
        """Leave them alone."""
        self._rooms.pop(room, None)

    async def of_room(self, room: str) -> AsyncIterator[WebhookEvent]:
        """The events of a watched room, also those that came before."""
        _, queue = self._rooms[room]
        while True:
            yield await queue.get()

    async def _receive(self, request: web.Request) -> web.Response:
        body = await request.text()
        event: WebhookEvent | None = None
        if self._receiver is not None:
            with suppress(Exception):  # whatever is wrong with it: it is not from our server
                event = self._receiver.receive(body, request.headers.get("Authorization", ""))
        if event is None:
            return web.Response(status=401)
        watched = self._rooms.get(event.room.name)
        if watched is not None:
            recorder, queue = watched
            recorder.record(
                "webhook.received",
                event=event.event,
                id=event.id,
                created_at_s=event.created_at,
                identity=event.participant.identity or None,
            )
            queue.put_nowait(event)
        return web.Response()
