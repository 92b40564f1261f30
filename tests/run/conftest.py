"""lkdiag run as a user runs it, against a real server, and the webhooks by which that server reports what it sees."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from livekit import api

from lkdiag.server.private import PrivateServer
from tests.deadline import DEADLINE_S
from tests.ports import free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Container

    from lkdiag.server.binary import ServerBinary

AGENT = Path(__file__).with_name("plain_agent.py")


@dataclass
class Witness:
    """What the server itself reported by webhook: room creations and joins, in its own milliseconds."""

    server: PrivateServer
    creation_ms: dict[str, int] = field(default_factory=dict)
    joined_ms: dict[tuple[str, str], int] = field(default_factory=dict)
    visited: set[str] = field(default_factory=set)
    """The SIDs of the rooms that somebody was in, be it for so short a time that no media came about."""
    left_s: dict[tuple[str, str], float] = field(default_factory=dict)
    """When the webhook came that told of the departure of an identity from a room (the last one); monotonic."""
    finished_s: dict[str, float] = field(default_factory=dict)
    """When the webhook came that told of the end of a room (by its SID); monotonic."""
    webhook_port: int = 0
    """Where the server sends its webhooks as well: for an lkdiag that listens there."""

    async def rooms(self) -> list[str]:
        """The rooms that the server has now."""
        async with self.api() as client:
            listed = await client.room.list_rooms(api.ListRoomsRequest())
        return [room.name for room in listed.rooms]

    def api(self) -> api.LiveKitAPI:
        """A client of the tests' own."""
        return api.LiveKitAPI(self.server.url, self.server.api_key, self.server.api_secret)

    def environment(self) -> dict[str, str]:
        """The server's credentials, as a user would have them."""
        return {
            "LIVEKIT_URL": self.server.url,
            "LIVEKIT_API_KEY": self.server.api_key,
            "LIVEKIT_API_SECRET": self.server.api_secret,
        }


async def heard(by_webhooks: Container[object], *of: object) -> None:
    """Wait for the webhooks that tell of each of these, in one of a witness's fields."""
    async with asyncio.timeout(DEADLINE_S):
        while not all(one in by_webhooks for one in of):  # noqa: ASYNC110 - no event tells
            await asyncio.sleep(0.05)


@pytest.fixture
async def witness(server_binary: ServerBinary, tmp_path: Path) -> AsyncIterator[Witness]:
    """A private server that tells a webhook receiver what it does."""
    received: list[Any] = []

    async def receive(request: web.Request) -> web.Response:
        received.append(json.loads(await request.text()))
        note(received[-1])
        return web.Response()

    app = web.Application()
    app.router.add_post("/webhook", receive)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    url = f"http://127.0.0.1:{port}/webhook"
    spare = free_port()
    urls = [url, f"http://127.0.0.1:{spare}/webhook"]
    async with PrivateServer(server_binary, tmp_path / "server.log", webhook_urls=urls) as server:
        seen = Witness(server, webhook_port=spare)

        def note(event: dict[str, Any]) -> None:
            room = event.get("room", {})
            if event["event"] == "room_started":
                seen.creation_ms[room["sid"]] = int(room["creationTimeMs"])
            if event["event"] == "participant_joined":
                who = event["participant"]
                seen.joined_ms[room["sid"], who["identity"]] = int(who["joinedAtMs"])
            if event["event"] in ("participant_joined", "participant_connection_aborted"):
                seen.visited.add(room["sid"])
            if event["event"] == "participant_left":
                seen.left_s[room["sid"], event["participant"]["identity"]] = time.monotonic()
            if event["event"] == "room_finished":
                seen.finished_s[room["sid"]] = time.monotonic()

        yield seen
    await runner.cleanup()


@dataclass(frozen=True)
class Finished:
    """An lkdiag that has ended."""

    code: int
    stdout: str
    stderr: str
    runs: Path

    @property
    def report(self) -> dict[str, Any]:
        """The JSON report on its stdout."""
        parsed = json.loads(self.stdout)
        assert isinstance(parsed, dict)
        return parsed

    def events(self) -> list[dict[str, Any]]:
        """The journal of its run."""
        (journal,) = self.runs.glob("*/journal.jsonl")
        return [json.loads(line) for line in journal.read_text().splitlines()]

    def drawn(self) -> dict[int, str]:
        """The injected behaviour of each trial: the ground truth."""
        return {event["trial"]: event["data"]["behaviour"] for event in self.events() if event["kind"] == "fault.drawn"}


@pytest.fixture
def lkdiag(tmp_path: Path) -> Callable[..., Awaitable[Finished]]:
    """Run lkdiag to its end: `await lkdiag(environment, "dispatch-trial", …)`."""
    count = 0

    async def run(environment: dict[str, str], *arguments: str) -> Finished:
        nonlocal count
        count += 1
        runs = tmp_path / f"runs-{count}"
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "lkdiag", *arguments,
            env={**os.environ, **environment, "LKDIAG_RUNS_DIR": str(runs)},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=tmp_path,
        )  # fmt: skip
        stdout, stderr = await process.communicate()
        assert process.returncode is not None
        return Finished(process.returncode, stdout.decode(), stderr.decode(), runs)

    return run


@contextlib.asynccontextmanager
async def agent_process(script: Path, witness: Witness, cwd: Path, **environment: str) -> AsyncIterator[str]:
    """The name of a real livekit-agents worker, registered with the witness's server while the block lasts."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(script), "start",
        env={**os.environ, **witness.environment(), "AGENT_NAME": "plain", **environment},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=cwd,
    )  # fmt: skip
    assert process.stdout is not None
    log: list[bytes] = []
    drain: asyncio.Task[None] | None = None
    try:
        async with asyncio.timeout(DEADLINE_S):
            async for line in process.stdout:
                log.append(line)
                if b"registered worker" in line:
                    break
            else:
                pytest.fail("the livekit-agents worker ended: " + b"".join(log[-5:]).decode())
        drain = asyncio.create_task(_drain(process.stdout))
        yield "plain"
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        if drain is not None:
            await drain


@pytest.fixture
async def plain_agent(witness: Witness, tmp_path: Path) -> AsyncIterator[str]:
    """The name of a real livekit-agents worker that joins and stays."""
    async with agent_process(AGENT, witness, tmp_path) as name:
        yield name


async def _drain(stream: asyncio.StreamReader) -> None:
    async for _ in stream:
        pass
