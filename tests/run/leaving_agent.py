"""A real livekit-agents worker that leaves the call by itself: with CLEANUP=delete it deletes its room in a shutdown
callback, as livekit-agents' own `delete_room_on_close` does; without, it just goes. Not lkdiag's: the tests' subject.
"""

from __future__ import annotations

import asyncio
import os

from livekit import api, rtc
from livekit.agents import AgentServer, JobContext, JobExecutorType, cli

server = AgentServer(
    job_executor_type=JobExecutorType.THREAD,
    num_idle_processes=1,
    load_threshold=0.99,
    load_fnc=lambda: 0.0,
    host="127.0.0.1",
    port=0,
)


@server.rtc_session(agent_name=os.environ["AGENT_NAME"])
async def entrypoint(ctx: JobContext) -> None:
    """Join; when the second person is there, hand the call over and go."""
    both = asyncio.Event()

    async def delete_room(_reason: str) -> None:
        await ctx.api.room.delete_room(api.DeleteRoomRequest(room=ctx.room.name))

    def look(_participant: rtc.RemoteParticipant) -> None:
        if len(ctx.room.remote_participants) >= 2:
            both.set()

    ctx.room.on("participant_connected", look)
    if os.environ.get("CLEANUP") == "delete":
        ctx.add_shutdown_callback(delete_room)
    await ctx.connect()
    await both.wait()
    ctx.shutdown("transfer_completed")


if __name__ == "__main__":
    cli.run_app(server)
