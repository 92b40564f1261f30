"""A real livekit-server for the tests that are marked `server`."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lkdiag.server.binary import find_server
from lkdiag.server.private import PrivateServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from lkdiag.server.binary import ServerBinary


@pytest.fixture(scope="session")
def server_binary() -> ServerBinary:
    """LKDIAG_SERVER_BINARY, else what lkdiag itself would use: the first time, that may take minutes."""
    given = os.environ.get("LKDIAG_SERVER_BINARY")
    with asyncio.Runner() as runner:
        return runner.run(find_server(Path(given) if given else None, lambda _line: None))


@pytest.fixture
async def private_server(server_binary: ServerBinary, tmp_path: Path) -> AsyncIterator[PrivateServer]:
    """A private server that is ready, for one test."""
    async with PrivateServer(server_binary, tmp_path / "private-server.log") as server:
        yield server
