"""A participant by signalling alone: it comes, is seen, leaves, is put out, and notices a server that says no more."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from livekit import api
from livekit.protocol.rtc import JoinResponse, SignalRequest, SignalResponse

from lkdiag.client.joiner import open_joiner
from lkdiag.client.participant import JoinError
from tests.deadline import DEADLINE_S

from .conftest import token

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from lkdiag.client.participant import Participant
    from lkdiag.server.private import PrivateServer

    from .conftest import Journal


@pytest.fixture
async def caller(journal: Journal) -> AsyncIterator[Participant]:
    async with open_joiner(by_signal=True) as joiner:
        participant = joiner.participant(journal.trial, "caller")
        yield participant
        await participant.leave()


@contextlib.asynccontextmanager
async def client_of(server: PrivateServer) -> AsyncIterator[api.LiveKitAPI]:
    async with api.LiveKitAPI(server.url, server.api_key, server.api_secret) as client:
        yield client


async def listed(client: api.LiveKitAPI) -> dict[str, str]:
    found = await client.room.list_participants(api.ListParticipantsRequest(room="room"))
    return {one.identity: api.ParticipantInfo.State.Name(one.state) for one in found.participants}


@pytest.mark.server
async def test_it_is_in_the_room_and_leaves_it(
    private_server: PrivateServer, caller: Participant, journal: Journal
) -> None:
    await caller.join(private_server.url, token(private_server))
    async with client_of(private_server) as client:
        assert await listed(client) == {"me": "JOINED"}
        await caller.leave()
        assert caller.gone.is_set()
        assert await listed(client) == {}
    (joined,) = journal.of("caller.joined")
    assert joined["by"] == "signal"
    assert joined["sid"].startswith("PA_")
    assert journal.of("caller.disconnected") == [{"reason": "CLIENT_INITIATED"}]


@pytest.mark.server
async def test_it_notices_that_it_was_put_out(
    private_server: PrivateServer, caller: Participant, journal: Journal
) -> None:
    await caller.join(private_server.url, token(private_server))
    async with client_of(private_server) as client:
        await client.room.remove_participant(api.RoomParticipantIdentity(room="room", identity="me"))
    async with asyncio.timeout(DEADLINE_S):
        await caller.gone.wait()
    assert journal.of("caller.disconnected") == [{"reason": "PARTICIPANT_REMOVED"}]


@pytest.mark.server
async def test_who_is_refused_says_so_without_the_token(
    private_server: PrivateServer, caller: Participant, journal: Journal
) -> None:
    forged = token(private_server, "another-secret-of-thirty-two-chars")
    with pytest.raises(JoinError, match="HTTP 401"):
        await caller.join(private_server.url, forged)
    (failed,) = journal.of("caller.join_failed")
    assert forged not in str(failed)
    await caller.wait_connected(1)


class FakeSignalServer:
    """Not LiveKit: takes the join, and then says nothing, or hangs up."""

    def __init__(self) -> None:
        self.url = ""
        self.hangs_up = False
        self.heard: list[str | None] = []

    async def answer(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        join = JoinResponse(ping_interval=1, ping_timeout=1)
        await socket.send_bytes(SignalResponse(join=join).SerializeToString())
        if not self.hangs_up:
            async for message in socket:
                self.heard.append(SignalRequest.FromString(message.data).WhichOneof("message"))
        return socket


@pytest.fixture
async def fake_server() -> AsyncIterator[FakeSignalServer]:
    server = FakeSignalServer()
    app = web.Application()
    app.router.add_get("/rtc", server.answer)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        server.url = f"ws://127.0.0.1:{runner.addresses[0][1]}"
        yield server
    finally:
        await runner.cleanup()


async def test_a_server_that_says_no_more_is_lost_after_pings(
    fake_server: FakeSignalServer, caller: Participant, journal: Journal
) -> None:
    await caller.join(fake_server.url, "token")
    async with asyncio.timeout(DEADLINE_S):
        await caller.gone.wait()
    (end,) = journal.of("caller.disconnected")
    assert end["reason"].startswith("nothing heard for")
    assert fake_server.heard[:2] == ["ping", "ping_req"]


async def test_a_socket_that_is_closed_without_a_word_is_noticed(
    fake_server: FakeSignalServer, caller: Participant, journal: Journal
) -> None:
    fake_server.hangs_up = True
    await caller.join(fake_server.url, "token")
    async with asyncio.timeout(DEADLINE_S):
        await caller.gone.wait()
    assert journal.of("caller.disconnected") == [{"reason": "SIGNAL_CLOSE"}]
