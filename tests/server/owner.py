"""A process that owns a private server, for tests that kill it: `owner.py BINARY LOG`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from lkdiag.server.binary import ServerBinary
from lkdiag.server.private import PrivateServer


async def own(binary: Path, log: Path) -> None:
    import aiohttp

    async with PrivateServer(ServerBinary(binary, "given", ""), log) as server:
        print("ready", server.pid, server.guard_pid, flush=True)  # noqa: T201
        try:
            await server.wait_exited()
        except asyncio.CancelledError:
            async with aiohttp.ClientSession() as session, session.get(server.url.replace("ws", "http")) as answer:
                print("interrupted", answer.status, flush=True)  # noqa: T201
            raise


if __name__ == "__main__":
    try:
        asyncio.run(own(Path(sys.argv[1]), Path(sys.argv[2])))
    except KeyboardInterrupt:
        sys.exit(130)
