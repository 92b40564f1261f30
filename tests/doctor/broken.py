"""Set-ups that are broken on purpose: what may stand before a real server, and certificates that nobody takes."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import email.utils
import ssl
import subprocess
from typing import TYPE_CHECKING

import aiohttp
from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

HOP = frozenset({"transfer-encoding", "content-encoding", "content-length", "connection", "date"})


def fake_date(shift_s: float) -> str:
    """A Date header of a clock that is off by so much."""
    now = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=shift_s)
    return email.utils.format_datetime(now, usegmt=True)


@contextlib.asynccontextmanager
async def proxy(
    url: str,
    intercept: Callable[[web.Request], web.StreamResponse | None] = lambda _request: None,
    *,
    fake_clock_s: float | None = None,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[int]:
    """The port of a proxy before that server, websockets included.

    `intercept` may answer in the server's place. `fake_clock_s`: its Date header is a fake, off by so much.
    """
    http = url.replace("ws://", "http://")

    async def handle(request: web.Request) -> web.StreamResponse:
        answer = intercept(request)
        if answer is None:
            answer = await (_pass_socket if request.headers.get("Upgrade") else _pass)(session, http, request)
        if fake_clock_s is not None and not answer.prepared:
            answer.headers["Date"] = fake_date(fake_clock_s)
        return answer

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    async with aiohttp.ClientSession() as session:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
        try:
            yield runner.addresses[0][1]
        finally:
            await runner.cleanup()


async def _pass(session: aiohttp.ClientSession, http: str, request: web.Request) -> web.Response:
    headers = {name: request.headers[name] for name in ("Authorization", "Content-Type") if name in request.headers}
    async with session.request(
        request.method, f"{http}{request.path_qs}", data=await request.read(), headers=headers
    ) as passed:
        kept = {name: value for name, value in passed.headers.items() if name.lower() not in HOP}
        return web.Response(status=passed.status, body=await passed.read(), headers=kept)


async def _pass_socket(session: aiohttp.ClientSession, http: str, request: web.Request) -> web.StreamResponse:
    headers = {"Authorization": request.headers["Authorization"]} if "Authorization" in request.headers else {}
    try:
        upstream = await session.ws_connect(f"{http}{request.path_qs}", headers=headers)
    except aiohttp.WSServerHandshakeError as error:
        return web.Response(status=error.status)
    downstream = web.WebSocketResponse()
    await downstream.prepare(request)

    async def pump(
        source: aiohttp.ClientWebSocketResponse | web.WebSocketResponse,
        sink: aiohttp.ClientWebSocketResponse | web.WebSocketResponse,
    ) -> None:
        with contextlib.suppress(ConnectionError, aiohttp.ClientError):
            async for message in source:
                if message.type is aiohttp.WSMsgType.BINARY:
                    await sink.send_bytes(message.data)
                elif message.type is aiohttp.WSMsgType.TEXT:
                    await sink.send_str(message.data)
        await sink.close()

    await asyncio.gather(pump(upstream, downstream), pump(downstream, upstream))
    return downstream


def blocked(*paths: str, status: int = 403) -> Callable[[web.Request], web.StreamResponse | None]:
    """Refuses whatever is below these paths."""

    def intercept(request: web.Request) -> web.StreamResponse | None:
        return web.Response(status=status) if request.path.startswith(paths) else None

    return intercept


def certificate(folder: Path, name: str = "IP:127.0.0.1,DNS:localhost", *, expired: bool = False) -> Path:
    """A self-signed certificate with its key, in one file, made by the openssl command."""
    pem, request, database = folder / "server.pem", folder / "request.pem", folder / "database"
    config = folder / "openssl.cnf"
    config.write_text(
        f"[req]\ndistinguished_name=dn\nprompt=no\n[dn]\nCN=lkdiag test\n[ext]\nsubjectAltName={name}\n"
        f"[ca]\ndefault_ca=own\n[own]\ndatabase={database}\nnew_certs_dir={folder}\nrand_serial=yes\n"
        "default_md=sha256\npolicy=any\n[any]\ncommonName=supplied\n"
    )
    database.write_text("")
    key = folder / "key.pem"
    dates = ("20200101000000Z", "20200201000000Z") if expired else ("20200101000000Z", "20991231000000Z")
    for command in (
        ["req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", request, "-config", config],
        ["ca", "-selfsign", "-batch", "-notext", "-config", config, "-keyfile", key, "-in", request, "-out", pem,
         "-extensions", "ext", "-startdate", dates[0], "-enddate", dates[1]],
    ):  # fmt: skip
        subprocess.run(["openssl", *map(str, command)], check=True, capture_output=True)
    pem.write_text(pem.read_text() + key.read_text())
    return pem


def server_side(pem: Path) -> ssl.SSLContext:
    """For a server that shows this certificate."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pem)
    return context
