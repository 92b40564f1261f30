"""Stand-ins for binaries and for the releases site, and which processes are still there."""

from __future__ import annotations

import subprocess
import time
from typing import TYPE_CHECKING, Protocol

import pytest
from aiohttp import web

from tests.deadline import DEADLINE_S

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


class ReleaseSite:
    """A releases site on loopback. `files`: path below the site -> content; whatever is missing is a 404."""

    def __init__(self) -> None:
        self.url = ""
        self.files: dict[str, bytes] = {}

    async def answer(self, request: web.Request) -> web.Response:
        content = self.files.get(request.path)
        return web.Response(status=404) if content is None else web.Response(body=content)


@pytest.fixture
async def release_site() -> AsyncIterator[ReleaseSite]:
    site, app = ReleaseSite(), web.Application()
    app.router.add_get("/{path:.*}", site.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        site.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield site
    finally:
        await runner.cleanup()


class WriteScript(Protocol):
    def __call__(self, path: Path, *lines: str) -> Path: ...


class WaitGone(Protocol):
    def __call__(self, pid: int, deadline_s: float = DEADLINE_S) -> None: ...


@pytest.fixture
def write_script() -> WriteScript:
    """Writes an executable shell script, and the folders above it."""

    def write(path: Path, *lines: str) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(("#!/bin/sh", *lines)) + "\n")
        path.chmod(0o755)
        return path

    return write


@pytest.fixture
def wait_gone() -> WaitGone:
    """Waits until a process has ended. One that nobody has reaped yet (state Z) counts as ended."""

    def wait(pid: int, deadline_s: float = DEADLINE_S) -> None:
        deadline = time.monotonic() + deadline_s
        while time.monotonic() < deadline:
            state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
            if state.returncode != 0 or state.stdout.strip().startswith("Z"):
                return
            time.sleep(0.02)
        pytest.fail(f"process {pid} is still there")

    return wait
