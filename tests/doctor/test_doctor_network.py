"""Servers that can't be reached, or are not LiveKit's; certificates and clocks that are wrong."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from tests.cli.user import MARK

from .broken import certificate, proxy, server_side
from .conftest import not_tried_from

if TYPE_CHECKING:
    from pathlib import Path

    from lkdiag.server.private import PrivateServer

    from .conftest import Patient

PAIR = {"API_KEY": "APIabcdefgh", "API_SECRET": f"{MARK}-of-32-characters-or-even-more"}


async def test_host_that_does_not_resolve(patient: Patient) -> None:
    patient.set(URL="wss://lkdiag.invalid", **PAIR)
    examined = await patient.examine()
    assert (examined.code, examined.changes) == (4, {"dns": "failed", **not_tried_from("tcp")})
    assert examined.seen("dns").startswith("lkdiag.invalid can't be resolved: ")
    assert "typing mistake" in examined.fix("dns")


async def test_nothing_listens(patient: Patient) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    patient.set(URL=f"ws://127.0.0.1:{port}", **PAIR)
    examined = await patient.examine()
    assert (examined.code, examined.changes) == (4, {"tcp": "failed", **not_tried_from("tls")})
    assert examined.seen("tcp") == f"127.0.0.1 can't be reached on port {port}: Connection refused"
    assert "Start the server" in examined.fix("tcp")


@pytest.mark.parametrize("status", [200, 404, 500])
async def test_server_that_is_not_livekit(status: int, patient: Patient) -> None:
    def page(_request: web.Request) -> web.Response:
        return web.Response(status=status, text="<html>a page</html>", content_type="text/html")

    async with proxy("http://unused.invalid", page) as port:
        patient.set(URL=f"ws://127.0.0.1:{port}", **PAIR)
        examined = await patient.examine()
    assert (examined.code, examined.changes) == (4, {"http": "info", "api": "failed", **not_tried_from("grants")})
    assert "does not answer as a LiveKit server does" in examined.seen("api")
    assert examined.fix("api") == "Write the URL of the LiveKit server itself: it came from environment."


@pytest.mark.server
async def test_tls_where_there_is_none(owner: Patient, private_server: PrivateServer) -> None:
    owner.set(URL=private_server.url.replace("ws:", "wss:"))
    examined = await owner.examine()
    assert (examined.code, examined.changes) == (4, {"tls": "failed", **not_tried_from("http")})
    assert examined.seen("tls").endswith("does not speak TLS")
    assert examined.fix("tls").startswith(f"Write {private_server.url}, ")


@pytest.mark.server
@pytest.mark.parametrize(
    ("made", "host", "trusted", "seen", "fix"),
    [
        ({}, "127.0.0.1", False, "self-signed certificate", "SSL_CERT_FILE"),
        ({"expired": True}, "127.0.0.1", True, "certificate has expired", "Renew the certificate"),
        ({"name": "DNS:other.test"}, "localhost", True, "not valid for 'localhost'", "get a certificate for this one"),
        ({"name": "DNS:other.test"}, "127.0.0.1", True, "127.0.0.1", "get a certificate for this address"),
    ],
    ids=["self-signed", "expired", "other name", "other address"],
)
async def test_certificate(
    made: dict[str, str], host: str, trusted: bool, seen: str, fix: str,
    owner: Patient, private_server: PrivateServer, tmp_path: Path,
) -> None:  # fmt: skip
    pem = certificate(tmp_path, **made)  # type: ignore[arg-type]
    if trusted:
        owner.user.environ["SSL_CERT_FILE"] = str(pem)
    async with proxy(private_server.url, tls=server_side(pem)) as port:
        owner.set(URL=f"wss://{host}:{port}")
        examined = await owner.examine()
    assert (examined.code, examined.changes) == (4, {"tls": "failed", **not_tried_from("http")})
    assert seen in examined.seen("tls")
    assert fix in examined.fix("tls")


@pytest.mark.server
async def test_certificate_of_an_own_ca_that_is_named(
    owner: Patient, private_server: PrivateServer, tmp_path: Path
) -> None:
    """As its fix says: SSL_CERT_FILE is heeded by all that lkdiag uses, livekit's native part included."""
    pem = certificate(tmp_path)
    owner.user.environ["SSL_CERT_FILE"] = str(pem)
    async with proxy(private_server.url, tls=server_side(pem)) as port:
        owner.set(URL=f"wss://127.0.0.1:{port}")
        examined = await owner.examine()
    assert (examined.code, examined.changes) == (0, {"tls": "ok"})


@pytest.mark.server
@pytest.mark.parametrize(
    ("fake_clock_s", "mark", "code", "seen"),
    [
        (-3600, "failed", 1, "60 minutes ahead of"),
        (45, "warning", 0, "seconds behind"),
        (7 * 3600, "failed", 4, "7.0 hours behind"),
    ],
)
async def test_clock(
    fake_clock_s: int, mark: str, code: int, seen: str, owner: Patient, private_server: PrivateServer
) -> None:
    """By a proxy with a fake Date header: the server itself takes the tokens, so that only this line can tell."""
    async with proxy(private_server.url, fake_clock_s=fake_clock_s) as port:
        owner.set(URL=f"ws://127.0.0.1:{port}")
        examined = await owner.examine()
    assert examined.lines["clock"]["mark"] == mark
    assert seen in examined.seen("clock")
    assert examined.fix("clock").startswith("Set the clock (NTP)")
    rest = {slug: line for slug, line in examined.changes.items() if slug != "clock"}
    # lkdiag refuses to begin with a clock that makes tokens which have expired already
    assert rest == ({"api": "failed", **not_tried_from("grants")} if code == 4 else {})
    assert examined.code == code
