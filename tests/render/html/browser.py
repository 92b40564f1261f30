"""A headless Chromium for a test, spoken to by its DevTools protocol; nothing has to be installed but the browser."""

from __future__ import annotations

import asyncio
import os
import shutil
from contextlib import asynccontextmanager
from itertools import count
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import aiohttp

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-port=0",
)
STARTS_WITHIN_S = 60


def find_chromium() -> str | None:
    """LKDIAG_CHROMIUM, else the first that is on the path."""
    given = os.environ.get("LKDIAG_CHROMIUM")
    return given or next((found for name in NAMES if (found := shutil.which(name))), None)


class Page:
    """One tab."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = count(1)
        self.requested: list[str] = []
        """Addresses that the page asked for, since it was opened."""
        self.complaints: list[str] = []
        """What the browser wrote to its console: refused loads, errors."""
        self._loaded = False

    async def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command and its result. Events that come meanwhile are kept."""
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        while True:
            message = await self._message()
            if message.get("id") == number:
                assert "error" not in message, message["error"]
                result: dict[str, Any] = message["result"]
                return result

    async def _message(self) -> dict[str, Any]:
        message: dict[str, Any] = await self._socket.receive_json(timeout=STARTS_WITHIN_S)
        match message.get("method"):
            case "Network.requestWillBeSent":
                self.requested.append(message["params"]["request"]["url"])
            case "Page.loadEventFired":
                self._loaded = True
            case "Log.entryAdded":
                self.complaints.append(message["params"]["entry"]["text"])
        return message

    async def open(self, path: Path, *, width_px: int, dark: bool, scripts: bool = True) -> None:
        """Show a file, by its absolute path, and wait until it is loaded."""
        for domain in ("Page", "Network", "Log", "Accessibility", "DOM"):
            await self.call(f"{domain}.enable")
        await self.call(
            "Emulation.setDeviceMetricsOverride", width=width_px, height=900, deviceScaleFactor=1, mobile=width_px < 600
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.call("Emulation.setEmulatedMedia", features=[scheme])
        await self.call("Emulation.setScriptExecutionDisabled", value=not scripts)
        self._loaded, self.requested, self.complaints = False, [], []
        await self.call("Page.navigate", url=path.as_uri())
        while not self._loaded:
            await self._message()

    async def value(self, expression: str) -> Any:
        """Of a JavaScript expression, awaited if it is a promise."""
        result = await self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")


@asynccontextmanager
async def chromium(program: str) -> AsyncIterator[Page]:
    """A browser of its own with an empty profile, gone at the end."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        process = await asyncio.create_subprocess_exec(
            program,
            *OPTIONS,
            f"--user-data-dir={folder}",
            "about:blank",
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(STARTS_WITHIN_S):
                address = await _address(process)
            async with aiohttp.ClientSession() as session:
                base = address.removeprefix("ws://").partition("/")[0]
                async with session.get(f"http://{base}/json/list") as response:
                    tabs = await response.json(content_type=None)
                tab = next(tab for tab in tabs if tab["type"] == "page")
                async with session.ws_connect(tab["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                    yield Page(socket)
        finally:
            if process.returncode is None:
                process.terminate()
            assert process.stderr is not None
            await process.stderr.read()
            await process.wait()


async def _address(process: asyncio.subprocess.Process) -> str:
    assert process.stderr is not None
    lines = []
    async for line in process.stderr:
        text = line.decode(errors="replace").strip()
        if text.startswith("DevTools listening on "):
            return text.removeprefix("DevTools listening on ")
        lines.append(text)
    raise AssertionError("Chromium did not start:\n" + "\n".join(lines))
