"""The proxy of the attack passes every byte, and breaks what it is told to break."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import aiohttp
import pytest
from livekit import api

from .proxy import CALL_KINDS, CUTS, EMPTIES, Call, Fault, FaultyProxy, Keep, Kind, every, nothing, nth, seeded

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from lkdiag.server.private import PrivateServer

BODY = api.ListRoomsResponse(rooms=[api.Room(name="one", sid="RM_1"), api.Room(name="two", sid="RM_2")])
WHOLE = BODY.SerializeToString()
ANSWER = (
    b"HTTP/1.1 200 OK\r\ncontent-type:  application/protobuf\r\nX-Odd: a:b\r\nContent-Length: %d\r\n\r\n" % len(WHOLE)
) + WHOLE
ASKED = (
    b"POST /twirp/livekit.RoomService/ListRooms HTTP/1.1\r\n"
    b"hOsT: elsewhere\r\nX-Empty:\r\nContent-Length: 4\r\n\r\nnope"
)
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n1\r\nd\r\n0\r\n\r\n"


class Upstream:
    """A server that answers every request with the same bytes, and keeps what it was asked."""

    def __init__(self, answer: bytes) -> None:
        self.answer = answer
        self.asked: list[bytes] = []
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take one request and what comes after it."""
        self.asked.append(await reader.read(1024))
        writer.write(self.answer)
        await writer.drain()
        while more := await reader.read(1024):
            self.asked[-1] += more
            writer.write(more.upper())
        writer.close()


@contextlib.asynccontextmanager
async def upstream(answer: bytes = ANSWER) -> AsyncIterator[Upstream]:
    """Listens while the block lasts."""
    there = Upstream(answer)
    async with await asyncio.start_server(there.serve, "127.0.0.1", 0) as server:
        there.url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield there


async def exchange(url: str, request: bytes, answers: int) -> bytes:
    """What comes back for these bytes: so many bytes at most, fewer if the connection ends first."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
    writer.write(request)
    try:
        async with asyncio.timeout(5):
            return await reader.readexactly(answers)
    except asyncio.IncompleteReadError as error:
        return error.partial
    except ConnectionResetError:
        return b"reset"
    finally:
        writer.close()


@pytest.mark.parametrize("answer", [ANSWER, CHUNKED], ids=["length", "chunked"])
async def test_what_is_not_broken_passes_byte_by_byte(answer: bytes) -> None:
    async with upstream(answer) as there, FaultyProxy(there.url) as proxy:
        assert await exchange(proxy.url, ASKED * 2, 2 * len(answer)) == answer * 2, "the connection goes on"
    assert there.asked == [ASKED, ASKED]
    assert [(call.method, call.number, call.status) for call in proxy.calls] == [
        ("ListRooms", 1, 200),
        ("ListRooms", 2, 200),
    ]
    assert proxy.calls[0].mentions("nope")


@pytest.mark.parametrize("keep", Keep)
@pytest.mark.parametrize("kind", CUTS)
async def test_a_cut_answer_keeps_a_part_of_its_body(kind: Kind, keep: Keep) -> None:
    async with upstream() as there, FaultyProxy(there.url, lambda _: Fault(kind, keep)) as proxy:
        answer = await exchange(proxy.url, ASKED, 10_000)
    head, _, body = answer.partition(b"\r\n\r\n")
    if kind is Kind.CUT_CHUNKED:
        _, _, body = body.partition(b"\r\n")
        body = body.removesuffix(b"\r\n")
        assert b"transfer-encoding: chunked" in head
    assert (b"Content-Length" in head or b"content-length: %d" % len(WHOLE) in head) == (kind is Kind.CUT_LENGTH)
    assert b"content-type:  application/protobuf" in head
    half, last = len(WHOLE) // 2, len(api.ListRoomsResponse(rooms=BODY.rooms[1:]).SerializeToString())
    kept = {Keep.NONE: 0, Keep.HALF: half, Keep.FIELDS: len(WHOLE) - last, Keep.ALL_BUT_ONE: len(WHOLE) - 1}
    assert body == WHOLE[: kept[keep]]
    assert there.asked == [ASKED], "it was carried out"


@pytest.mark.parametrize(
    ("kind", "content_types"),
    [
        (Kind.EMPTY, ["application/protobuf"]),
        (Kind.EMPTY_UNTYPED, []),
        (Kind.EMPTY_HTML, ["text/html"]),
    ],
)
async def test_an_emptied_answer_says_that_it_has_no_body(kind: Kind, content_types: list[str]) -> None:
    assert kind in EMPTIES
    async with (
        upstream() as there,
        FaultyProxy(there.url, lambda _: Fault(kind)) as proxy,
        aiohttp.ClientSession() as session,
        session.post(f"http{proxy.url[2:]}/twirp/a/B", data=b"") as got,
    ):
        assert (got.status, await got.read(), got.headers["Content-Length"]) == (200, b"", "0")
        assert got.headers["X-Odd"] == "a:b"
        assert got.headers.getall("Content-Type", []) == content_types


@pytest.mark.parametrize(("kind", "carried_out"), [(Kind.DROPPED, False), (Kind.LOST, True)])
async def test_a_connection_is_dropped_before_or_after_the_call(kind: Kind, carried_out: bool) -> None:
    async with upstream() as there, FaultyProxy(there.url, lambda _: Fault(kind)) as proxy:
        assert await exchange(proxy.url, ASKED, 1) in (b"", b"reset")
        assert bool(there.asked) == carried_out
    assert proxy.calls[0].status == (200 if carried_out else None)


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind[0].isdigit()])
async def test_a_refusal_is_the_proxys_own(kind: Kind) -> None:
    async with (
        upstream() as there,
        FaultyProxy(there.url, lambda _: Fault(kind, retry_after_s=7)) as proxy,
        aiohttp.ClientSession() as session,
    ):
        for _ in range(2):  # the connection goes on
            async with session.post(f"http{proxy.url[2:]}/twirp/livekit.RoomService/ListRooms") as got:
                text = await got.text()
                assert got.status == int(kind[:3])
                assert got.headers.get("Retry-After") == ("7" if "retry" in kind else None)
                assert ("<html>" in text) == ("html" in kind) == (got.content_type == "text/html")
                assert ('"code"' in text) == ("twirp" in kind)
    assert there.asked == []


async def test_a_blackhole_never_answers() -> None:
    async with upstream() as there, FaultyProxy(there.url, lambda _: Fault(Kind.BLACKHOLE)) as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(proxy.url.rpartition(":")[2]))
        writer.write(ASKED)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 0.2)
        writer.close()
    assert there.asked == []


async def test_a_websocket_passes_until_it_is_cut_or_stalled() -> None:
    upgrade = b"GET /agent?protocol=1 HTTP/1.1\r\nUpgrade: WebSocket\r\n\r\n"
    switched = b"HTTP/1.1 101 Switching Protocols\r\n\r\n"
    async with upstream(switched) as there, FaultyProxy(there.url) as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(proxy.url.rpartition(":")[2]))
        writer.write(upgrade)
        assert await reader.readexactly(len(switched)) == switched
        writer.write(b"\x82\x01a")
        assert await reader.readexactly(3) == b"\x82\x01A"
        writer.close()
        proxy.plan = every("/agent", Fault(Kind.SOCKET_CUT, delay_s=0.1))
        assert await exchange(proxy.url, upgrade, 1000) in (switched, b"reset")
        proxy.plan = every("/agent", Fault(Kind.SOCKET_STALL, delay_s=0.0))
        reader, writer = await asyncio.open_connection("127.0.0.1", int(proxy.url.rpartition(":")[2]))
        writer.write(upgrade)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.readexactly(len(switched) + 1), 0.3)
        writer.close()


def test_plans_name_the_calls_that_they_break() -> None:
    lost = Fault(Kind.LOST)
    calls = [Call(method, number, 0.0, b"") for method in ("CreateRoom", "ListRooms", "/agent") for number in (1, 2, 3)]
    hit = [(c.method, c.number) for c in calls if nth({("CreateRoom", 2): lost})(c)]
    assert hit == [("CreateRoom", 2)]
    assert [(c.method, c.number) for c in calls if every("ListRooms", lost, 2)(c)] == [
        ("ListRooms", 2),
        ("ListRooms", 3),
    ]
    assert [nothing(c) for c in calls] == [None] * 9
    one, same, other = seeded(1, 0.5), seeded(1, 0.5), seeded(2, 0.5)
    many = [Call("ListDispatch", number, 0.0, b"") for number in range(1, 201)]
    assert [one(c) for c in many] == [same(c) for c in many] != [other(c) for c in many]
    assert {fault.kind for c in many if (fault := seeded(3, 1.0)(c))} == set(CALL_KINDS)
    assert 60 < sum(one(c) is not None for c in many) < 140
    assert one(Call("/agent", 1, 0.0, b"")) is None


@pytest.mark.server
async def test_the_real_api_works_through_it(private_server: PrivateServer) -> None:
    async with (
        FaultyProxy(private_server.url) as proxy,
        api.LiveKitAPI(proxy.url, private_server.api_key, private_server.api_secret) as client,
    ):
        made = await client.room.create_room(api.CreateRoomRequest(name="here"))
        assert [room.sid for room in (await client.room.list_rooms(api.ListRoomsRequest())).rooms] == [made.sid]
        proxy.plan = every("DeleteRoom", Fault(Kind.LOST))
        with pytest.raises(aiohttp.ClientError):
            await client.room.delete_room(api.DeleteRoomRequest(room="here"))
        assert (await client.room.list_rooms(api.ListRoomsRequest())).rooms == []
        proxy.plan = every("ListRooms", Fault(Kind.LIMITED_TWIRP))
        with pytest.raises(api.TwirpError):
            await client.room.list_rooms(api.ListRoomsRequest())
    assert [(str(call.fault), call.status) for call in proxy.faults()][:1] == [("lost", 200)]
