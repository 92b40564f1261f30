"""Name and port: does the host resolve, and does something listen there?"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import os
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from lkdiag.doctor.ask import reason_of
from lkdiag.doctor.check import failed, ok

if TYPE_CHECKING:
    from lkdiag.doctor.bench import Bench
    from lkdiag.doctor.check import Found
    from lkdiag.settings import Credentials

RESOLVE_WITHIN_S = 10.0
CONNECT_WITHIN_S = 5.0
DEFAULT_PORTS = {"ws": 80, "http": 80, "wss": 443, "https": 443}


def endpoint(credentials: Credentials) -> tuple[str, int]:
    """Host and port of a URL that has been checked."""
    parts = urlsplit(credentials.url)
    return parts.hostname or "", parts.port or DEFAULT_PORTS[parts.scheme]


async def dns(bench: Bench) -> Found:
    """Does the host's name resolve?"""
    assert bench.address is not None, "needs `url`"
    host, port = endpoint(bench.address)
    try:
        async with asyncio.timeout(RESOLVE_WITHIN_S):
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, TimeoutError) as error:
        return failed(
            f"{host} can't be resolved: {reason_of(error)}",
            "Look for a typing mistake in the URL's host, then at this machine's DNS and VPN.",
        )
    bench.addresses = list(dict.fromkeys(str(address[4][0]) for address in found))
    with contextlib.suppress(ValueError):
        ipaddress.ip_address(host)
        return ok(f"{host} is an address")
    more = f" and {len(bench.addresses) - 1} more" if len(bench.addresses) > 1 else ""
    return ok(f"{host} is {bench.addresses[0]}{more}", addresses=", ".join(bench.addresses))


async def tcp(bench: Bench) -> Found:
    """Does something listen on the port?"""
    assert bench.address is not None, "needs `url`"
    host, port = endpoint(bench.address)
    tried = dict(zip(bench.addresses, await asyncio.gather(*(_connect(a, port) for a in bench.addresses)), strict=True))
    reached = [address for address, problem in tried.items() if not problem]
    failures = "; ".join(
        f"{address}: {problem}" if len(tried) > 1 else problem for address, problem in tried.items() if problem
    )
    if reached:
        return ok(f"{reached[0]} listens on port {port}", others_failed=failures)
    if bench.address.is_loopback:
        fix = "Start the server (`livekit-server --dev` listens on 7880), or, in a container, name its host instead."
    else:
        fix = "See whether the server is up and its port right, and whether a firewall lets this machine out to it."
    return failed(f"{host} can't be reached on port {port}: {failures}", fix)


async def _connect(address: str, port: int) -> str:
    """Why it failed; empty where it did not."""
    try:
        async with asyncio.timeout(CONNECT_WITHIN_S):
            _, writer = await asyncio.open_connection(address, port)
    except TimeoutError:
        return f"no answer within {CONNECT_WITHIN_S:g} s"
    except OSError as error:
        return _words(error)
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return ""


def _words(error: OSError) -> str:
    """asyncio's own text repeats the address."""
    return os.strerror(error.errno) if error.errno else str(error)
