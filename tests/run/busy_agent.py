"""A real livekit-agents worker that takes no job while the machine is busy, as livekit-agents does by default: its load
is the machine's own, as psutil or the cgroup gives it. Not lkdiag's: the tests' subject.

Run as a process of its own: `python busy_agent.py start`, with LIVEKIT_URL, LIVEKIT_API_KEY, LIVEKIT_API_SECRET,
AGENT_NAME and LOAD_THRESHOLD (0 to 1) in the environment.
"""

from __future__ import annotations

import os

from livekit.agents import AgentServer, JobContext, JobExecutorType, cli

server = AgentServer(
    job_executor_type=JobExecutorType.THREAD,
    num_idle_processes=1,
    load_threshold=float(os.environ["LOAD_THRESHOLD"]),
    host="127.0.0.1",
    port=0,
)


@server.rtc_session(agent_name=os.environ["AGENT_NAME"])
async def entrypoint(ctx: JobContext) -> None:
    """Join, and wait for the room to end."""
    await ctx.connect()


if __name__ == "__main__":
    cli.run_app(server)
