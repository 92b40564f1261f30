"""Who knows the truth: the server's own webhooks, taken by the hunt itself, and a private server that can be restarted.

Nothing of it passes the proxy, and none of lkdiag's own code judges it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self
from unittest import mock

from aiohttp import web
from livekit import api

from lkdiag.server import private
from lkdiag.server.private import ApiKey, Ports, PrivateServer, random_key
from tests.ports import free_ports

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

    from lkdiag.server.binary import ServerBinary

TOLD_WITHIN_S = 3.0
"""For the webhooks of what has happened: they come within milliseconds on an idle machine."""
ENDS = ("participant_left", "participant_connection_aborted")
"""Who never had media is told of by the second one alone, when it is gone (`client/signal.py`)."""


@dataclass
class Room:
    """One life of a room: the same name may have several."""

    name: str
    sid: str
    created_ms: int
    """The server's."""
    finished_ms: int | None = None
    """When its end was told; None: it was not."""


@dataclass
class Visit:
    """A participant's time in a room."""

    room_sid: str
    identity: str
    sid: str
    is_agent: bool
    joined_ms: int
    """The server's."""
    left_ms: int | None = None
    """When its leave was told; None: it was not."""


@dataclass
class Truth:
    """What the server told by its webhooks."""

    rooms: dict[str, Room] = field(default_factory=dict)
    """By SID."""
    visits: dict[str, Visit] = field(default_factory=dict)
    """By the participant's SID."""
    on_room: Callable[[Room], None] | None = None
    """Called when a room was started."""

    told: asyncio.Event = field(default_factory=asyncio.Event)
    """Set by each webhook."""

    def lives(self, name: str) -> list[Room]:
        """The rooms that had this name, the first one first."""
        return sorted((room for room in self.rooms.values() if room.name == name), key=lambda room: room.created_ms)

    def agents(self, room_sid: str) -> list[Visit]:
        """The agents that were in that room, whoever sent them."""
        return [visit for visit in self.visits.values() if visit.room_sid == room_sid and visit.is_agent]

    def note(self, event: dict[str, Any]) -> None:
        """Take a webhook's body."""
        self.told.set()
        about, now_ms = event.get("room", {}), int(time.time() * 1000)
        sid = about.get("sid", "")
        if event["event"] == "room_started":
            room = self.rooms[sid] = Room(about["name"], sid, int(about["creationTimeMs"]))
            if self.on_room is not None:
                self.on_room(room)
        elif event["event"] == "room_finished" and sid in self.rooms:
            self.rooms[sid].finished_ms = now_ms
        elif event["event"] == "participant_joined" or event["event"] in ENDS:
            who = event["participant"]
            visit = self.visits.setdefault(
                who["sid"],
                Visit(sid, who["identity"], who["sid"], who.get("kind") == "AGENT", int(who["joinedAtMs"])),
            )
            if event["event"] in ENDS:
                visit.left_ms = now_ms


class Site:
    """`async with Site(binary, folder) as site:` is a private server whose truth is known, with a key that it keeps."""

    def __init__(self, binary: ServerBinary, folder: Path) -> None:
        self._binary = binary
        self._folder = folder
        self._ports: Ports = free_ports()
        self._key: ApiKey = random_key()
        self._starts = 0
        self._life = contextlib.AsyncExitStack()
        self._webhooks = ""
        self._server: PrivateServer | None = None
        self.truth = Truth()

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post("/webhook", self._receive)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self._webhooks = "http://{}:{}/webhook".format(*self._runner.addresses[0][:2])
        await self._start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._life.aclose()
        await self._runner.cleanup()

    @property
    def url(self) -> str:
        """The server's own address: it stays the same over restarts."""
        return f"ws://127.0.0.1:{self._ports.http}"

    @property
    def key(self) -> ApiKey:
        """It stays the same over restarts, too."""
        return self._key

    def client(self) -> api.LiveKitAPI:
        """A client of the hunt's own, which asks the server directly."""
        return api.LiveKitAPI(self.url, self._key.key, self._key.secret)

    async def restart(self) -> None:
        """Kill the server, and start it anew on its port: every room is lost. Raises ServerSetupError."""
        assert self._server is not None
        os.kill(self._server.pid, signal.SIGKILL)
        await self._server.wait_exited()
        await self._life.aclose()
        await self._start()

    async def rooms(self) -> dict[str, int]:
        """The rooms that the server has now: when each was made, by its name."""
        async with self.client() as client:
            listed = await client.room.list_rooms(api.ListRoomsRequest())
        return {room.name: room.creation_time_ms or room.creation_time * 1000 for room in listed.rooms}

    async def delete(self, name: str) -> bool:
        """Delete a room; whether there was one."""
        async with self.client() as client:
            try:
                await client.room.delete_room(api.DeleteRoomRequest(room=name))
            except api.TwirpError as error:
                if error.code != "not_found":
                    raise
                return False
        return True

    async def wait_told(self) -> None:
        """Wait until the end of each room that is no more was told, for TOLD_WITHIN_S at most."""
        there = await self.rooms()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(TOLD_WITHIN_S):
                while any(room.finished_ms is None and room.name not in there for room in self.truth.rooms.values()):
                    self.truth.told.clear()
                    await self.truth.told.wait()

    async def _start(self) -> None:
        self._life = contextlib.AsyncExitStack()
        self._starts += 1
        server = PrivateServer(
            self._binary,
            self._folder / f"server-{self._starts}.log",
            webhook_urls=[self._webhooks],
            choose_ports=lambda: self._ports,
        )
        with mock.patch.object(private, "random_key", return_value=self._key):
            self._server = await self._life.enter_async_context(server)

    async def _receive(self, request: web.Request) -> web.Response:
        self.truth.note(json.loads(await request.text()))
        return web.Response()
