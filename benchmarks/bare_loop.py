"""The bare loop: the fewest lines that create a room, wait until its agent has joined, and delete it.

Over the same client libraries, by signalling alone, against LIVEKIT_URL.
`python -m benchmarks.bare_loop TRIALS AT_A_TIME` prints the seconds that the trials took.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time

import aiohttp
from livekit import api
from livekit.protocol import agent as pb

NAME = "bare-loop"
URL, KEY, SECRET = (os.environ[f"LIVEKIT_{part}"] for part in ("URL", "API_KEY", "API_SECRET"))


async def serve(
    session: aiohttp.ClientSession, worker: aiohttp.ClientWebSocketResponse, joined: dict[str, asyncio.Event]
) -> None:
    """A worker that takes every job, and joins for it."""
    leaving = set()
    async for message in worker:
        said = pb.ServerMessage.FromString(message.data)
        if said.HasField("availability"):
            job = said.availability.job
            yes = pb.AvailabilityResponse(job_id=job.id, available=True, participant_identity=f"agent-{job.id}")
            await worker.send_bytes(pb.WorkerMessage(availability=yes).SerializeToString())
        elif said.HasField("assignment"):
            task = asyncio.create_task(join(session, said.assignment, joined[said.assignment.job.room.name]))
            leaving.add(task)
            task.add_done_callback(leaving.discard)


async def join(session: aiohttp.ClientSession, assignment: pb.JobAssignment, joined: asyncio.Event) -> None:
    """Be in the room until it is deleted."""
    async with session.ws_connect(f"{URL}/rtc?protocol=16&access_token={assignment.token}") as socket:
        await socket.receive_bytes()
        joined.set()
        async for _ in socket:
            pass


async def main(trials: int, at_a_time: int) -> float:
    """Seconds for all of them."""
    joined = {f"bare-{number}": asyncio.Event() for number in range(trials)}
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session, api.LiveKitAPI(URL, KEY, SECRET) as livekit:
        token = api.AccessToken(KEY, SECRET).with_grants(api.VideoGrants(agent=True)).to_jwt()
        worker = await session.ws_connect(f"{URL}/agent?protocol=1", headers={"Authorization": f"Bearer {token}"})
        register = pb.RegisterWorkerRequest(agent_name=NAME, version="bare")
        await worker.send_bytes(pb.WorkerMessage(register=register).SerializeToString())
        await worker.receive_bytes()
        await worker.send_bytes(pb.WorkerMessage(ping=pb.WorkerPing(timestamp=1)).SerializeToString())
        await worker.receive_bytes()  # answered once the worker can be found
        serving = asyncio.create_task(serve(session, worker, joined))
        rooms = iter(joined.items())

        async def take_turns() -> None:
            for room, is_in in rooms:
                agents = [api.RoomAgentDispatch(agent_name=NAME)]
                await livekit.room.create_room(api.CreateRoomRequest(name=room, agents=agents))
                await is_in.wait()
                await livekit.room.delete_room(api.DeleteRoomRequest(room=room))

        began = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for _ in range(at_a_time):
                group.create_task(take_turns())
        took = time.perf_counter() - began
        serving.cancel()
        await worker.close()
    return took


if __name__ == "__main__":
    sys.stdout.write(f"{asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))}\n")
