"""lkdiag's command line as a user runs it, and the rooms and people that it may find on a server."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from aiohttp import web
from livekit import api, rtc

from tests.deadline import DEADLINE_S

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from lkdiag.server.private import PrivateServer


@dataclass(frozen=True)
class Swept:
    """An `lkdiag sweep` that has ended."""

    code: int
    stdout: str
    stderr: str

    @property
    def rooms(self) -> dict[str, dict[str, Any]]:
        """Of its JSON, by name."""
        listed = json.loads(self.stdout)["rooms"]
        by_name = {room["room"]: room for room in listed}
        assert len(by_name) == len(listed)
        return by_name

    @property
    def actions(self) -> dict[str, str]:
        """What it did, by room."""
        return {name: room["action"] for name, room in self.rooms.items()}


class Project:
    """A server with rooms and people, seen by a client of the tests' own."""

    def __init__(self, server: PrivateServer, client: api.LiveKitAPI, cwd: Path) -> None:
        self.server = server
        self._client = client
        self._cwd = cwd
        self._joined: list[rtc.Room] = []

    async def sweep(self, *arguments: str, json_: bool = True, **environment: str) -> Swept:
        """Run it to its end; as JSON unless told otherwise."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "lkdiag", "sweep", *arguments, *(["--format", "json"] if json_ else []),
            env={
                **os.environ,
                "LIVEKIT_URL": self.server.url,
                "LIVEKIT_API_KEY": self.server.api_key,
                "LIVEKIT_API_SECRET": self.server.api_secret,
                "PYTHONIOENCODING": "utf-8",
                **environment,
            },
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=self._cwd,
        )  # fmt: skip
        stdout, stderr = await process.communicate()
        assert process.returncode is not None
        finished = Swept(process.returncode, stdout.decode(), stderr.decode())
        assert self.server.api_secret not in finished.stdout + finished.stderr
        assert "Traceback" not in finished.stderr
        return finished

    async def create(self, *names: str) -> None:
        """Rooms that nobody is in."""
        for name in names:
            await self._client.room.create_room(api.CreateRoomRequest(name=name, empty_timeout=300))

    async def renew(self, name: str) -> None:
        """Another room of the same name."""
        await self._client.room.delete_room(api.DeleteRoomRequest(room=name))
        await self.create(name)

    async def rooms(self) -> dict[str, api.Room]:
        """What the server has now."""
        return {room.name: room for room in (await self._client.room.list_rooms(api.ListRoomsRequest())).rooms}

    async def join(
        self, room: str, identity: str, kind: api.AccessToken.ParticipantKind, *, hidden: bool = False
    ) -> rtc.Room:
        """Somebody who stays until the test ends; the server lists them by then."""
        token = (
            api.AccessToken(self.server.api_key, self.server.api_secret)
            .with_identity(identity)
            .with_kind(kind)
            .with_grants(api.VideoGrants(room_join=True, room=room, hidden=hidden))
        )
        found = rtc.Room()
        await found.connect(self.server.url, token.to_jwt(), rtc.RoomOptions(auto_subscribe=False))
        self._joined.append(found)
        async with asyncio.timeout(DEADLINE_S):
            while identity not in await self.people(room):  # noqa: ASYNC110 - only the server knows
                await asyncio.sleep(0.05)
        return found

    async def people(self, room: str) -> list[str]:
        """Who the server says is in a room."""
        found = await self._client.room.list_participants(api.ListParticipantsRequest(room=room))
        return [one.identity for one in found.participants]

    async def part(self) -> None:
        """Everybody leaves."""
        for room in self._joined:
            await room.disconnect()


@pytest.fixture
async def project(private_server: PrivateServer, tmp_path: Path) -> AsyncIterator[Project]:
    """An empty project."""
    async with api.LiveKitAPI(private_server.url, private_server.api_key, private_server.api_secret) as client:
        found = Project(private_server, client, tmp_path)
        try:
            yield found
        finally:
            await found.part()


@contextlib.asynccontextmanager
async def in_between(
    server: PrivateServer, intercept: Callable[[str, bytes], Awaitable[web.Response | None]]
) -> AsyncIterator[str]:
    """The URL of a server that asks `intercept` (method, body) for an answer first, and passes on what has none."""

    async def handle(request: web.Request) -> web.Response:
        body = await request.read()
        answer = await intercept(request.path.rpartition("/")[2], body)
        if answer is not None:
            return answer
        headers = {name: request.headers[name] for name in ("Authorization", "Content-Type") if name in request.headers}
        address = server.url.replace("ws://", "http://") + request.path
        async with session.request(request.method, address, data=body, headers=headers) as passed:
            return web.Response(status=passed.status, body=await passed.read(), content_type=passed.content_type)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(app)
    async with aiohttp.ClientSession() as session:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()
