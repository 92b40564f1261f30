"""An agent with media that joins and stays until it is killed: a process of its own, so that it can be killed.

Run with AGENT_URL and AGENT_TOKEN in the environment. It prints its SID when it has joined, and ends when its room does
or when its stdin ends.
"""

from __future__ import annotations

import asyncio
import os
import sys

from livekit import rtc


async def main() -> None:
    """Join, tell it, and wait."""
    room, over = rtc.Room(), asyncio.Event()
    room.on("disconnected", lambda _reason: over.set())
    loop = asyncio.get_running_loop()
    loop.add_reader(sys.stdin, over.set)
    await room.connect(os.environ["AGENT_URL"], os.environ["AGENT_TOKEN"])
    sys.stdout.write(f"{room.local_participant.sid}\n")
    sys.stdout.flush()
    await over.wait()
    await room.disconnect()


if __name__ == "__main__":
    asyncio.run(main())
