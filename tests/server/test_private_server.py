"""The private server on a real livekit-server: it answers, keeps its secret, and is gone afterwards."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
import pytest
from aiohttp import web
from livekit import api

from lkdiag.server.private import Ports, PrivateServer
from tests.deadline import DEADLINE_S
from tests.ports import free_ports

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lkdiag.server.binary import ServerBinary
    from tests.server.conftest import WaitGone

pytestmark = pytest.mark.server


async def room_names(server: PrivateServer, secret: str | None = None) -> list[str]:
    async with api.LiveKitAPI(server.url, server.api_key, secret or server.api_secret) as client:
        rooms = await client.room.list_rooms(api.ListRoomsRequest())
    return [room.name for room in rooms.rooms]


async def test_serves_rooms_and_is_gone_after_the_block(
    server_binary: ServerBinary, tmp_path: Path, wait_gone: WaitGone
) -> None:
    async with PrivateServer(server_binary, tmp_path / "server.log") as server:
        async with api.LiveKitAPI(server.url, server.api_key, server.api_secret) as client:
            await client.room.create_room(api.CreateRoomRequest(name="one"))
        assert await room_names(server) == ["one"]
        assert server.version == server_binary.version
        while_running = server.returncode
    assert while_running is None
    assert server.returncode == 0
    assert await server.wait_exited() == 0
    wait_gone(server.pid)
    wait_gone(server.guard_pid)


async def test_two_at_once_are_strangers(server_binary: ServerBinary, tmp_path: Path) -> None:
    async with (
        PrivateServer(server_binary, tmp_path / "one.log") as one,
        PrivateServer(server_binary, tmp_path / "two.log") as two,
    ):
        assert one.url != two.url
        assert await room_names(one) == await room_names(two) == []
        with pytest.raises(api.TwirpError):
            await room_names(one, secret=two.api_secret)


async def test_gone_after_an_exception(server_binary: ServerBinary, tmp_path: Path, wait_gone: WaitGone) -> None:
    server = PrivateServer(server_binary, tmp_path / "server.log")
    with pytest.raises(ZeroDivisionError):
        async with server:
            raise ZeroDivisionError
    wait_gone(server.pid)


async def test_gone_soon_although_a_participant_is_still_there(private_server: PrivateServer) -> None:
    """At one SIGTERM alone livekit-server would wait for the participant, for ever."""
    token = api.AccessToken(private_server.api_key, private_server.api_secret).with_identity("stays")
    jwt = token.with_grants(api.VideoGrants(room_join=True, room="held")).to_jwt()
    async with aiohttp.ClientSession() as session:
        address = f"{private_server.url}/rtc?access_token={jwt}&protocol=15"
        async with session.ws_connect(address, autoping=True) as signalling:
            await signalling.receive()
            await private_server.__aexit__(None, None, None)
    assert private_server.returncode == 0


def all_command_lines() -> str:
    return subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout


def all_contents(folder: Path) -> list[str]:
    return [file.read_text() for file in folder.rglob("*") if file.is_file()]


async def test_secret_and_tokens_are_in_no_command_line_and_no_file(
    private_server: PrivateServer, tmp_path: Path
) -> None:
    token = api.AccessToken(private_server.api_key, private_server.api_secret).with_identity("someone")
    jwt = token.with_grants(api.VideoGrants(room_join=True, room="one")).to_jwt()
    http = private_server.url.replace("ws", "http")
    async with aiohttp.ClientSession() as session:
        for path in ("/rtc/validate", "/rtc", "/agent", "/nowhere"):
            async with session.get(f"{http}{path}?access_token={jwt}"):
                pass
            async with session.get(f"{http}{path}?access_token={jwt}broken"):
                pass
        async with session.ws_connect(f"{private_server.url}/rtc?access_token={jwt}&protocol=15") as signalling:
            await signalling.receive()
    command_lines = all_command_lines()
    assert "livekit-server" in command_lines
    assert private_server.api_secret not in command_lines
    await private_server.__aexit__(None, None, None)
    assert "starting RTC session" in private_server.log_path.read_text()
    assert private_server.log_path.stat().st_mode & 0o077 == 0
    for content in all_contents(tmp_path):
        assert private_server.api_secret not in content
        assert "eyJ" not in content


def listening_addresses(pid: int) -> set[str]:
    """As /proc/net has them, in hex."""
    sockets = {os.readlink(fd) for fd in Path(f"/proc/{pid}/fd").iterdir()}
    addresses = set()
    for table, state in (("tcp", "0A"), ("tcp6", "0A"), ("udp", "07"), ("udp6", "07")):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == state and f"socket:[{fields[9]}]" in sockets:
                addresses.add(fields[1].partition(":")[0])
    return addresses


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
async def test_listens_on_loopback_alone(private_server: PrivateServer) -> None:
    loopback = {"0100007F", "00000000000000000000000001000000"}  # 127.0.0.1 and ::1
    assert set() < listening_addresses(private_server.pid) <= loopback


async def test_environment_can_not_change_it(
    server_binary: ServerBinary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIVEKIT_KEYS", "devkey: secret")
    monkeypatch.setenv("LIVEKIT_PORT", "1")
    monkeypatch.setenv("REDIS_HOST", "127.0.0.1:1")
    monkeypatch.setenv("UDP_PORT", "1")
    async with PrivateServer(server_binary, tmp_path / "server.log") as server:
        assert await room_names(server) == []


@contextlib.contextmanager
def taken(kind: socket.SocketKind) -> Iterator[int]:
    with socket.socket(socket.AF_INET, kind) as holder:
        holder.bind(("127.0.0.1", 0))
        if kind is socket.SOCK_STREAM:
            holder.listen()
        yield holder.getsockname()[1]


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
async def test_taken_port_leads_to_others(kind: socket.SocketKind, server_binary: ServerBinary, tmp_path: Path) -> None:
    with taken(kind) as port:
        free = free_ports()
        first = Ports(port, free.udp) if kind is socket.SOCK_STREAM else Ports(free.http, port)
        choices = iter([first, free_ports()])
        async with PrivateServer(server_binary, tmp_path / "log", choose_ports=lambda: next(choices)) as server:
            assert await room_names(server) == []
        assert list(choices) == []


async def test_stranger_that_answers_on_the_port_is_not_taken_for_it(
    server_binary: ServerBinary, tmp_path: Path
) -> None:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(text="OK")

    app = web.Application()
    app.router.add_get("/", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        choices = iter([Ports(runner.addresses[0][1], free_ports().udp), free_ports()])
        async with PrivateServer(server_binary, tmp_path / "log", choose_ports=lambda: next(choices)) as server:
            assert await room_names(server) == []
    finally:
        await runner.cleanup()


async def test_end_of_its_own_is_noticed(private_server: PrivateServer) -> None:
    os.kill(private_server.pid, signal.SIGKILL)
    async with asyncio.timeout(DEADLINE_S):
        assert await private_server.wait_exited() == -signal.SIGKILL
    assert private_server.returncode == -signal.SIGKILL


async def test_killed_guard_takes_the_server_along(private_server: PrivateServer, wait_gone: WaitGone) -> None:
    if sys.platform != "linux":
        pytest.skip("only Linux tells a child of its parent's death")
    os.kill(private_server.guard_pid, signal.SIGKILL)
    wait_gone(private_server.pid)
    async with asyncio.timeout(DEADLINE_S):
        assert await private_server.wait_exited() == -signal.SIGKILL


@pytest.fixture
def owner(server_binary: ServerBinary, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process with a private server, as the leader of a process group: as a shell starts it."""
    process = subprocess.Popen(
        [sys.executable, Path(__file__).with_name("owner.py"), server_binary.path, tmp_path / "owned.log"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with process:
        yield process
        process.kill()  # nothing, if the test has ended it


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_gone_after_the_death_of_its_owner(
    signum: signal.Signals, owner: subprocess.Popen[str], wait_gone: WaitGone
) -> None:
    assert owner.stdout is not None
    word, server, guard = owner.stdout.readline().split()
    assert word == "ready"
    owner.send_signal(signum)
    wait_gone(int(server))
    wait_gone(int(guard))


def test_ctrl_c_leaves_it_alone_until_the_owner_has_cleaned_up(
    owner: subprocess.Popen[str], wait_gone: WaitGone
) -> None:
    assert owner.stdout is not None
    _, server, guard = owner.stdout.readline().split()
    os.killpg(owner.pid, signal.SIGINT)  # what a terminal does
    assert owner.stdout.readline().split() == ["interrupted", "200"]
    assert owner.wait(DEADLINE_S) == 130
    wait_gone(int(server))
    wait_gone(int(guard))
