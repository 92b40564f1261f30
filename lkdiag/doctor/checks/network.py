"""The way to the server: name, address, TLS, HTTP, and what its Date header says of the clocks."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import os
import socket
import ssl
import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import aiohttp

from lkdiag.doctor.check import failed, info, ok, reason_of, session, warning
from lkdiag.run.preflight import BEHIND_MAX_S, CLOCK_HINT, SKEW_MAX_S

if TYPE_CHECKING:
    from lkdiag.doctor.bench import Bench
    from lkdiag.doctor.check import Found
    from lkdiag.settings import Credentials


# Name and port: does the host resolve, and does something listen there?

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


# TLS: is the certificate one that clients take, for this name, and for how long yet?

HANDSHAKE_WITHIN_S = 10.0
SOON_DAYS = 14
DAY_S = 86_400

EXPIRED, NOT_YET_VALID, SELF_SIGNED, SELF_SIGNED_IN_CHAIN, ISSUER_UNKNOWN, OTHER_NAME, OTHER_ADDRESS = (
    10, 9, 18, 19, 20, 62, 64,
)  # fmt: skip
"""OpenSSL's X509_V_ERR_…."""
CA_FIX = (
    "Have the certificate signed by a public CA, or name the file of your own CA in SSL_CERT_FILE, on every client."
)
FIXES = {
    EXPIRED: "Renew the certificate on the server, or on the proxy before it.",
    NOT_YET_VALID: "Set this machine's clock, or wait until the certificate is valid.",
    SELF_SIGNED: CA_FIX,
    SELF_SIGNED_IN_CHAIN: CA_FIX,
    ISSUER_UNKNOWN: "Have the server send its whole chain (fullchain.pem), or name your CA's file in SSL_CERT_FILE.",
    OTHER_NAME: "Use the name that the certificate is for in the URL, or get a certificate for this one.",
    OTHER_ADDRESS: "Use the name that the certificate is for in the URL, or get a certificate for this address.",
}


async def tls(bench: Bench) -> Found:
    """Is there a TLS connection, or a reason to have none?"""
    address = bench.address
    assert address is not None, "needs `url`"
    if urlsplit(address.url).scheme in ("ws", "http"):
        if address.is_loopback:
            return info("none: it does not leave this machine")
        return warning(
            "none: tokens go over the network for everybody to read",
            f"Put a proxy with a certificate before the server, and write {address.url.replace('ws:', 'wss:')}.",
        )
    host, port = endpoint(address)
    try:
        certificate, version = await _handshake(host, port)
    except ssl.SSLCertVerificationError as error:
        fix = FIXES.get(error.verify_code, "Give the server a certificate that clients take.")
        return failed(f"the certificate is refused: {error.verify_message.rstrip('.')}", fix)
    except ssl.SSLError as error:
        if error.reason in ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG", "HTTP_REQUEST"):
            plain = address.url.replace("wss:", "ws:").replace("https:", "http:")
            return failed(f"port {port} does not speak TLS", f"Write {plain}, or the port that has TLS.")
        return failed(f"no TLS connection: {error.reason or error}", "Look at the TLS settings of the server's proxy.")
    except (OSError, TimeoutError) as error:
        return failed(
            f"no TLS connection: {reason_of(error)}",
            "See whether a TLS server is behind this port, and whether a firewall cuts it off.",
        )
    return _judged(certificate, version)


async def _handshake(host: str, port: int) -> tuple[dict[str, Any], str]:
    """The server's certificate, and the protocol's version."""
    async with asyncio.timeout(HANDSHAKE_WITHIN_S):
        _, writer = await asyncio.open_connection(host, port, ssl=ssl.create_default_context(), server_hostname=host)
    try:
        layer = writer.get_extra_info("ssl_object")
        return dict(writer.get_extra_info("peercert")), str(layer.version())
    finally:
        writer.close()
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(1):
                await writer.wait_closed()


def _judged(certificate: dict[str, Any], version: str) -> Found:
    until = str(certificate.get("notAfter", ""))
    left_days = (ssl.cert_time_to_seconds(until) - time.time()) / DAY_S
    issuer = {name: text for part in certificate.get("issuer", ()) for name, text in part}
    by = issuer.get("organizationName") or issuer.get("commonName", "")
    names = ", ".join(name for _, name in certificate.get("subjectAltName", ()))
    seen = f"{version}, the certificate is good for {left_days:.0f} more days"
    if left_days < SOON_DAYS:
        return warning(
            seen,
            "Renew the certificate, and see why that did not happen by itself.",
            until=until,
            issued_by=by,
            names=names,
        )
    return ok(seen, until=until, issued_by=by, names=names)


# HTTP, and what its Date header says of the clocks.

AHEAD_MAX_S = 60.0
"""A clock that is further ahead makes tokens that are not valid yet (go-jose jwt.DefaultLeeway, livekit-server 1.13.5);
as in `lkdiag.run.preflight`."""


async def http(bench: Bench) -> Found:
    """Does it answer?"""
    address = bench.address
    assert address is not None, "needs `url`"
    asked_s = time.time()
    try:
        async with session() as client, client.get(address.http_url, allow_redirects=False) as response:
            heard_s = time.time()
            body = (await response.content.read(64)).strip()
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        return failed(
            f"{address.host} takes the connection, but does not answer: {reason_of(error)}",
            "See whether the server is overloaded or stuck, and whether the URL's port is LiveKit's own (7880).",
        )
    bench.date, bench.answered_at_s = response.headers.get("Date"), (asked_s + heard_s) / 2
    details = {"server": response.headers.get("Server", "")}
    where = response.headers.get("Location", "")
    if response.status in (301, 302, 303, 307, 308) and where:
        return warning(
            f"redirected to {where} (HTTP {response.status})",
            "Write the address that it redirects to into the URL: calls of the API don't follow it.",
            **details,
        )
    if response.status == 200 and body == b"OK":
        return ok("answers OK, as LiveKit does", **details)
    return info(f"answers HTTP {response.status}, not LiveKit's own OK: perhaps a proxy's", **details)


async def clock(bench: Bench) -> Found:
    """How far is this machine's clock from the server's?"""
    try:
        server_s = parsedate_to_datetime(bench.date or "").timestamp()
    except (ValueError, TypeError):
        return info("the server does not tell its time")
    # the header counts whole seconds: half of one is the best guess at the rest
    skew_s = bench.answered_at_s - server_s - 0.5
    side = "ahead of" if skew_s > 0 else "behind"
    seen = f"this machine's clock is {span(abs(skew_s))} {side} the server's"
    fix = f"{CLOCK_HINT[0].upper()}{CLOCK_HINT[1:]}."
    if skew_s >= AHEAD_MAX_S or -skew_s >= BEHIND_MAX_S:
        return failed(seen, fix)
    if abs(skew_s) >= SKEW_MAX_S:
        return warning(seen, fix)
    return ok("agrees with the server's to the second" if abs(skew_s) < 2 else seen)


def span(seconds: float) -> str:
    """`45 seconds`, `60 minutes`, `8.0 hours`."""
    if seconds >= 5400:
        return f"{seconds / 3600:.1f} hours"
    return f"{seconds / 60:.0f} minutes" if seconds >= 90 else f"{seconds:.0f} seconds"
