"""A user of lkdiag, and servers that are not LiveKit's."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from .user import User

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from lkdiag.server.binary import ServerBinary
    from lkdiag.server.private import PrivateServer


@pytest.fixture
def user(tmp_path: Path) -> User:
    """A user without credentials."""
    root = tmp_path / "user"
    root.mkdir()
    return User(root)


@pytest.fixture
def owner(user: User, private_server: PrivateServer) -> User:
    """A user who has a project: a private server that outlives lkdiag."""
    return user.of(private_server)


@pytest.fixture
def own_binary(server_binary: ServerBinary, user: User) -> Path:
    """The livekit-server that this test's `--local` starts; no other process has its path."""
    link = user.root / "livekit-server"
    link.symlink_to(server_binary.path)
    user.environ["LKDIAG_SERVER_BINARY"] = str(link)
    return link


@pytest.fixture(params=[200, 404, 500])
async def stranger(request: pytest.FixtureRequest) -> AsyncIterator[str]:
    """The URL of a web server that answers with a page, whatever it is asked."""

    async def answer(_request: web.Request) -> web.Response:
        return web.Response(status=request.param, text="<html><body>a page</body></html>", content_type="text/html")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


class Mute:
    """A server that takes connections and says nothing."""

    def __init__(self) -> None:
        self.url = ""
        self.asked = asyncio.Event()

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Wait until the other side has enough."""
        self.asked.set()
        while await reader.read(4096):
            pass
        writer.close()


@pytest.fixture
async def mute() -> AsyncIterator[Mute]:
    """A server that takes connections and says nothing."""
    listener = Mute()
    server = await asyncio.start_server(listener.take, "127.0.0.1", 0)
    async with server:
        listener.url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield listener
