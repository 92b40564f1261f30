"""TLS: is the certificate one that clients take, for this name, and for how long yet?"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from lkdiag.doctor.ask import reason_of
from lkdiag.doctor.check import failed, info, ok, warning
from lkdiag.doctor.checks.network import endpoint

if TYPE_CHECKING:
    from lkdiag.doctor.bench import Bench
    from lkdiag.doctor.check import Found

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
