"""HTTP, and what its Date header says of the clocks."""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import aiohttp

from lkdiag.doctor.ask import reason_of, session
from lkdiag.doctor.check import failed, info, ok, warning
from lkdiag.trial.preflight import BEHIND_MAX_S, CLOCK_HINT, SKEW_MAX_S

if TYPE_CHECKING:
    from lkdiag.doctor.bench import Bench
    from lkdiag.doctor.check import Found

AHEAD_MAX_S = 60.0
"""A clock that is further ahead makes tokens that are not valid yet (go-jose jwt.DefaultLeeway, livekit-server 1.13.5);
as in `lkdiag.trial.preflight`."""


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
