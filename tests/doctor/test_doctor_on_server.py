"""What stands between a project and its users: blocked paths, blocked ports, missing services, rooms left over."""

from __future__ import annotations

import base64
import re
import socket
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from livekit import api

from lkdiag.server import private
from lkdiag.server.private import PrivateServer

from .broken import blocked, proxy
from .conftest import HEALTHY, rooms

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from lkdiag.server.binary import ServerBinary
    from lkdiag.server.private import ApiKey, Ports

    from .conftest import Patient

pytestmark = pytest.mark.server


async def test_nothing_is_wrong(owner: Patient, private_server: PrivateServer) -> None:
    examined = await owner.examine()
    assert (examined.code, examined.changes) == (0, {})
    report = examined.done.report
    assert (report["health"], report["headline"], report["rooms_left"]) == ("ok", "Nothing is wrong.", [])
    assert re.fullmatch(r"UDP to (127\.0\.0\.1:|port )[0-9]+", examined.seen("media"))
    assert examined.seen("worker").startswith("AW_")
    assert f"LiveKit {private_server.version} · standard" in examined.seen("server")
    assert examined.seen("sip") == "none: sip not connected (redis required)"
    assert "livekit-sip" in examined.fix("sip")
    assert examined.lines["round-trip"]["details"]["dispatch"].startswith("AD_")
    assert await rooms(private_server) == []


async def test_agent_websockets_are_blocked(owner: Patient, private_server: PrivateServer) -> None:
    async with proxy(private_server.url, blocked("/agent")) as port:
        owner.set(URL=f"ws://127.0.0.1:{port}")
        examined = await owner.examine()
    assert examined.code == 1
    assert examined.changes == {"worker-socket": "failed", "worker": "not-tried", "round-trip": "not-tried"}
    assert examined.seen("worker-socket") == "no websocket: HTTP 403"
    assert examined.fix("worker-socket").startswith("Let websockets on /agent through")
    assert await rooms(private_server) == []


async def test_rtc_websockets_are_blocked(owner: Patient, private_server: PrivateServer) -> None:
    async with proxy(private_server.url, blocked("/rtc", status=404)) as port:
        owner.set(URL=f"ws://127.0.0.1:{port}")
        examined = await owner.examine()
    assert examined.code == 1
    assert examined.changes == {
        "signalling": "failed", "media": "not-tried", "round-trip": "not-tried", "move": "not-tried",
    }  # fmt: skip
    assert examined.seen("signalling") == "no websocket: HTTP 404"
    assert examined.fix("signalling").startswith("Let websockets on /rtc through")
    assert examined.seen("move") == "not tried: it needs “Signalling /rtc”"
    assert "1.13.5" in examined.seen("server"), "the worker's registration tells it too"


async def test_websockets_that_are_closed_instead_of_answered(owner: Patient, private_server: PrivateServer) -> None:
    def upgrade_is_lost(request: web.Request) -> web.Response | None:
        return web.Response(text="OK") if request.headers.get("Upgrade") else None

    async with proxy(private_server.url, upgrade_is_lost) as port:
        owner.set(URL=f"ws://127.0.0.1:{port}")
        examined = await owner.examine()
    assert examined.code == 1
    failed = [slug for slug, mark in examined.changes.items() if mark == "failed"]
    assert failed == ["signalling", "worker-socket"]
    assert "Upgrade" in examined.fix("signalling")


@pytest.mark.parametrize(
    ("path", "check", "also"),
    [
        ("/twirp/livekit.AgentDispatchService/", "dispatches", {"agent": "not-tried"}),
        (
            "/twirp/livekit.RoomService/CreateRoom", "rooms",
            {"dispatches": "not-tried", "agent": "not-tried", "round-trip": "not-tried", "move": "not-tried"},
        ),
    ],
)  # fmt: skip
async def test_part_of_the_api_is_blocked(
    path: str, check: str, also: dict[str, str], owner: Patient, private_server: PrivateServer
) -> None:
    async with proxy(private_server.url, blocked(path)) as port:
        owner.set(URL=f"ws://127.0.0.1:{port}")
        examined = await owner.examine()
    assert (examined.code, examined.changes) == (1, {check: "failed", **also})
    assert "HTTP 403" in examined.seen(check)
    assert f"/twirp/livekit.{path.split('.')[1].split('/')[0]}/ through" in examined.fix(check)
    assert await rooms(private_server) == []


async def test_grants_are_put_in_by_somebody_else(owner: Patient, private_server: PrivateServer) -> None:
    def lenient(request: web.Request) -> web.Response | None:
        if not request.path.endswith("/ListRooms"):
            return None
        claims = request.headers["Authorization"].split(".")[1]
        allowed = b"roomList" in base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4))
        return None if allowed else web.json_response({"rooms": []})

    async with proxy(private_server.url, lenient) as port:
        owner.set(URL=f"ws://127.0.0.1:{port}")
        examined = await owner.examine()
    assert (examined.code, examined.changes) == (0, {"grants": "warning"})
    assert "credentials of its own" in examined.fix("grants")


@pytest.fixture
def change_rtc(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Change the part of the next private server's configuration that is about media."""
    unchanged = private.private_config

    def change(**rtc: Any) -> None:
        def changed(ports: Ports, api_key: ApiKey, webhook_urls: Sequence[str] = ()) -> dict[str, Any]:
            made: dict[str, Any] = dict(unchanged(ports, api_key, webhook_urls))
            return {**made, "rtc": {**made["rtc"], **rtc}}

        monkeypatch.setattr(private, "private_config", changed)

    return change


async def test_udp_does_not_get_through(
    change_rtc: Callable[..., None], patient: Patient, server_binary: ServerBinary, tmp_path: Path
) -> None:
    """By a server that has TCP only."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    change_rtc(tcp_port=port, udp_port=0, force_tcp=True)
    async with PrivateServer(server_binary, tmp_path / "server.log") as server:
        patient.user.of(server)
        examined = await patient.examine()
    assert (examined.code, examined.changes) == (0, {"media": "warning"})
    assert examined.seen("media") == f"TCP to 127.0.0.1:{port}: UDP did not get through"
    assert "rtc.udp_port" in examined.fix("media")


async def test_no_path_for_media(
    change_rtc: Callable[..., None], patient: Patient, server_binary: ServerBinary, tmp_path: Path
) -> None:
    """By a server that announces no address at all."""
    change_rtc(interfaces={"includes": ["none0"]}, enable_loopback_candidate=False)
    async with PrivateServer(server_binary, tmp_path / "server.log") as server:
        patient.user.of(server)
        examined = await patient.examine()
        assert await rooms(server) == []
    assert examined.code == 1
    assert examined.changes == {"media": "failed", "round-trip": "not-tried", "move": "not-tried"}
    assert "rtc.node_ip" in examined.fix("media")


async def test_rooms_left_over(owner: Patient, private_server: PrivateServer) -> None:
    left = ["lkdiag-20260101-120000-ab12-001", "lkdiag-20260101-120000-ab12-002", "lkdiag-20260102-120000-00ff-001"]
    others = ["lkdiag-demo", "mine"]
    async with api.LiveKitAPI(private_server.url, private_server.api_key, private_server.api_secret) as client:
        for name in (*left, *others):
            await client.room.create_room(api.CreateRoomRequest(name=name))
    examined = await owner.examine()
    assert (examined.code, examined.changes) == (0, {"leftovers": "warning"})
    assert examined.seen("leftovers") == "3 rooms of 2 other runs of lkdiag are there"
    assert "lkdiag sweep --delete" in examined.fix("leftovers")
    assert set(await rooms(private_server)) == {*left, *others}


async def test_regions_of_a_cloud(owner: Patient, private_server: PrivateServer) -> None:
    """By a proxy that answers as LiveKit Cloud does."""

    def regions(request: web.Request) -> web.Response | None:
        if request.path != "/settings/regions":
            return None
        assert request.headers["Authorization"].startswith("Bearer ")
        listed = [{"region": name, "url": f"https://{name}.example", "distance": "1"} for name in ("ofra", "osgp")]
        return web.json_response({"regions": listed})

    async with proxy(private_server.url, regions) as port:
        owner.set(URL=f"ws://127.0.0.1:{port}")
        examined = await owner.examine()
    assert (examined.code, examined.changes) == (0, {"regions": "ok"})
    assert examined.seen("regions") == "2, the nearest is ofra"
    assert examined.lines["regions"]["details"]["regions"] == "ofra, osgp"


async def test_redirect_to_https(owner: Patient, private_server: PrivateServer) -> None:
    def redirect(request: web.Request) -> web.Response | None:
        headers = {"Location": "https://secure.example/"}
        return web.Response(status=308, headers=headers) if request.method == "GET" and request.path == "/" else None

    async with proxy(private_server.url, redirect) as port:
        owner.set(URL=f"ws://127.0.0.1:{port}")
        examined = await owner.examine()
    assert examined.lines["http"]["mark"] == "warning"
    assert "https://secure.example/" in examined.seen("http")


async def test_own_server(patient: Patient, server_binary: ServerBinary) -> None:
    patient.user.environ["LKDIAG_SERVER_BINARY"] = str(server_binary.path)
    examined = await patient.examine("--local")
    assert (examined.code, examined.changes) == (0, {})
    assert list(examined.lines) == list(HEALTHY)
    refused = await patient.user.run("doctor", "--local", "--url", "ws://127.0.0.1:9")
    assert refused.refusal(2)[0] == "--local and --url exclude each other"
