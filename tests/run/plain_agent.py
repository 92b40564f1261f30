"""A real livekit-agents worker, as users write them: joins the room, and stays. Not lkdiag's: the tests' subject.

Run as a process of its own: `python plain_agent.py start`, with LIVEKIT_URL, LIVEKIT_API_KEY, LIVEKIT_API_SECRET and
AGENT_NAME in the environment.
"""

from __future__ import annotations

import os

from livekit.agents import AgentServer, JobContext, JobExecutorType, cli

server = AgentServer(
    job_executor_type=JobExecutorType.THREAD,
    num_idle_processes=1,
    # on a busy machine of two cores the default (0.7) makes the worker refuse work, which is another test's business
    load_threshold=0.99,
    load_fnc=lambda: 0.0,
    host="127.0.0.1",
    port=0,
)


@server.rtc_session(agent_name=os.environ["AGENT_NAME"])
async def entrypoint(ctx: JobContext) -> None:
    """Join, and wait for the room to end."""
    await ctx.connect()


if __name__ == "__main__":
    cli.run_app(server)
