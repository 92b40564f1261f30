"""Not LiveKit: a server that says, byte for byte, what a test wants it to say."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING

from lkdiag.client.api_client import Control
from lkdiag.journal.recorder import Recorder
from lkdiag.settings import Credentials
from tests.deadline import DEADLINE_S

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from lkdiag.journal.event import Event

PROTOBUF, JSON, HTML = "application/protobuf", "application/json", "text/html"


def said(
    body: bytes = b"",
    status: int = 200,
    content_type: str | None = PROTOBUF,
    *,
    length: int | None = -1,
    chunked: bool = False,
    **headers: str,
) -> bytes:
    """An answer. `length` is the Content-Length: None for none, -1 for the body's own."""
    lines = [f"HTTP/1.1 {status} Said"]
    if content_type is not None:
        lines.append(f"Content-Type: {content_type}")
    if chunked:
        lines.append("Transfer-Encoding: chunked")
        body = b"%x\r\n%s\r\n" % (len(body), body) if body else b""
    elif length is not None:
        lines.append(f"Content-Length: {len(body) if length == -1 else length}")
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode() + body


class Speaker:
    """`script` is given the method and the number of its call, from 1; None: the connection is dropped."""

    def __init__(self, script: Callable[[str, int], bytes | None]) -> None:
        self._script = script
        self.asked: list[str] = []
        """The methods, in the order in which they were called."""
        self.events: list[Event] = []
        self.recorder = Recorder(self.events.append, wall_ns=time.time_ns, mono_ns=time.monotonic_ns)
        self.run = self.recorder.for_trial(None)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One call."""
        with contextlib.suppress(OSError, EOFError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            length = next(line for line in head.splitlines() if line.lower().startswith("content-length"))
            await reader.readexactly(int(length.partition(":")[2]))
            method = head.split(" ")[1].rpartition("/")[2]
            self.asked.append(method)
            answer = self._script(method, self.asked.count(method))
            if answer is not None:
                writer.write(answer)
                await writer.drain()
        writer.close()

    def told(self, kind: str) -> list[Event]:
        """The events of that kind."""
        return [event for event in self.events if event.kind == kind]


@contextlib.asynccontextmanager
async def speaking(script: Callable[[str, int], bytes | None]) -> AsyncIterator[tuple[Speaker, Control]]:
    """The server, and a client of it."""
    speaker = Speaker(script)
    server = await asyncio.start_server(speaker.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    credentials = Credentials(f"ws://127.0.0.1:{port}", "key", "secret" * 8, "a test")
    async with server, Control(credentials) as control, asyncio.timeout(DEADLINE_S):
        yield speaker, control
