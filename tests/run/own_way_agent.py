"""A real livekit-agents worker whose agent does in a call what MANNER says. Not lkdiag's: the tests' subject.

- `cleans-up`: closes nothing but its session, stays connected, and deletes the room 1.5 s after somebody has left.
- `stays`: stays, and does nothing.
- `leaves-at-once`: leaves the room as soon as it has joined it.
- `leaves-and-deletes`: the same, and its room is deleted with it.
- `crashes`: its process is killed as soon as it has joined.
"""

from __future__ import annotations

import asyncio
import os
import signal

from livekit import api, rtc
from livekit.agents import AgentServer, JobContext, JobExecutorType, cli

MANNER = os.environ["MANNER"]
LATER_S = 1.5
crashes = MANNER == "crashes"
server = AgentServer(
    # a process of its own can die alone, and the worker takes the next job
    job_executor_type=JobExecutorType.PROCESS if crashes else JobExecutorType.THREAD,
    num_idle_processes=1,
    load_threshold=0.99,
    load_fnc=lambda: 0.0,
    host="127.0.0.1",
    port=0,
)


@server.rtc_session(agent_name=os.environ["AGENT_NAME"])
async def entrypoint(ctx: JobContext) -> None:
    """Join, and do it."""
    cleaning: set[asyncio.Task[None]] = set()

    async def delete_room() -> None:
        await ctx.api.room.delete_room(api.DeleteRoomRequest(room=ctx.room.name))

    async def clean_up() -> None:
        await asyncio.sleep(LATER_S)
        await delete_room()

    def on_left(_participant: rtc.RemoteParticipant) -> None:
        cleaning.add(asyncio.create_task(clean_up()))

    if MANNER == "cleans-up":
        ctx.room.on("participant_disconnected", on_left)
    await ctx.connect()
    if crashes:
        os.kill(os.getpid(), signal.SIGKILL)
    if MANNER == "leaves-and-deletes":
        await delete_room()
    if MANNER.startswith("leaves"):
        await ctx.room.disconnect()


if __name__ == "__main__":
    cli.run_app(server)
