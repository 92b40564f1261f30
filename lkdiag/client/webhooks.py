"""A webhook receiver: checks the signature of the server's events, and passes them to the trials they belong to."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from aiohttp import web
from livekit import api

from lkdiag.client.api_client import described
from lkdiag.errors import UsageError
from lkdiag.journal.participant_kinds import WebhookReceived
from lkdiag.scenario.option import parse_duration_s

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from types import TracebackType

    from livekit.protocol.webhook import WebhookEvent

    from lkdiag.journal.recorder import TrialRecorder
    from lkdiag.settings import Credentials


PATH = "/webhook"
CAME_OR_WENT = ("participant_joined", "participant_left", "participant_connection_aborted")
"""The last one replaces both others for a participant that left before its media were connected (livekit-server v1.13.5
pkg/telemetry/events.go, ParticipantLeft)."""


@dataclass
class _Watched:
    """A watched room."""

    recorder: TrialRecorder
    on_change: Callable[[WebhookEvent], None] | None
    queue: asyncio.Queue[WebhookEvent] = field(default_factory=asyncio.Queue)
    finished: asyncio.Event = field(default_factory=asyncio.Event)


class WebhookListener:
    """Listens on `host:port` (port 0: any). Every event of a room that is watched is recorded in its trial.

    `manner` is how it answers, like the applications that users write: `ok`; `fail-first` takes each event but answers
    500 to its first delivery, so that the server sends it again; `slow:3s` answers late; `drop` takes no event.
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 0, manner: str = "ok") -> None:
        self._host = host
        self._port = port
        self._manner, _, delay = manner.partition(":")
        self._delay_s = parse_duration_s(delay) if delay else 0.0
        self._failed: set[str] = set()
        self._receiver: api.WebhookReceiver | None = None
        self._rooms: dict[str, _Watched] = {}
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
        """The URL to which the server has to send its events."""
        assert self._runner is not None, "used outside its `async with`"
        host, port = self._runner.addresses[0][:2]
        return f"http://{host}:{port}{PATH}"

    def trust(self, credentials: Credentials) -> None:
        """Accept events signed with this key. Before this call all events are refused."""
        self._receiver = api.WebhookReceiver(api.TokenVerifier(credentials.api_key, credentials.api_secret))

    def watch(
        self, room: str, recorder: TrialRecorder, on_change: Callable[[WebhookEvent], None] | None = None
    ) -> None:
        """Record the events of that room from now on; `on_change` gets those of joins and leaves."""
        self._rooms[room] = _Watched(recorder, on_change)

    def unwatch(self, room: str) -> None:
        """Stop recording the events of that room."""
        self._rooms.pop(room, None)

    async def wait_finished(self, room: str, timeout_s: float) -> bool:
        """Whether room_finished has arrived for a watched room, now or within that time."""
        watched = self._rooms.get(room)
        if watched is None:
            return False
        try:
            async with asyncio.timeout(timeout_s):
                await watched.finished.wait()
        except TimeoutError:
            return False
        return True

    async def of_room(self, room: str) -> AsyncIterator[WebhookEvent]:
        """The events of a watched room, including earlier ones."""
        queue = self._rooms[room].queue
        while True:
            yield await queue.get()

    async def _receive(self, request: web.Request) -> web.Response:
        body = await request.text()
        event: WebhookEvent | None = None
        if self._receiver is not None:
            with suppress(Exception):  # whatever is wrong: it is not from the trusted server
                event = self._receiver.receive(body, request.headers.get("Authorization", ""))
        if event is None:
            return web.Response(status=401)
        if self._manner == "drop":
            return web.Response(status=503)
        watched = self._rooms.get(event.room.name)
        if watched is not None:
            who = described(event.participant) if event.participant.sid else {}
            watched.recorder.record(
                WebhookReceived(
                    event=event.event,
                    id=event.id,
                    created_at_s=event.created_at,
                    room_sid=event.room.sid or None,
                    room_created_ms=event.room.creation_time_ms or None,
                    **{key: value for key, value in who.items() if key not in ("state", "tracks")},
                )
            )
            watched.queue.put_nowait(event)
            if watched.on_change is not None and event.event in CAME_OR_WENT:
                watched.on_change(event)
            if event.event == "room_finished":
                watched.finished.set()
        if self._delay_s:
            await asyncio.sleep(self._delay_s)
        if self._manner == "fail-first" and event.id not in self._failed:
            self._failed.add(event.id)
            return web.Response(status=500)
        return web.Response()
