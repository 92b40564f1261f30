"""Somebody else deletes the room in the middle of a trial, or deletes it and makes it anew, on a real server."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from livekit import api

from .foreign_worker import NAME, foreign_worker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from .conftest import Finished, Witness

    Run = Callable[..., Awaitable[Finished]]

pytestmark = pytest.mark.server


@dataclass
class Meddled:
    """What a meddler has done."""

    deleted: set[str] = field(default_factory=set)
    """The SIDs of the rooms that it deleted."""
    remade_ns: dict[str, int] = field(default_factory=dict)
    """When a room of that name was there again, at the latest; monotonic, this machine's."""


@contextlib.asynccontextmanager
async def meddler(witness: Witness, after_s: float, *, remakes: bool) -> AsyncIterator[Meddled]:
    """Deletes every room of a trial once, so long after it was made, and may make it anew."""
    meddled = Meddled()
    met: set[str] = set()

    async def meddle(client: api.LiveKitAPI, room: api.Room) -> None:
        await asyncio.sleep(after_s)
        meddled.deleted.add(room.sid)
        try:
            await client.room.delete_room(api.DeleteRoomRequest(room=room.name))
        except api.TwirpError:
            return  # its trial is over
        if remakes:
            agents = [api.RoomAgentDispatch(agent_name=NAME)]
            await client.room.create_room(api.CreateRoomRequest(name=room.name, agents=agents))
            meddled.remade_ns[room.name] = time.monotonic_ns()

    async def look() -> None:
        async with witness.api() as client, asyncio.TaskGroup() as group:
            while True:
                for room in (await client.room.list_rooms(api.ListRoomsRequest())).rooms:
                    if room.name[-4:-3] == "-" and room.name not in met:
                        met.add(room.name)
                        group.create_task(meddle(client, room))
                await asyncio.sleep(0.01)

    looking = asyncio.create_task(look())
    try:
        yield meddled
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)


@pytest.mark.parametrize("remakes", [False, True], ids=["deletes", "remakes"])
@pytest.mark.parametrize(("behaviour", "after_s"), [("honest", 0.1), ("slow", 1.0)])
async def test_no_verdict_is_given_across_two_rooms(
    witness: Witness, lkdiag: Run, behaviour: str, after_s: float, *, remakes: bool
) -> None:
    arguments = ("2500ms",) if behaviour == "slow" else ()
    async with (
        foreign_worker(witness.server, behaviour, *arguments),
        meddler(witness, after_s, remakes=remakes) as meddled,
    ):
        done = await lkdiag(
            witness.environment(), "dispatch-trial", "--agent-name", NAME, "-n", "3", "-c", "3", "--timeout", "4",
            "--fallback-timeout", "1", "--format", "json",
        )  # fmt: skip
    assert done.code == 3, done.stdout
    trials = done.report["trials"]
    assert {trial["room_sid"] for trial in trials} <= meddled.deleted
    for trial in trials:
        assert (trial["outcome"], trial["mismatch"]) == ("inconclusive", None), trial
        assert {found["check"] for found in trial["findings"]} == {"not-fit"}
    gone_ns = {event["data"]["room"]: event["mono_ns"] for event in done.events() if event["kind"] == "room.gone"}
    # one that was made anew when lkdiag had seen that there is none of its name is the meddler's own
    left = [name for name in await witness.rooms() if meddled.remade_ns.get(name, 0) < gone_ns[name]]
    assert left == []
