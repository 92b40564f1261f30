"""A user with a project, and what the processes of a run have written so far."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from livekit import api

from tests.cli.user import User
from tests.deadline import DEADLINE_S

if TYPE_CHECKING:
    from pathlib import Path

    from lkdiag.server.private import PrivateServer


@pytest.fixture
def user(tmp_path: Path) -> User:
    """A user without credentials."""
    root = tmp_path / "user"
    root.mkdir()
    return User(root)


@dataclass(frozen=True)
class Owner:
    """A user who has a project: a private server that outlives lkdiag."""

    user: User
    server: PrivateServer

    async def rooms(self) -> list[str]:
        """Those that are there now."""
        url = self.server.url.replace("ws://", "http://")
        async with api.LiveKitAPI(url, self.server.api_key, self.server.api_secret) as client:
            return [room.name for room in (await client.room.list_rooms(api.ListRoomsRequest())).rooms]

    async def rooms_gone(self) -> bool:
        """Whether there soon are none; a process that notices late that its parent is gone still closes its own."""
        for _ in range(int(DEADLINE_S / 0.1)):
            if not await self.rooms():
                return True
            await asyncio.sleep(0.1)
        return False


@pytest.fixture
def owner(user: User, private_server: PrivateServer) -> Owner:
    """See `Owner`."""
    return Owner(user.of(private_server), private_server)


async def wait_begun(folder: Path, shards: int) -> None:
    """Until each of so many processes that keep their journals below `folder` runs a trial that counts."""
    async with asyncio.timeout(DEADLINE_S):
        while len(_begun(folder)) < shards:  # noqa: ASYNC110 - no event tells
            await asyncio.sleep(0.02)


def _begun(folder: Path) -> set[int]:
    found = set()
    for path in folder.glob("**/journal.jsonl"):
        shard: dict[str, Any] = {}
        for line in path.read_text().splitlines(keepends=True):
            if not line.endswith("\n"):
                break
            event = json.loads(line)
            if event["kind"] == "run.started":
                shard = event["data"].get("shard", {})
            if event["kind"] == "trial.started" and event["trial"] > 0 and shard:
                found.add(shard["index"])
    return found
