"""A participant in a process of its own, so that nothing of it survives its death. Run as a module, by `child`.

It reads one line of JSON from stdin, then commands, a line each; it writes its events to stdout, a line of JSON each.
It ends when stdin does, so that it never outlives lkdiag.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

from lkdiag.call.agent import Agent
from lkdiag.control import Control
from lkdiag.participant.joining import JoinError
from lkdiag.participant.media import MediaParticipant
from lkdiag.settings import Credentials
from lkdiag.timeline import Recorder

if TYPE_CHECKING:
    from lkdiag.timeline import Event


def _tell(event: Event) -> None:
    sys.stdout.write(json.dumps({"kind": event.kind, "data": event.data}) + "\n")
    sys.stdout.flush()


async def _main() -> None:
    loop = asyncio.get_running_loop()
    commands = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    order: dict[str, Any] = json.loads(await commands.readline())
    recorder = Recorder(_tell, wall_ns=time.time_ns, mono_ns=time.monotonic_ns).for_trial(None)
    async with AsyncExitStack() as stack:
        try:
            if order["who"] == "probe":
                credentials = Credentials(order["url"], order["api_key"], order["api_secret"], "lkdiag")
                control = await stack.enter_async_context(Control(credentials))
                agent = Agent(recorder, control, order["room"])
                stack.push_async_callback(agent.leave)
                await agent.join(order["url"], order["token"])
                while command := (await commands.readline()).decode().split():
                    if command[0] == "attach":
                        agent.attach(command[1])
                        recorder.record("cleanup.attached", cleanup=command[1])
            else:
                participant = MediaParticipant(recorder, order["who"])
                stack.push_async_callback(participant.leave)
                await participant.join(order["url"], order["token"])
                await participant.publish_audio()
                await commands.read()
        except JoinError:
            return  # it is told already


if __name__ == "__main__":
    asyncio.run(_main())
